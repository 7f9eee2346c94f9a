import Basics
import Evaluation
import Foundation
import Torch

/// What `metrics.json` of a run holds.
struct RunMetrics: Codable {
    /// What a stage cost.
    struct Cost: Codable {
        var stage: String
        var seconds: Double
        var images: Int
        /// Views, and images of a backbone that rests, which passed forward only.
        var views: Int
        var reused: Bool
    }
    /// A teacher on the validation images.
    struct Teacher: Codable {
        struct Entry: Codable {
            var name: String
            @ExplicitNull var averagePrecision: Double?
            @ExplicitNull var rocAUC: Double?

            enum CodingKeys: String, CodingKey {
                case name, averagePrecision
                case rocAUC = "rocAuc"
            }
        }
        var subset: String
        var classes: [Entry]
    }
    var fovea = Program.version
    var engine = Engine.version
    /// The arithmetic of the trainings; nil in files of earlier versions.
    var precision: Precision?
    /// The hash of each label table, by its path.
    var labelTables: [String: String]
    /// The hash of the attribute file; nil without one.
    var attributes: String?
    var configuration: String
    /// The hash of `split.csv`; nil in runs of earlier versions.
    var split: String?
    /// The hash of each of `RunResults.names`, by its path in the run folder; nil in runs of earlier versions.
    var files: [String: String]?
    var plain: EvaluationResult
    var teachers: [Teacher]
    var student: EvaluationResult?
    var difference: PairedResult?
    var cost: [Cost]
    /// Wall seconds of all sessions.
    var seconds: Double
    /// Wall seconds of each session, the last one's until the report; nil in runs of earlier versions.
    var sessions: [Double]?

    /// The metrics of the model that the run offers.
    var best: EvaluationResult { student ?? plain }

    /// Reads the file of a finished run.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is none.
    static func read(_ path: String) throws -> RunMetrics {
        let data = FileManager.default.contents(atPath: path) ?? Data()
        do {
            return try JSONFormat.decoded(RunMetrics.self, from: data)
        } catch {
            throw FoveaError(
                .data,
                "\(path) is not what a run of this version writes: \(JSONFault.words(error, in: data, decoding: RunMetrics.self))",
                remedy: "Remove the run's folder; the run is then made again, its finished stages are not.")
        }
    }
}
