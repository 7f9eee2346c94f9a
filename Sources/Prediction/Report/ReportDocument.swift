import Basics
import Evaluation
import Reports
import RunFiles

extension ModelReporting {
    /// `report.json`: the numbers of the page.
    struct Document: Encodable {
        /// What page, model card and terminal have in front: means over all classes that can be measured.
        private struct Headline: Encodable {
            var model: String
            @ExplicitNull var meanAveragePrecision: Double?
            @ExplicitNull var meanROCAUC: Double?
            var words: String

            enum CodingKeys: String, CodingKey {
                case model, meanAveragePrecision, words
                case meanROCAUC = "meanRocAuc"
            }
        }

        private struct File: Encodable {
            var name: String
            var sha256: String
        }

        private let fovea = Program.version
        private let run: String
        private let headline: Headline
        private let facts: [String: String]
        private let notes: [String]
        private let classNames: [String: String]
        @ExplicitNull private var student: EvaluationResult?
        private let plain: EvaluationResult
        @ExplicitNull private var difference: PairedResult?
        private let curves: [ModelReport.ClassCurves]
        private let calibration: CalibrationCheck?
        private let subgroups: [ModelReport.Subgroup]
        private let netBenefit: [ModelReport.Decision]
        private let missed: [ModelReport.Mistake]
        private let falseAlarms: [ModelReport.Mistake]
        @ExplicitNull private var mapsMissing: String?
        private let teachers: [RunMetrics.Teacher]
        private let cost: [RunMetrics.Cost]
        private let files: [File]
        private let commands: [String]

        init(_ report: ModelReport, _ metrics: RunMetrics, _ check: CalibrationCheck?) {
            run = report.name
            let all = report.best.groups.all
            headline = Headline(
                model: report.bestName, meanAveragePrecision: all.averagePrecision.mean, meanROCAUC: all.rocAUC.mean,
                words: EvaluationTables(report.best).headline)
            facts = Dictionary(report.facts.map { ($0.name, $0.value) }) { first, _ in first }
            notes = report.notes
            classNames = report.names
            plain = report.plain
            curves = report.curves
            calibration = check
            subgroups = report.subgroups
            netBenefit = report.decisions
            missed = report.missed
            falseAlarms = report.falseAlarms
            teachers = metrics.teachers
            cost = metrics.cost
            files = report.hashes.map { File(name: $0.name, sha256: $0.sha256) }
            commands = report.commands
            _mapsMissing = ExplicitNull(wrappedValue: report.mapsMissing)
            _student = ExplicitNull(wrappedValue: report.student)
            _difference = ExplicitNull(wrappedValue: report.difference)
        }
    }
}
