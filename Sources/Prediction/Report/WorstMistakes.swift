import Basics
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Reports

/// The images on which a model is surest and wrong.
struct WorstMistakes {
    /// The longer side of a thumbnail.
    static let side = 160
    private static let limit = 12
    private static let perClass = 2

    /// Positives below the threshold, the least probable first.
    let missed: [ModelReport.Mistake]
    /// Negatives from the threshold on, the most probable first.
    let falseAlarms: [ModelReport.Mistake]

    /// - Parameter hashes: what each image held when the run was made, by its name.
    init(_ data: LabelledPhotographs, _ outcomes: Outcomes, thresholds: [Double?], hashes: [String: String]) {
        func worst(_ label: Int8) -> [ModelReport.Mistake] {
            let cells = outcomes.classes.indices.flatMap { column -> [(row: Int, column: Int, score: Double)] in
                guard let threshold = thresholds[column] else { return [] }
                let wrong = outcomes.images.indices.filter { row in
                    outcomes.label(image: row, class: column) == label
                        && (outcomes.score(image: row, class: column) >= threshold) == (label == 0)
                }.map { (row: $0, column: column, score: outcomes.score(image: $0, class: column)) }
                return Array(Self.sorted(wrong, ascending: label == 1).prefix(Self.perClass))
            }
            return Self.sorted(cells, ascending: label == 1).prefix(Self.limit).map { cell in
                ModelReport.Mistake(
                    image: outcomes.images[cell.row], name: outcomes.classes[cell.column], probability: cell.score,
                    threshold: thresholds[cell.column] ?? 0,
                    labels: outcomes.classes.indices.filter { outcomes.label(image: cell.row, class: $0) == 1 }
                        .map { outcomes.classes[$0] },
                    thumbnail: Self.thumbnail(
                        data.cohort.photographs[data.rows[cell.row]].path, hash: hashes[outcomes.images[cell.row]]))
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

    /// A small copy of an image; nil where the file is gone, cannot be decoded or is not what the run saw.
    private static func thumbnail(_ path: String, hash: String?) -> Data? {
        guard let file = try? ImageFile(path: path), Digest.sha256(file.bytes) == hash else { return nil }
        return try? file.decode(side: side).jpeg(quality: 80)
    }
}
