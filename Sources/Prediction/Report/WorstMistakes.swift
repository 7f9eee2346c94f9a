import Basics
import Cohorts
import Evaluation
import Models
import Reports

/// The images on which a model is surest and wrong about a finding.
struct WorstMistakes {
    private static let limit = 12
    private static let perClass = 2

    /// Positives below the threshold, the least probable first.
    let missed: [ModelReport.Mistake]
    /// Negatives from the threshold on, the most probable first.
    let falseAlarms: [ModelReport.Mistake]

    /// - Parameter view: gives what is shown of an image, by its name, its path and the class's column.
    init(
        _ data: LabelledPhotographs, _ outcomes: Outcomes, thresholds: [Double?],
        view: (_ image: String, _ path: String, _ column: Int) -> MistakeViews.View
    ) {
        func worst(_ label: Int8) -> [ModelReport.Mistake] {
            let cells = outcomes.classes.indices.flatMap { column -> [(row: Int, column: Int, score: Double)] in
                guard column != data.description.normal, let threshold = thresholds[column] else { return [] }
                let wrong = outcomes.images.indices.filter { row in
                    outcomes.label(image: row, class: column) == label
                        && (outcomes.score(image: row, class: column) >= threshold) == (label == 0)
                }.map { (row: $0, column: column, score: outcomes.score(image: $0, class: column)) }
                return Array(Self.sorted(wrong, ascending: label == 1).prefix(Self.perClass))
            }
            return Self.sorted(cells, ascending: label == 1).prefix(Self.limit).map { cell in
                let image = outcomes.images[cell.row]
                let view = view(image, data.cohort.photographs[data.rows[cell.row]].path, cell.column)
                return ModelReport.Mistake(
                    image: image, name: outcomes.classes[cell.column], probability: cell.score,
                    threshold: thresholds[cell.column] ?? 0,
                    labels: outcomes.classes.indices.filter { outcomes.label(image: cell.row, class: $0) == 1 }
                        .map { outcomes.classes[$0] },
                    thumbnail: view.thumbnail, map: view.map)
            }
        }
        missed = worst(1)
        falseAlarms = worst(0)
    }

    private static func sorted(
        _ cells: [(row: Int, column: Int, score: Double)], ascending: Bool
    ) -> [(row: Int, column: Int, score: Double)] {
        cells.sorted { one, other in
            let (a, b) = (ascending ? one.score : -one.score, ascending ? other.score : -other.score)
            return (a, one.row, one.column) < (b, other.row, other.column)
        }
    }
}
