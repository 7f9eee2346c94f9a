/// How a list is cut into batches: the one place for the arithmetic of epochs.
public struct Batching: Sendable, Equatable {
    /// The entries of a batch that is full, at least 1.
    public let size: Int
    /// Whether a last batch that is not full is left out, unless it is all there is: a subset smaller than a batch still
    /// trains.
    public let dropsLast: Bool

    /// Describes batches; a size below 1 counts as 1.
    public init(size: Int, dropsLast: Bool = false) {
        self.size = max(1, size)
        self.dropsLast = dropsLast
    }

    /// The number of batches for a number of entries.
    public func count(of entries: Int) -> Int {
        let (whole, rest) = entries.quotientAndRemainder(dividingBy: size)
        return rest > 0 && !(dropsLast && whole > 0) ? whole + 1 : whole
    }

    /// The entries of a batch, by its number from 0.
    public func range(_ batch: Int, of entries: Int) -> Range<Int> {
        let first = min(entries, batch * size)
        return first..<min(first + size, entries)
    }

    /// The batches of some entries, in order.
    public func slices<Entry>(of entries: [Entry]) -> [ArraySlice<Entry>] {
        (0..<count(of: entries.count)).map { entries[range($0, of: entries.count)] }
    }

    /// How many of the entries are in a batch.
    public func used(of entries: Int) -> Int { min(entries, count(of: entries) * size) }
}
