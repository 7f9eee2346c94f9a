import Basics

/// Draws a pool (a class) by given probabilities, then a photograph of it: what the class-wise samplers share.
///
/// Within a pool photographs come without repetition until all have come, then in a new order, so an epoch shows as
/// many different ones as it can. The cost is one step of a shuffle a draw.
struct ClassDraw {
    let data: LabelledRows
    let pools: [[Int]]

    init(_ data: LabelledRows) {
        self.data = data
        pools = data.pools
    }

    /// As many rows as the data have; `weights` are the pools' probabilities up to a factor.
    func rows(weights: [Double], seed: UInt64, name: String, epoch: Int) -> [Int] {
        var random = SeededRandom(seed: seed, SeededRandom.key(name), UInt64(bitPattern: Int64(epoch)))
        var cumulative: [Double] = []
        for weight in weights { cumulative.append((cumulative.last ?? 0) + weight) }
        let total = cumulative.last ?? 0
        var order = pools
        var next = [Int](repeating: 0, count: pools.count)
        return (0..<data.rows.count).map { _ in
            let pool = Self.firstAbove(random.uniform() * total, in: cumulative)
            let size = order[pool].count
            if next[pool] == size { next[pool] = 0 }
            // One step of Fisher and Yates' shuffle: what has come precedes `next`.
            order[pool].swapAt(next[pool], next[pool] + random.index(below: size - next[pool]))
            next[pool] += 1
            return data.rows[order[pool][next[pool] - 1]]
        }
    }

    private static func firstAbove(_ value: Double, in cumulative: [Double]) -> Int {
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
