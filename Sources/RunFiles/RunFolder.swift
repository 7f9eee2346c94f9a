import Basics
import Cohorts
import Evaluation
import Foundation
import Models

/// The folder of a run, held by one process at a time.
public final class RunFolder {
    /// Where it is.
    public let path: String
    private let lock: FileLock?

    /// Makes or opens the folder and locks it. What lies in it stays as it is.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when the folder already holds a run and `isResuming` is false, or
    ///   files that a run would overwrite and that were not written by one; of kind `busy` when another process holds it.
    public init(_ path: String, isResuming: Bool) throws {
        self.path = path
        try Folder.check(path, named: "output")
        try Folder.make(path)
        guard let lock = try FileLock(PathName.joined(path, ".lock")) else {
            throw FoveaError(
                .busy, "another process is training in \(path)", remedy: "Wait for it, or use another folder.")
        }
        self.lock = lock
        try Self.requireOwn(path, isResuming: isResuming)
    }

    /// The folder of a run that another process holds, with which this one trains and which alone writes there.
    package init(heldByOther path: String) { (self.path, lock) = (path, nil) }

    /// The path of a file in the folder.
    public func file(_ name: String) -> String { PathName.joined(path, name) }

    /// The messages of all processes that worked at the run.
    package static let logName = "run.log"
    /// What a run writes from its beginning on.
    package static let early = [RunConfiguration.name, RunSources.name, "sessions.json", "history.csv", logName]
    /// What it writes when everything is trained, after `split.csv`.
    package static let late = [
        ModelBundle.configurationName, ModelBundle.weightsName, "predictions.csv", "metrics.json", "report.md",
    ]

    /// Refuses a folder with another run's work, unless it is resumed, and one with files that a run would overwrite and
    /// that were not written by one.
    ///
    /// `sources.json` says that a run was accepted here, and `split.csv` or a model that it had come to its end. Runs of
    /// earlier versions have neither; `--resume` names them.
    /// - Throws: `FoveaError` of kind `configuration` that names the files; of kind `data` where a run is resumed whose
    ///   `sources.json` is damaged.
    package static func requireOwn(_ path: String, isResuming: Bool) throws {
        // A run that ended before anything was finished may be begun again.
        if !isResuming { try refuseUsed(path) }
        func has(_ name: String) -> Bool { access(PathName.joined(path, name), F_OK) == 0 }
        func isFilled(_ name: String) -> Bool { FileManager.default.isFilledFolder(PathName.joined(path, name)) }
        let isResumed = isResuming && has(RunConfiguration.name)
        let record = isResumed ? try RunSources.read(path) : (try? RunSources.read(path)) ?? nil
        let isRun = record != nil || isResumed
        let hasReported = isRun && [RunSplit.name, ModelBundle.weightsName].contains(where: has)
        var foreign: [String] = []
        if !isRun {
            foreign += early.filter(has)
            foreign += ["stages", "checkpoints"].filter {
                isFilled($0) && !StageFolder.isOne(PathName.joined(path, $0))
            }
            .map { $0 + "/" }
        }
        if !hasReported {
            foreign +=
                ([RunSplit.name, calibrationName] + late).filter(has)
                + ["plain", "plots"].filter(isFilled).map { $0 + "/" }
        }
        guard !foreign.isEmpty else { return }
        throw FoveaError(
            .configuration, about: path,
            "holds files or folders that a run would overwrite or write into and that were not made by a run: "
                + Pluralization.listing(foreign), remedy: "Choose another folder as `output`, or move these away.")
    }

    /// Checkpoints of a stage of this name that belong to another recipe.
    package func foreignCheckpoints(of stage: String, excluding place: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: file("checkpoints"))) ?? []
        return names.filter { name in
            // The name of the stage, a hyphen and sixteen digits of the hash.
            name != place && name.count == place.count && name.hasPrefix(stage + "-")
        }.sorted().map { file("checkpoints/" + $0) }
    }

    /// Writes something as JSON.
    public func write(_ value: some Encodable, to name: String) throws {
        try AtomicFile.write(JSONFormat.encoded(value), to: file(name))
    }

    /// Writes probabilities as a table: an image column and one column for each class.
    public func write(_ outcomes: Outcomes, to name: String) throws {
        try AtomicFile.write(outcomes.csv, to: file(name))
    }
}

extension Outcomes {
    /// The probabilities as a table that `--predictions` reads.
    package var csv: String {
        var text = CSVText(header: ["image"] + classes)
        for (row, image) in images.enumerated() {
            text.append([image] + classes.indices.map { "\(score(image: row, class: $0))" })
        }
        return text.text
    }
}
