import Basics
import Cohorts
import Evaluation
import FundusImaging
import Models
import RunFiles

/// Photographs with their labels for the classes of a model.
struct LabelledPhotographs {
    /// The model and the data, for headings.
    let subject: String
    let description: ModelDescription
    let cohort: Cohort
    let attributes: ClassAttributes?
    /// The rows of the cohort.
    let rows: [Int]
    /// 1, 0 or -1 for unknown, [rows, classes of the model].
    let labels: [Int8]
    /// What the reader should know of the data.
    var notes: [String]
    /// How far the eyes of the table are those that a prediction estimates; nil where no eye decides what the model sees, or
    /// the table names none.
    var eyes: EyeAgreement?
    /// The run that the model comes from; nil where it is alone.
    let record: RunRecord?
    /// Where the split of the model's run should lie and does not.
    let missingSplit: String?

    var classes: [String] { description.classes }

    /// What people call the classes, by class: by the attributes of the data, else by the model.
    var names: [String: String] {
        attributes?.namesByClass(cohort.classes) ?? Dictionary(zip(classes, description.titles)) { first, _ in first }
    }

    /// The photographs' names.
    var images: [String] { rows.map { cohort.photographs[$0].image } }

    /// The labels of a class, row by row.
    func labels(class column: Int) -> [Int8] { rows.indices.map { labels[$0 * classes.count + column] } }

    /// Labels beside scores, ready for evaluation.
    ///
    /// - Parameter scores: [rows, classes].
    func outcomes(_ scores: [Double]) throws -> Outcomes {
        try Outcomes(
            classes: classes, images: images, labels: labels, scores: scores,
            patients: cohort.knowsPatients ? rows.map { cohort.photographs[$0].patient } : [])
    }
}

/// What a model made of labelled photographs.
struct LabelledPredictions {
    let data: LabelledPhotographs
    /// The hash of each image's content.
    let contents: [String]
    /// Raw, [rows, classes].
    let logits: [Float]

    /// [rows, classes].
    var probabilities: [Float] {
        get throws { try data.description.probabilities(logits) }
    }

    /// Says which photographs are there under several names with opposite labels, the first three in words.
    var contradictions: [String] {
        let groups = Dictionary(grouping: data.rows.indices) { contents[$0] }.values.filter { $0.count > 1 }
        let images = data.images
        let opposed = groups.sorted { $0[0] < $1[0] }.compactMap { group -> String? in
            let opposed = data.classes.indices.filter { column in
                let known = group.map { data.labels[$0 * data.classes.count + column] }
                return known.contains(0) && known.contains(1)
            }
            guard !opposed.isEmpty else { return nil }
            let names = group.map { images[$0] }
            return
                "\(Pluralization.listing(names, limit: 3)) (\(Pluralization.listing(opposed.map { data.classes[$0] }, limit: 3)))"
        }
        guard !opposed.isEmpty else { return [] }
        let number = Pluralization.count(opposed.count, "photograph has", "photographs have")
        return ["\(number) several names with opposite labels: \(Pluralization.listing(opposed, limit: 3))"]
    }

    /// Labels beside scores, ready for evaluation.
    func outcomes(_ scores: [Float]) throws -> Outcomes { try data.outcomes(scores.map(Double.init)) }
}
