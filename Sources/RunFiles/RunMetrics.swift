import Basics
import Evaluation
import Foundation
import Torch

/// What `metrics.json` of a run holds.
package struct RunMetrics: Codable {
    /// What a stage cost.
    package struct Cost: Codable {
        package var stage: String
        package var seconds: Double
        package var images: Int
        /// Views, and images of a frozen backbone, which passed forward only.
        package var views: Int
        package var reused: Bool
        /// Multiply-adds, where a backward pass takes twice those of a forward one; nil in files of earlier versions.
        package var multiplyAdds: Double?

        package init(
            stage: String, seconds: Double, images: Int, views: Int, reused: Bool, multiplyAdds: Double? = nil
        ) {
            (self.stage, self.seconds, self.images) = (stage, seconds, images)
            (self.views, self.reused, self.multiplyAdds) = (views, reused, multiplyAdds)
        }
    }
    /// A teacher on the validation images.
    package struct Teacher: Codable {
        package struct Entry: Codable {
            package var name: String
            @ExplicitNull package var averagePrecision: Double?
            @ExplicitNull package var rocAUC: Double?

            package init(name: String, averagePrecision: Double?, rocAUC: Double?) {
                (self.name, self.averagePrecision, self.rocAUC) = (name, averagePrecision, rocAUC)
            }

            enum CodingKeys: String, CodingKey {
                case name, averagePrecision
                case rocAUC = "rocAuc"
            }
        }
        package var subset: String
        package var classes: [Entry]

        package init(subset: String, classes: [Entry]) { (self.subset, self.classes) = (subset, classes) }
    }
    /// One of the trainings of which the best is taken.
    package struct Candidate: Codable {
        /// In words.
        package var training: String
        /// On the inner split; nil where no class has one.
        @ExplicitNull package var meanAveragePrecision: Double?
        package var taken: Bool

        package init(training: String, meanAveragePrecision: Double?, taken: Bool) {
            (self.training, self.meanAveragePrecision, self.taken) = (training, meanAveragePrecision, taken)
        }
    }
    package var fovea = Program.version
    package var engine = Engine.version
    /// The arithmetic of the trainings; nil in files of earlier versions.
    package var precision: Precision?
    /// The hash of each label table, by its path.
    package var labelTables: [String: String]
    /// The hash of the attribute file; nil without one.
    package var attributes: String?
    package var configuration: String
    /// The hash of `split.csv`; nil in runs of earlier versions.
    package var split: String?
    /// The hash of each of `RunResults.names`, by its path in the run folder; nil in runs of earlier versions.
    package var files: [String: String]?
    /// nil where there was no choice, and in runs of earlier versions.
    package var candidates: [Candidate]?
    package var plain: EvaluationResult
    package var teachers: [Teacher]
    package var student: EvaluationResult?
    package var difference: PairedResult?
    package var cost: [Cost]
    /// Multiply-adds of one prediction of the model that the run offers; nil in files of earlier versions.
    package var predictionMultiplyAdds: Double?
    /// Wall seconds of all sessions.
    package var seconds: Double
    /// Wall seconds of each session, the last one's until the report; nil in runs of earlier versions.
    package var sessions: [Double]?

    package init(
        precision: Precision, labelTables: [String: String], attributes: String?, configuration: String, split: String,
        files: [String: String], plain: EvaluationResult, teachers: [Teacher], student: EvaluationResult?,
        difference: PairedResult?, cost: [Cost], predictionMultiplyAdds: Double?,
        seconds: Double, sessions: [Double]
    ) {
        (self.precision, self.labelTables, self.attributes) = (precision, labelTables, attributes)
        (self.configuration, self.split, self.files) = (configuration, split, files)
        (self.plain, self.teachers, self.student, self.difference) = (plain, teachers, student, difference)
        (self.cost, self.predictionMultiplyAdds) = (cost, predictionMultiplyAdds)
        (self.seconds, self.sessions) = (seconds, sessions)
    }

    /// The metrics of the model that the run offers.
    package var best: EvaluationResult { student ?? plain }

    /// Reads the file of a finished run.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is none.
    package static func read(_ path: String) throws -> RunMetrics {
        let data = try RegularFile.contents(of: path, atMost: 1 << 30) ?? Data()
        do {
            return try JSONFormat.decoded(RunMetrics.self, from: data)
        } catch {
            throw FoveaError(
                .data, about: path,
                "is not what a run of this version writes: \(JSONFault.words(error, in: data, decoding: RunMetrics.self))",
                remedy: RunResults.remedy(PathName.folder(of: path)))
        }
    }
}
