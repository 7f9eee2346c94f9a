import Cohorts
import Evaluation
import Models

/// What a model made of labelled photographs.
struct LabelledPredictions {
    /// The model and the data, for headings.
    let subject: String
    let description: ModelDescription
    let cohort: Cohort
    let attributes: ClassAttributes?
    /// The rows of the cohort.
    let rows: [Int]
    /// 1, 0 or -1 for unknown, [rows, classes of the model].
    let labels: [Int8]
    /// The hash of each image's content.
    let contents: [String]
    /// Raw, [rows, classes].
    let logits: [Float]
    /// What the reader should know of the data.
    let notes: [String]
    let overlap: TrainingOverlap

    var classes: [String] { description.classes }

    /// [rows, classes].
    var probabilities: [Float] {
        get throws { try description.probabilities(logits) }
    }

    /// Labels beside scores, ready for evaluation.
    ///
    /// - Parameter scores: [rows, classes].
    func outcomes(_ scores: [Float]) throws -> Outcomes {
        let photographs = rows.map { cohort.photographs[$0] }
        return try Outcomes(
            classes: classes, images: photographs.map(\.image), labels: labels, scores: scores,
            patients: cohort.knowsPatients ? photographs.map(\.patient) : [])
    }

    /// The labels of a class, row by row.
    func labels(class column: Int) -> [Int8] { rows.indices.map { labels[$0 * classes.count + column] } }
}
