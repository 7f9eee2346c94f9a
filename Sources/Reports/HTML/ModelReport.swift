import Basics
import Cohorts
import Evaluation
import Foundation
import Plots

/// Everything that the page about a run shows, as values.
public struct ModelReport: Sendable {
    /// The curves of a class under one or two models.
    public struct ClassCurves: Encodable, Sendable {
        /// The class.
        public var name: String
        /// Its curves by the model's name.
        public var models: [String: RankingCurves]

        /// Puts them together.
        public init(name: String, models: [String: RankingCurves]) {
            (self.name, self.models) = (name, models)
        }
    }

    /// The net benefit of acting on the model for one class.
    public struct Decision: Encodable, Sendable {
        /// The class.
        public var name: String
        /// By threshold probability.
        public var netBenefit: NetBenefit

        /// Puts them together.
        public init(name: String, netBenefit: NetBenefit) {
            (self.name, self.netBenefit) = (name, netBenefit)
        }
    }

    /// The images with one value in a column of the label table.
    public struct Subgroup: Encodable, Sendable {
        /// The column.
        public var column: String
        /// The value, or a band of ages.
        public var value: String
        /// Against all other images with a value.
        public var comparison: SubgroupDifference

        /// Puts them together.
        public init(column: String, value: String, comparison: SubgroupDifference) {
            (self.column, self.value, self.comparison) = (column, value, comparison)
        }
    }

    /// What each place of an image adds to the logit of a class.
    public struct Map: Codable, Equatable, Sendable {
        /// Places from top to bottom, and from left to right.
        public var rows, columns: Int
        /// [rows, columns].
        public var values: [Float]
        /// Whether their mean plus the head's bias is the logit.
        public var exact: Bool
        /// Whether its places are too few to show where something is.
        public var coarse: Bool
        /// What they cover of the photograph, in shares of its width and height.
        public var left, top, width, height: Double
        /// Drawn over the small copy, as JPEG.
        public var overlay = Data()

        /// Puts it together.
        public init(
            rows: Int, columns: Int, values: [Float], exact: Bool, coarse: Bool, left: Double, top: Double,
            width: Double, height: Double, overlay: Data
        ) {
            (self.rows, self.columns, self.values, self.exact, self.coarse) = (rows, columns, values, exact, coarse)
            (self.left, self.top, self.width, self.height) = (left, top, width, height)
            self.overlay = overlay
        }

        enum CodingKeys: String, CodingKey { case rows, columns, values, exact, coarse, left, top, width, height }
    }

    /// An image on which the model is surest and wrong.
    public struct Mistake: Encodable, Sendable {
        /// The image's name.
        public var image: String
        /// The class.
        public var name: String
        /// What the model said.
        public var probability: Double
        /// From where on it calls the class.
        public var threshold: Double
        /// The classes that the label table gives the image.
        public var labels: [String]
        /// A small copy as JPEG; nil where the file is gone or another one.
        public var thumbnail: Data?
        /// What the model looked at; nil where it could not be computed.
        @ExplicitNull public var map: Map?

        /// Puts it together.
        public init(
            image: String, name: String, probability: Double, threshold: Double, labels: [String], thumbnail: Data?,
            map: Map? = nil
        ) {
            (self.image, self.name, self.probability, self.threshold) = (image, name, probability, threshold)
            (self.labels, self.thumbnail, self.map) = (labels, thumbnail, map)
        }

        enum CodingKeys: String, CodingKey { case image, name, probability, threshold, labels, map }
    }

    /// How calibrated probabilities do.
    public struct Calibrated: Sendable {
        /// The model's own beside the calibrated ones.
        public var summary: TextTable
        /// What the thresholds reach.
        public var points: TextTable
        /// How to read them.
        public var notes: [String]

        /// Puts it together.
        public init(summary: TextTable, points: TextTable, notes: [String]) {
            (self.summary, self.points, self.notes) = (summary, points, notes)
        }
    }

    /// The run, such as "phantoms-rskd".
    public var name: String
    /// What was trained on what.
    public var facts: [(name: String, value: String)]
    /// What the reader should mind.
    public var notes: [String]
    /// Names of classes for people.
    public var names: [String: String]
    /// The plain model.
    public var plain: EvaluationResult
    /// The student; nil without distillation.
    public var student: EvaluationResult?
    /// The student minus the plain model.
    public var difference: PairedResult?
    /// The classes with most positive images first.
    public var curves: [ClassCurves] = []
    /// Bins of the models' probabilities, and of the calibrated ones.
    public var reliability: [ReliabilityPlot.Model] = []
    /// Nil where the run has no calibration.
    public var calibrated: Calibrated?
    /// By column.
    public var subgroups: [Subgroup] = []
    /// For some classes.
    public var decisions: [Decision] = []
    /// Findings that the model did not see, the least probable first.
    public var missed: [Mistake] = []
    /// Findings that it saw and that are not there, the most probable first.
    public var falseAlarms: [Mistake] = []
    /// Why no mistake has a map; nil where they have.
    public var mapsMissing: String?
    /// Teachers class by class; nil without distillation.
    public var teachers: TeacherTable?
    /// The epochs.
    public var history: [HistoryRow] = []
    /// What the stages cost.
    public var cost = CostTable([])
    /// The files that were read and written, by name, with their SHA-256.
    public var hashes: [(name: String, sha256: String)] = []
    /// The commands that make the run and the page again.
    public var commands: [String] = []

    /// The parts that every page has.
    public init(
        name: String, facts: [(name: String, value: String)], notes: [String], names: [String: String],
        plain: EvaluationResult, student: EvaluationResult?, difference: PairedResult?
    ) {
        (self.name, self.facts, self.notes, self.names) = (name, facts, notes, names)
        (self.plain, self.student, self.difference) = (plain, student, difference)
    }

    /// The model that the run offers.
    public var best: EvaluationResult { student ?? plain }
    /// What it is called.
    public var bestName: String { student == nil ? "plain" : "student" }

    func shown(_ name: String) -> String { names[name] ?? name }
}
