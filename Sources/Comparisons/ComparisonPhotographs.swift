import Basics
import Cohorts
import Execution
import FundusImaging
import RunFiles
import Settings

/// What the photographs of finished cells held when the cells were made. Cells of one data set can be compared only where that
/// is the same: exchanged photographs would count as an effect of the arm or the seed.
struct ComparisonPhotographs {
    private struct Known {
        var cell: String
        var split: RunSplit
    }
    /// The first finished cell of each data set.
    private var known: [String: Known] = [:]

    /// - Throws: `FoveaError` as `add`.
    init(_ finished: [ComparisonCell]) throws {
        for cell in finished { try add(cell) }
    }

    /// Adds a finished cell. One of an earlier version, which has no `split.csv`, says nothing.
    ///
    /// - Throws: `FoveaError` of kind `configuration` where it was made of other photographs than the cells before it; of kind
    ///   `data` where its `split.csv` is missing or changed.
    mutating func add(_ cell: ComparisonCell) throws {
        let folder = cell.settings.output
        guard let record = try RunRecord.find(for: folder) else {
            guard let missing = try RunRecord.missingSplit(of: folder) else { return }
            throw FoveaError(
                .data, about: missing,
                "is missing, though the run wrote it: which photographs it was made of is not known",
                remedy: "Restore it, or write it again with `fovea train --resume \(ShellWord.quoted(folder))`.")
        }
        guard let first = known[cell.unit.dataset] else {
            known[cell.unit.dataset] = Known(cell: folder, split: record.split)
            return
        }
        let changed = record.split.changedImages(since: first.split)
        guard changed.isEmpty else {
            throw Self.refusal("\(first.cell) and \(folder) were made of different photographs", changed)
        }
    }

    /// Refuses to make further cells where photographs have changed since the finished ones were made.
    ///
    /// - Throws: `FoveaError` of kind `configuration`; `CancellationError`.
    func requireUnchanged(_ plan: ComparisonPlan, _ context: ExecutionContext) throws {
        for dataset in plan.datasets {
            guard let first = known[dataset.name],
                let settings = plan.cells.first(where: { $0.unit.dataset == dataset.name })?.settings
            else { continue }
            let photographs = dataset.cohort.photographs
            let contents = try ImageCache.contents(
                of: photographs.map(\.path), pixelLimit: settings.image.pixelLimit,
                folder: settings.imageCacheFolder, threads: context.threads, shouldStop: context.shouldStop)
            let now = Dictionary(zip(photographs.map(\.image), contents)) { first, _ in first }
            // Of one that could not be decoded the contents then are not known.
            let changed = first.split.entries.filter { entry in
                entry.sha256.map { $0 != now[entry.image] ?? nil } ?? false
            }.map(\.image)
            guard changed.isEmpty else {
                throw Self.refusal("photographs have changed since \(first.cell) was finished", changed)
            }
        }
    }

    private static func refusal(_ words: String, _ images: [String]) -> FoveaError {
        FoveaError(
            .configuration, words + ": " + Pluralization.listing(images),
            remedy: "Restore the photographs and remove the folders of the cells that were made of others; or give the "
                + "comparison another `output`.")
    }
}

extension ComparisonPlan {
    /// How far each cell has come, and the photographs of those that are finished.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when a cell's folder holds a run of other settings, labels or initial
    ///   weights, or two cells were made of different photographs.
    func states() throws -> (states: [ComparisonCell.State], photographs: ComparisonPhotographs) {
        let states = try cells.map { try $0.state() }
        return (states, try ComparisonPhotographs(zip(cells, states).filter { $1 == .finished }.map(\.0)))
    }

    /// The cells that are not finished, and what the photographs of the finished ones held.
    ///
    /// - Throws: as `states`.
    func open() throws -> (cells: [ComparisonCell], photographs: ComparisonPhotographs) {
        let (states, photographs) = try states()
        return (zip(cells, states).filter { $1 != .finished }.map(\.0), photographs)
    }
}
