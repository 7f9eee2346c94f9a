import Basics
import Cohorts
import Evaluation
import Foundation

/// The folder of a run, held by one process at a time.
public final class RunFolder {
    /// Where it is.
    public let path: String
    private let lock: FileLock

    /// Makes or opens the folder and locks it.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when the folder already holds a run and `isResuming` is false; of
    ///   kind `busy` when another process holds it.
    public init(_ path: String, isResuming: Bool) throws {
        self.path = path
        try Folder.check(path, named: "output")
        try Folder.make(path)
        guard let lock = try FileLock(path + "/.lock") else {
            throw FoveaError(
                .busy, "another process is training in \(path)", remedy: "Wait for it, or use another folder.")
        }
        self.lock = lock
        if !isResuming { try Self.refuseUsed(path) }
        removeLeftovers()
    }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { path + "/" + name }

    /// Removes what a process that was killed had begun to write.
    ///
    /// The lock says that none is at work here, but for finished stages: another run may use this run's.
    private func removeLeftovers() {
        guard let names = FileManager.default.enumerator(atPath: path) else { return }
        var unfinished: [String] = []
        while let name = names.nextObject() as? String {
            guard name.hasSuffix(".partial") else { continue }
            let written = names.fileAttributes?[.modificationDate] as? Date ?? Date()
            if !name.hasPrefix("stages/") || written.timeIntervalSinceNow < -3600 { unfinished.append(name) }
        }
        for name in unfinished { try? FileManager.default.removeItem(atPath: file(name)) }
    }

    /// Checkpoints of a stage of this name that belong to another recipe.
    func foreignCheckpoints(of stage: String, besides place: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: file("checkpoints"))) ?? []
        return names.filter { name in
            // The name of the stage, a hyphen and sixteen digits of the hash.
            name != place && name.count == place.count && name.hasPrefix(stage + "-")
        }.sorted().map { file("checkpoints/" + $0) }
    }

    /// Writes something as JSON.
    public func write(_ value: some Encodable, to name: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(encoder.encode(value) + Data("\n".utf8), to: file(name))
    }

    /// Writes probabilities as a table: an image column and one column for each class.
    public func write(_ outcomes: Outcomes, to name: String) throws {
        var text = CSVText(header: ["image"] + outcomes.classes)
        for (row, image) in outcomes.images.enumerated() {
            text.append(
                [image] + outcomes.classes.indices.map { "\(outcomes.score(image: row, class: $0))" })
        }
        try AtomicFile.write(text.text, to: file(name))
    }
}
