import Basics
import Cohorts
import Execution
import FundusImaging
import NN
import Reports
import Settings
import Torch

/// What a run would still make, how long that may take, and what it takes on the disk.
public struct RunForecast {
    private struct Row {
        var spec: StageSpec
        var isStored: Bool
        var bytes: Int
        var seconds: Double
    }

    private let rows: [Row]
    private let checkpointBytes: Int

    init(_ plan: RunPlan, _ settings: RunSettings, _ cohort: Cohort, _ context: ExecutionContext) throws {
        let store = StageStore(folder: settings.stageFolder)
        let storage = RunStorage(settings, plan, try NetworkSize(settings, classes: cohort.classes))
        let areStored = try storage.stages.map { try store.contains($0.spec) }
        let rate = areStored.contains(false) ? try Self.rate(settings, context) : 1
        rows = zip(storage.stages, areStored).map { stage, isStored in
            Row(
                spec: stage.spec, isStored: isStored, bytes: stage.bytes,
                seconds: isStored ? 0 : stage.spec.work.total / rate)
        }
        checkpointBytes = settings.missingBytes(of: storage, peak: true)
    }

    /// Images per second in training steps, by a few steps on images of noise.
    package static func rate(_ settings: RunSettings, _ context: ExecutionContext) throws -> Double {
        Engine.threads = context.threads
        let training = try BenchmarkedTraining(
            settings.model.architecture, size: settings.image.resolution, batch: settings.training.batchSize,
            precision: settings.training.precision(on: context.device), device: context.device)
        var best = Double.infinity
        for _ in 0..<4 {
            let start = ContinuousClock.now
            _ = try training.gradients(training.readyImages)
            try training.update(measuresNorm: true)
            try context.device.synchronize()
            best = min(best, (ContinuousClock.now - start) / .seconds(1))
        }
        return Double(settings.training.batchSize) / best
    }

    /// One row per stage, in the order in which they are made, and their sum.
    public func table() -> TextTable {
        var table = TextTable(["No.", "Stage", "Needs", "State", "Images to train on", "Forward only", "About", "Disk"])
        func count(_ number: Int) -> Int? { number > 0 ? number : nil }
        let numbers = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($1.spec.id, $0 + 1) })
        for row in rows {
            let (work, isOpen) = (row.spec.work, !row.isStored)
            table.append(
                .count(numbers[row.spec.id]), .text(row.spec.id),
                .text(Self.ranges(row.spec.inputs.compactMap { numbers[$0] })),
                .text(isOpen ? "to do" : "stored"), .count(isOpen ? count(work.images) : nil),
                .count(isOpen ? count(work.views) : nil), .text(isOpen ? ProgressReporter.clock(row.seconds) : ""),
                .text(DiskSpace.mebibytes(row.bytes)))
        }
        let open = rows.filter { !$0.isStored }
        table.rules.insert(table.rows.count)
        table.append(
            .text(""), .text("together"), .text(""), .text("\(open.count) of \(rows.count) to do"),
            .count(open.reduce(0) { $0 + $1.spec.work.images }), .count(open.reduce(0) { $0 + $1.spec.work.views }),
            .text(ProgressReporter.clock(open.reduce(0) { $0 + $1.seconds })),
            .text(DiskSpace.mebibytes(open.reduce(0) { $0 + $1.bytes })))
        return table
    }

    /// Numbers in ascending order, with runs of them as ranges: "1, 7-11".
    private static func ranges(_ numbers: [Int]) -> String {
        let runs = numbers.sorted().reduce(into: [ClosedRange<Int>]()) { runs, number in
            if let last = runs.last, number == last.upperBound + 1 {
                runs[runs.count - 1] = last.lowerBound...number
            } else {
                runs.append(number...number)
            }
        }
        return runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }

    /// How to read the table.
    public var notes: [String] {
        [
            "Checkpoints and results take up to \(DiskSpace.mebibytes(checkpointBytes)) more in the run folder.",
            "Times are estimated from a few steps on images of noise, with a third of an image for each that passes forward "
                + "only; decoding, evaluation and reports come in addition. A stage counts as stored only if the cache knows "
                + "its images.",
        ]
    }
}
