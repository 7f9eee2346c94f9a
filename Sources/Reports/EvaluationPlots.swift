import Basics
import Evaluation
import Plots

extension LongTailPlot {
    /// The long tail with the average precision of one or more models on the same classes.
    ///
    /// - Parameters:
    ///   - results: models by name, with training counts known; classes are those of the first.
    ///   - names: names for people, by the class's name in the table.
    public init(title: String, results: [(name: String, result: EvaluationResult)], names: [String: String] = [:]) {
        let classes = (results.first?.result.classes ?? []).map { entry in
            ClassRow(
                names[entry.name] ?? entry.name, trainingCount: entry.trainingImages ?? 0,
                values: results.map { _, result in
                    result.classes.first { $0.name == entry.name }.map { ReportedValue($0.averagePrecision) }
                        ?? ReportedValue(nil)
                })
        }
        self.init(
            title: title, classes: classes, series: results.map(\.name),
            bounds: results.first?.result.bounds ?? .standard)
    }
}

extension GainPlot {
    /// Differences in mAP over all, many-, medium- and few-shot classes, one section a comparison.
    ///
    /// The difference over the fixed set is shown with its interval; a part of the long tail without such classes is a
    /// grey point without a claim.
    public init(title: String, comparisons: [(name: String, result: PairedResult)]) {
        let sections = comparisons.map { name, result in
            Section(
                name,
                EvaluationTables.parts.compactMap { label, group in
                    guard let part = result.groups[group], part.classes > 0 else { return nil }
                    let mean = part.averagePrecision
                    guard let fixed = mean.fixedSet else {
                        let count = Pluralization.count(mean.classes, "class", "classes")
                        return Row("\(label) (\(count))", ReportedValue(mean.difference), hasSign: false)
                    }
                    let value = ReportedValue(fixed.difference, low: fixed.interval.low, high: fixed.interval.high)
                    let some = fixed.classes == mean.classes ? "" : "\(fixed.classes) of "
                    return Row("\(label) (\(some)\(Pluralization.count(mean.classes, "class", "classes")))", value)
                })
        }
        self.init(
            title: title, measure: "Difference in mAP", sections: sections,
            level: comparisons.compactMap(\.result.bootstrap?.level).first ?? 0.95)
    }
}

extension TrainingCurvesPlot {
    /// Training loss of every stage of a history, and validation mAP of those that know all classes: a teacher's mean
    /// over its own classes cannot be compared with theirs.
    public init(title: String, history: [HistoryRow]) {
        var stages: [String] = []
        for row in history where !stages.contains(row.stage) { stages.append(row.stage) }
        func isTeacher(_ stage: String) -> Bool { stage.hasPrefix("teacher") }
        func panel(_ measure: String, _ stages: [String], _ value: (HistoryRow) -> Double?) -> Panel {
            Panel(
                measure,
                stages.map { stage in
                    Line(
                        stage, history.filter { $0.stage == stage }.map { ($0.epoch, value($0)) },
                        isTeacher: isTeacher(stage))
                })
        }
        self.init(
            title: title,
            panels: [
                panel("Training loss", stages, \.trainingLoss),
                panel("Validation mAP", stages.filter { !isTeacher($0) }, \.validationMAP),
            ])
    }
}

extension ReliabilityPlot.Model {
    /// The bins of a model's probabilities on all cells with a known label, as the calibration error has them.
    public init(_ name: String, outcomes: Outcomes, bins count: Int = 15) {
        let cells = Calibration(outcomes, bins: count)
        let bins = cells.counts.indices.map { bin in
            let (count, whole) = (cells.counts[bin], Double(cells.counts[bin]))
            return ReliabilityPlot.Bin(
                count: count, meanProbability: count > 0 ? cells.probabilities[bin] / whole : nil,
                positiveRate: count > 0 ? Double(cells.positives[bin]) / whole : nil)
        }
        self.init(name, bins: bins, calibrationError: cells.error)
    }
}
