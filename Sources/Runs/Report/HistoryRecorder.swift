import Basics
import Foundation
import Logging
import Reports
import RunFiles
import Training

/// Keeps the records of a run while it goes: `history.csv`, and TensorBoard events.
final class HistoryRecorder {
    private var history: HistoryFile
    private let events: EventWriter
    private let sessions: RunSessions
    private let logger: Logger
    private let startsAgain: Bool

    /// - Parameter startsAgain: whether the epochs that the file has may be those of other data, so that it is written again
    ///   from the records of stages and checkpoints.
    init(_ folder: RunFolder, _ sessions: RunSessions, _ logger: Logger, startsAgain: Bool) throws {
        self.startsAgain = startsAgain
        if startsAgain { unlink(folder.file(HistoryFile.name)) }
        do {
            history = try HistoryFile(path: folder.file(HistoryFile.name))
        } catch var error as FoveaError where error.kind == .data {
            error.remedy = "Remove it: a resumed run writes it again from the records of its stages and checkpoints."
            throw error
        }
        events = try EventWriter(folder: folder.path)
        self.sessions = sessions
        self.logger = logger
    }

    /// All rows so far.
    var rows: [HistoryRow] { history.rows }

    /// Says what of a stage is known that was not trained here, and writes down its epochs where this run has not got them.
    func takeOver(_ stage: StageResult, named name: String) throws {
        let epochs = Pluralization.count(stage.history.count, "epoch")
        logger.info(
            "\(name): \(stage.isReused ? "finished before, \(epochs); reused" : "trained beside others, \(epochs)")")
        guard history.rows.contains(where: { $0.stage == name }) else {
            for record in stage.history { try add(record, stage: name) }
            return
        }
        try restore(stage.history, stage: name)
    }

    /// Compares the epochs of a stage in `history.csv` with those that its record or checkpoint has, and writes them again
    /// where the file was emptied, cut or changed.
    ///
    /// Later epochs stay: a process that ended after them and before the next checkpoint wrote them.
    func restore(_ records: [EpochRecord], stage name: String) throws {
        let expected = records.map { Self.row($0, stage: name) }
        guard let last = records.last, expected != history.rows.filter({ $0.stage == name && $0.epoch <= last.epoch })
        else { return }
        if !startsAgain {
            logger.warning(
                "\(history.path) does not have the \(Pluralization.count(records.count, "epoch")) of \(name) as they were "
                    + "recorded: they are written again")
        }
        for row in expected { try history.append(row) }
    }

    /// Writes down an epoch.
    func add(_ record: EpochRecord, stage: String) throws {
        let row = Self.row(record, stage: stage)
        try history.append(row)
        for (name, value) in row.namedValues { events.scalar("\(stage)/\(name)", value, step: record.epoch) }
        try events.flush()
        try sessions.write()
    }

    private static func row(_ record: EpochRecord, stage: String) -> HistoryRow {
        HistoryRow(
            stage: stage, epoch: record.epoch, step: record.steps, trainingLoss: record.totalLoss,
            labelLoss: record.loss, distillationLoss: record.distillation, featureLoss: record.features,
            validationMAP: record.validationMAP, validationMAUC: record.validationMAUC, learningRate: record.rate,
            imagesPerSecond: record.seconds > 0 ? Double(record.images) / record.seconds : nil,
            seconds: record.seconds, skippedSteps: record.skippedSteps.map(Double.init))
    }
}
