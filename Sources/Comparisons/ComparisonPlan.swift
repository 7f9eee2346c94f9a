import Basics
import Cohorts
import Evaluation
import Execution
import RunFiles
import Settings
import Torch

/// All cells of a comparison, in the order in which they are run: seed by seed, so that one that is stopped has whole
/// seeds, and all cells of a unit one after the other, so that they find each other's stages.
struct ComparisonPlan {
    /// What is read once of a data set: labels and folds, no image.
    struct Dataset {
        let name: String
        let cohort: Cohort
        let attributes: ClassAttributes?
        let labels: LabelHashes
        /// By fold; the key is nil where the configuration's split holds.
        let splits: [(fold: Int?, split: Split)]

        /// The training images that show each class, or any member of a merged one: the mean over the folds, at least 1
        /// where any fold has one.
        ///
        /// - Throws: `FoveaError` of kind `data` where the merging does not fit the classes.
        func trainingImages(_ merging: ClassMerging) throws -> [Int] {
            try merging.columns(of: cohort.classes).map { column in
                let counts = splits.map { cohort.rows(showing: column.members, among: $0.split.training).count }
                let sum = counts.reduce(0, +)
                return sum == 0 ? 0 : max(1, Int((Double(sum) / Double(counts.count)).rounded()))
            }
        }
    }

    let settings: ComparisonSettings
    let datasets: [Dataset]
    private(set) var cells: [ComparisonCell]

    /// Reads the configurations and label tables and verifies every cell as far as that is possible before images are
    /// decoded.
    ///
    /// - Parameter choose: chooses the arithmetic of the cells that leave it open, where none of them has begun; nil: it stays
    ///   open.
    /// - Throws: `FoveaError`; what a run would refuse names the data set, the technique and the arm.
    init(_ settings: ComparisonSettings, choosing choose: ((RunSettings) throws -> RunSettings)? = nil) throws {
        self.settings = settings
        var datasets: [Dataset] = []
        var cells: [ComparisonCell] = []
        for dataset in settings.datasets {
            let maker = ComparisonCellBuilder(comparison: settings, dataset: dataset)
            let first = try maker.settings(technique: settings.techniques[0], fold: dataset.folds.first, seed: 0)
            let read = try first.dividedCohort()
            let splits = try (dataset.folds.isEmpty ? [nil] : dataset.folds.map(Optional.init)).map { fold in
                let run = try maker.settings(technique: settings.techniques[0], fold: fold, seed: 0)
                return (fold: fold, split: try run.divide(read.cohort))
            }
            let known = Dataset(
                name: dataset.name, cohort: read.cohort, attributes: read.attributes,
                labels: LabelHashes(first.data, read.cohort, read.attributes), splits: splits)
            datasets.append(known)
            cells += try maker.cells(of: known)
        }
        self.datasets = datasets
        let order = Dictionary(uniqueKeysWithValues: settings.seeds.enumerated().map { ($1, $0) })
        self.cells = cells.enumerated().sorted {
            (order[$0.element.unit.seed] ?? 0, $0.offset) < (order[$1.element.unit.seed] ?? 0, $1.offset)
        }.map(\.element)
        try settlePrecision(choose)
    }

    /// Gives all cells that leave the arithmetic open the same one: that of a cell which has begun, else what is chosen for
    /// the first of them.
    private mutating func settlePrecision(_ choose: ((RunSettings) throws -> RunSettings)?) throws {
        let open = cells.indices.filter { cells[$0].settings.training.precision == nil }
        guard let first = open.first else { return }
        var begun: Precision?
        for index in open where begun == nil { begun = try cells[index].written()?.training.precision(on: .best) }
        guard let precision = try begun ?? choose?(cells[first].settings).training.precision else { return }
        for index in open { try cells[index].settle(precision) }
    }

    private init(_ settings: ComparisonSettings, datasets: [Dataset], cells: [ComparisonCell]) {
        self.settings = settings
        self.datasets = datasets
        self.cells = cells
    }

    /// The plan with some of its folds; with all of them for none.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a fold that no data set has.
    func only(_ folds: [Int]) throws -> ComparisonPlan {
        guard !folds.isEmpty else { return self }
        let known = Set(datasets.flatMap { $0.splits.compactMap(\.fold) }).sorted()
        if let fold = folds.first(where: { !known.contains($0) }) {
            throw FoveaError(
                .configuration, "the comparison has no fold \(fold)",
                remedy: known.isEmpty
                    ? "It has none: run it without --folds."
                    : "It has: \(Pluralization.listing(known.map(String.init))).")
        }
        let kept = datasets.map { dataset in
            Dataset(
                name: dataset.name, cohort: dataset.cohort, attributes: dataset.attributes, labels: dataset.labels,
                splits: dataset.splits.filter { $0.fold.map(folds.contains) ?? false })
        }
        return ComparisonPlan(
            settings, datasets: kept.filter { !$0.splits.isEmpty },
            cells: cells.filter { $0.unit.fold.map(folds.contains) ?? false })
    }

    /// The units, in the order of their cells.
    var units: [ComparisonUnit] {
        var seen = Set<ComparisonUnit>()
        return cells.map(\.unit).filter { seen.insert($0).inserted }
    }
}
