import Basics

/// Rows with their positives, arranged for drawing by class.
///
/// Every positive of a row counts, not just one of them, so a photograph with a frequent and a rare finding is in both
/// pools. Rows without positives form a pool of their own, a pseudo class, so that every sampler draws images of
/// healthy eyes.
public struct LabelledRows: Sendable {
    /// The rows, as the caller numbers them.
    public let rows: [Int]
    /// The positions in `rows` of each class's positives: [classes][n_c].
    public let positions: [[Int]]
    /// The positions in `rows` of those without a positive.
    public let labelFree: [Int]

    /// Arranges `rows`, which are row numbers of a label matrix.
    ///
    /// - Parameters:
    ///   - labels: row-major [all rows x classCount]: 1 present, 0 absent, -1 unknown (not a positive).
    ///   - rows: those to draw from.
    /// - Throws: `FoveaError` when there are no rows or one lies outside the labels.
    public init(labels: [Int8], classCount: Int, rows: [Int]) throws {
        guard !rows.isEmpty else { throw FoveaError(.data, "there are no photographs to draw from") }
        guard classCount > 0, rows.allSatisfy({ $0 >= 0 && ($0 + 1) * classCount <= labels.count }) else {
            throw FoveaError(.data, "a row to draw from lies outside the \(labels.count) labels")
        }
        var positions = [[Int]](repeating: [], count: classCount)
        var labelFree: [Int] = []
        for (position, row) in rows.enumerated() {
            var isFree = true
            for column in 0..<classCount where labels[row * classCount + column] == 1 {
                positions[column].append(position)
                isFree = false
            }
            if isFree { labelFree.append(position) }
        }
        self.rows = rows
        self.positions = positions
        self.labelFree = labelFree
    }

    /// What can be drawn from: the classes with positives, in order, then the label-free rows if there are any.
    var pools: [[Int]] { (positions + [labelFree]).filter { !$0.isEmpty } }
}
