/// A score to sort by, and what belongs to it.
struct SortItem {
    /// Grows as the score falls, so that ascending keys are descending scores.
    var key: UInt64
    var value: UInt32

    init(score: Double, value: UInt32) {
        // Doubles compare like integers once the sign is dealt with; adding zero makes -0 and 0 one number.
        let bits = (score + 0).bitPattern
        key = bits >> 63 == 0 ? ~(bits | 1 << 63) : bits
        self.value = value
    }
}

/// Sorts by ascending key, stably: least significant digit first, 11 bits a digit. A digit that is the same everywhere
/// costs nothing, so scores that were single precision take four passes of six.
func radixSort(_ items: inout [SortItem]) {
    guard items.count > 256 else {
        items.sort { ($0.key, $0.value) < ($1.key, $1.value) }
        return
    }
    let digits = 6
    let buckets = 1 << 11
    var counts = [Int](repeating: 0, count: digits * buckets)
    for item in items {
        for digit in 0..<digits { counts[digit * buckets + Int(item.key >> (11 * digit) & 2047)] += 1 }
    }
    var other = items
    for digit in 0..<digits {
        let first = digit * buckets
        guard counts[first + Int(items[0].key >> (11 * digit) & 2047)] < items.count else { continue }
        var start = 0
        for bucket in first..<first + buckets {
            let count = counts[bucket]
            counts[bucket] = start
            start += count
        }
        for item in items {
            let bucket = first + Int(item.key >> (11 * digit) & 2047)
            other[counts[bucket]] = item
            counts[bucket] += 1
        }
        swap(&items, &other)
    }
}
