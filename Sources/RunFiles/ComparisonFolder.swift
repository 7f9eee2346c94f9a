import Basics
import Foundation

/// The folder of a comparison, and the folder from which its paths count: `sources.json` in it.
///
/// Results over some folds or with merged classes have a folder of their own in it, with its own `sources.json`.
public struct ComparisonFolder: Codable {
    /// The description's name in the folder.
    public static let descriptionName = "comparison.yaml"
    /// The messages of all processes that worked at the comparison; those of a cell are in the folder of the cell.
    package static let logName = "comparison.log"
    /// The page about the comparison, and its numbers.
    package static let pageNames = ["report.html", "report.json"]
    private static let reports =
        [
            "comparison.md", "comparison.json", "means.csv", "differences.csv", "groups.csv", "costs.csv", "cells.csv",
            "decisions.csv", "transfer.csv",
        ] + pageNames
    private static let folders = ["plots", "cells", "stages"]

    private var format = 1
    private var fovea = Program.version
    /// Where the comparison was begun.
    package private(set) var madeIn = FileManager.default.currentDirectoryPath
    /// Whether results were written here, if only some of them; nil: by an earlier version, which did not say.
    private var hasReported: Bool? = false

    /// The record of a comparison in a folder; nil where there is none, or that of a run, or another file of its name.
    ///
    /// - Throws: `FoveaError` of kind `data` where such a file cannot be opened.
    package static func read(_ folder: String) throws -> ComparisonFolder? {
        guard let data = try RegularFile.contents(of: PathName.joined(folder, RunSources.name), atMost: 1 << 20),
            let record = try? JSONFormat.decoded(ComparisonFolder.self, from: data), record.format == 1,
            // A run's says more.
            (try? JSONFormat.decoded(RunSources.self, from: data)) == nil
        else { return nil }
        return record
    }

    private func write(to folder: String) throws {
        try AtomicFile.write(JSONFormat.encoded(self), to: PathName.joined(folder, RunSources.name))
    }

    /// The name of the folder for results over some folds or with merged classes; nil for all folds and classes.
    package static func part(folds: [Int], isMerged: Bool) -> String? {
        let words = (folds.isEmpty ? [] : ["folds"] + folds.map(String.init)) + (isMerged ? ["merged"] : [])
        return words.isEmpty ? nil : words.joined(separator: "-")
    }

    private static func isPart(_ name: String) -> Bool {
        name.wholeMatch(of: /folds(-[0-9]+)+(-merged)?|merged/) != nil
    }

    /// The command that writes the page about results over some folds or with merged classes; nil for any other folder.
    package static func reportCommand(ofPart folder: String) throws -> String? {
        let path = PathName.collapsed(PathName.absolute(folder))
        let name = PathName.last(of: path)
        guard isPart(name), try read(folder) != nil else { return nil }
        let words = name.split(separator: "-").map(String.init)
        let folds = words.filter { Int($0) != nil }
        return "fovea compare \(ShellWord.quoted(PathName.joined(PathName.folder(of: path), descriptionName))) --report"
            + (folds.isEmpty ? "" : " --folds " + folds.joined(separator: " "))
            + (words.last == "merged" ? " --merge FILE" : "")
    }

    /// Whether a file or folder of this name in `folder` belongs to a comparison there.
    static func owns(_ name: String, in folder: String) -> Bool {
        guard
            ([descriptionName, logName, RunSources.name] + reports + folders).contains(name) || isPart(name)
        else { return false }
        func has(_ name: String) -> Bool { access(PathName.joined(folder, name), F_OK) == 0 }
        return (try? read(folder)) != nil || has(descriptionName) && (has("comparison.json") || has("cells"))
    }

    /// Refuses a folder that holds files that a comparison would overwrite and that none wrote, and one in which files stand
    /// where its folders must be.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names them.
    package static func requireOwn(_ folder: String) throws {
        let remedy = "Choose another folder as `output`, or move these away."
        try Folder.check(folder, named: "output")
        for name in folders {
            try Folder.check(
                PathName.joined(folder, name), named: "the folder \(name) of a comparison", isWritten: name == "plots",
                remedy: "Choose another folder as `output`, or move that file away.")
        }
        func has(_ name: String) -> Bool { access(PathName.joined(folder, name), F_OK) == 0 }
        func isFilled(_ name: String) -> Bool { FileManager.default.isFilledFolder(PathName.joined(folder, name)) }
        let record = try read(folder)
        // Comparisons of earlier versions left no record, but cells.
        let isBegun = record != nil || has(descriptionName) && isFilled("cells")
        let hasReported = isBegun && (record?.hasReported ?? true)
        var foreign = record == nil && has(RunSources.name) ? [RunSources.name] : []
        if !isBegun {
            foreign += [descriptionName, logName].filter(has)
            // Cells lie deeper, each in a folder that is checked as that of a run; one may be there before the comparison.
            let names = (try? FileManager.default.contentsOfDirectory(atPath: PathName.joined(folder, "cells"))) ?? []
            if names.contains(where: { !Folder.exists(PathName.joined(folder, "cells", $0)) }) {
                foreign.append("cells/")
            }
            if isFilled("stages"), !StageFolder.isOne(PathName.joined(folder, "stages")) { foreign.append("stages/") }
        }
        if !hasReported { foreign += reports.filter(has) + (isFilled("plots") ? ["plots/"] : []) }
        guard !foreign.isEmpty else { return }
        throw FoveaError(
            .configuration, about: folder,
            "holds files or folders that a comparison would overwrite or write into and that were not made by "
                + "one: " + Pluralization.listing(foreign), remedy: remedy)
    }

    /// Makes the folder, or takes it over from a process before.
    ///
    /// - Throws: as `requireOwn`.
    package static func accept(_ folder: String) throws {
        try requireOwn(folder)
        try Folder.make(folder)
        removeLeftOver(folder)
        if try read(folder) == nil { try ComparisonFolder().write(to: folder) }
    }

    /// Notes that results are written to the folder from now on, so that later ones may replace them.
    ///
    /// - Throws: as `requireOwn`.
    package static func acceptReport(_ folder: String) throws {
        try requireOwn(folder)
        try Folder.make(PathName.joined(folder, "plots"))
        removeLeftOver(folder)
        var record = try read(folder) ?? ComparisonFolder()
        guard record.hasReported != true else { return }
        record.hasReported = true
        try record.write(to: folder)
    }

    /// Removes what processes that have ended had begun to write.
    private static func removeLeftOver(_ folder: String) {
        let own = [descriptionName, RunSources.name] + reports
        PartialFile.removeLeftOver(in: folder, isOwn: own.contains)
        PartialFile.removeLeftOver(in: PathName.joined(folder, "plots")) { $0.hasSuffix(".svg") }
    }
}
