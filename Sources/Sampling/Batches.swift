import Basics

/// Cuts an epoch's stream of rows into batches.
public struct Batches: Sendable, Equatable, Codable {
    /// What happens to the rows that do not fill the last batch.
    public enum Remainder: String, Sendable, Codable, CaseIterable {
        /// They form a smaller batch.
        case keep
        /// They are dropped, unless they are all there is: a subset smaller than a batch still trains.
        case drop
    }

    /// The number of rows in a batch, 1 or more.
    public let size: Int
    /// What happens to the last rows.
    public let remainder: Remainder

    /// Describes batches.
    ///
    /// - Throws: `FoveaError` when the size is below 1.
    public init(size: Int, remainder: Remainder) throws {
        guard size >= 1 else { throw FoveaError(.configuration, "the batch size \(size) must be 1 or more") }
        self.size = size
        self.remainder = remainder
    }

    /// The number of batches for `rows` rows.
    public func count(rows: Int) -> Int {
        let whole = rows / size
        let hasRest = rows % size > 0
        return hasRest && (remainder == .keep || whole == 0) ? whole + 1 : whole
    }

    /// The batches of a stream, in order.
    public func cut(_ rows: [Int]) -> [[Int]] {
        (0..<count(rows: rows.count)).map { k in Array(rows[k * size..<min((k + 1) * size, rows.count)]) }
    }
}
