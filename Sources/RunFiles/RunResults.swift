import Basics
import Foundation
import Models
import Reports

/// The files that a run leaves for other commands, and the hashes by which `metrics.json` knows them.
package struct RunResults {
    /// The files' names, in the run folder and in the folder of its plain model.
    package static let names = [ModelBundle.weightsName, ModelBundle.configurationName, "predictions.csv"]

    /// The run folder.
    private let folder: String
    /// The SHA-256 of each file, by its path in the run folder.
    private let hashes: [String: String]

    /// What `metrics.json` of a folder says; nil without it, and for one of an earlier version or of another program.
    ///
    /// - Throws: `FoveaError` of kind `data` when the one of a run is damaged.
    package static func read(_ folder: String) throws -> RunResults? {
        struct Metrics: Decodable {
            var files: [String: String]?
            var configuration: String?
        }
        let path = PathName.joined(folder, "metrics.json")
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 30) else { return nil }
        do {
            let metrics = try JSONFormat.decoded(Metrics.self, from: data)
            guard var hashes = metrics.files else { return nil }
            hashes[RunConfiguration.name] = metrics.configuration
            return RunResults(folder: folder, hashes: hashes)
        } catch {
            guard try RegularFile.exists(PathName.joined(folder, RunConfiguration.name)) else { return nil }
            throw FoveaError(
                .data, about: path, "is not the file that the run wrote: \(JSONFault.words(error, in: data))",
                remedy: remedy(folder))
        }
    }

    /// Verifies that a file is the one that the run wrote; one that is not there, or of which no hash is known, passes.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file.
    package func requireUnchanged(_ name: String) throws {
        let path = PathName.joined(folder, name)
        guard let hash = hashes[name], try RegularFile.exists(path) else { return }
        guard try Digest.sha256(fileAt: path) != hash else { return }
        let remedy =
            switch name {
            case RunConfiguration.name:
                "Restore it, or let the run be what it says now: `fovea train --resume \(ShellWord.quoted(folder))`."
            // A resumed run continues the one that it finds, and refuses one that cannot be read.
            case HistoryFile.name:
                "Remove it, and write it again with `fovea train --resume \(ShellWord.quoted(folder))`."
            default: Self.remedy(folder)
            }
        throw FoveaError(.data, about: path, "is not the file that the run wrote", remedy: remedy)
    }

    static func remedy(_ folder: String) -> String {
        "Write it again with `fovea train --resume \(ShellWord.quoted(folder))`, or copy the run folder again."
    }

    /// Verifies the files of a model: one that lies in its run folder, or among the stages of one, must be what the run
    /// wrote. Of a folder with the model alone nothing is known.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file.
    static func requireUnchangedModel(in folder: String) throws {
        try StageFolder.requireUnchanged(folder)
        if let own = try read(folder) {
            try names.prefix(2).forEach(own.requireUnchanged)
        } else if let (around, name) = runAround(folder) {
            let run = try read(around)
            for file in names.prefix(2) { try run?.requireUnchanged(PathName.joined(name, file)) }
        }
    }

    /// The run folder around that of its plain model; nil for any other folder.
    private static func runAround(_ folder: String) -> (folder: String, name: String)? {
        // "." and the like have no name of their own.
        guard let whole = realpath(folder, nil) else { return nil }
        defer { free(whole) }
        let path = String(cString: whole)
        guard PathName.last(of: path) == "plain" else { return nil }
        return (PathName.folder(of: path), "plain")
    }
}

extension ModelBundle {
    /// Reads a bundle, which must be what its run wrote where it lies in the folder of one.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file.
    package static func loadUnchanged(from folder: String) throws -> ModelBundle {
        try RunResults.requireUnchangedModel(in: folder)
        return try load(from: folder)
    }
}
