import Basics
import Execution
import Foundation
import Models
import NN
import Reports
import Runs
import Settings
import Torch

/// What a comparison would still run, and how long that may take.
public struct ComparisonForecast {
    private struct Row {
        var cell: ComparisonCell
        var state: ComparisonCell.State
        var images = 0
        var views = 0
        var seconds = 0.0
    }

    private var rows: [Row] = []

    init(_ plan: ComparisonPlan, _ context: ExecutionContext) throws {
        let (states, _) = try plan.states()
        // What finished cells have made is there for the others.
        var made = Set<StageKey>()
        for (cell, state) in zip(plan.cells, states) where state == .finished {
            _ = cell.plan.work(excluding: &made)
        }
        var rates: [String: Double] = [:]
        for (cell, state) in zip(plan.cells, states) {
            var row = Row(cell: cell, state: state)
            if state != .finished {
                let key = "\(cell.settings.model) \(cell.settings.image) \(cell.settings.training.batchSize)"
                let rate = try rates[key] ?? RunForecast.rate(cell.settings, context)
                rates[key] = rate
                let store = StageStore(folder: cell.settings.stageFolder)
                for stage in cell.plan.stages(excluding: &made) where try !store.contains(stage) {
                    row.images += stage.work.images
                    row.views += stage.work.views
                    row.seconds += stage.work.total / rate
                }
            }
            rows.append(row)
        }
    }

    /// What is not finished.
    public var openWork: OpenWork { OpenWork(rows.filter { $0.state != .finished }.map(\.cell)) }

    /// One row per cell, in the order in which they are run, and their sum.
    public func table() -> TextTable {
        var table = TextTable(["Cell", "State", "Images to train on", "Forward only", "About"])
        for row in rows {
            let isDone = row.state == .finished
            table.append(
                .text(row.cell.name), .text(isDone ? "finished" : row.state == .open ? "to do" : "interrupted"),
                .count(isDone ? nil : row.images), .count(isDone ? nil : row.views),
                .text(isDone ? "" : ProgressReporter.clock(row.seconds)))
        }
        table.rules.insert(table.rows.count)
        table.append(
            .text("together"), .text("\(rows.count { $0.state != .finished }) of \(rows.count) to do"),
            .count(rows.reduce(0) { $0 + $1.images }), .count(rows.reduce(0) { $0 + $1.views }),
            .text(ProgressReporter.clock(rows.reduce(0) { $0 + $1.seconds })))
        return table
    }

    /// How to read the table.
    public static let note =
        "What cells share is counted where it comes first. Times are guessed from a few steps on images of noise and a third "
        + "of an image for each that passes forward only; decoding, measuring and reports come on top."
}
