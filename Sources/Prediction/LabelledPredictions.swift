import Basics
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
    var notes: [String]
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

    /// Says which photographs are there under several names with opposite labels, the first three in words.
    var contradictions: [String] {
        let groups = Dictionary(grouping: rows.indices) { contents[$0] }.values.filter { $0.count > 1 }
        let opposed = groups.sorted { $0[0] < $1[0] }.compactMap { group -> String? in
            let opposed = classes.indices.filter { column in
                let known = group.map { labels[$0 * classes.count + column] }
                return known.contains(0) && known.contains(1)
            }
            guard !opposed.isEmpty else { return nil }
            let names = group.map { cohort.photographs[rows[$0]].image }
            return
                "\(Pluralization.listing(names, limit: 3)) (\(Pluralization.listing(opposed.map { classes[$0] }, limit: 3)))"
        }
        guard !opposed.isEmpty else { return [] }
        let number = Pluralization.count(opposed.count, "photograph has", "photographs have")
        return ["\(number) several names with opposite labels: \(Pluralization.listing(opposed, limit: 3))"]
    }

    /// The labels of a class, row by row.
    func labels(class column: Int) -> [Int8] { rows.indices.map { labels[$0 * classes.count + column] } }
}
