import Basics

/// Photographs of rare classes several times per epoch: r_c = max(1, sqrt(t / f_c)), where f_c = n_c / n is the share
/// of photographs that show class c, and r_i = max over the positives c of photograph i of r_c (Gupta, Dollar and
/// Girshick, LVIS, CVPR 2019).
///
/// A photograph without positives has r_i = 1. The fraction of r_i is rounded up or down at random in each epoch, so
/// epochs differ a little in length. Classes above the share t are not repeated.
public struct RepeatFactorSampler: Sampler {
    /// r_i of each row, at least 1.
    public let factors: [Double]

    private let rows: [Int]
    private let seed: UInt64

    /// Repeats rows of `data`; `threshold` is t, in 0 ... 1, by default the paper's 0.001.
    ///
    /// - Throws: `FoveaError` when t is not in 0 ... 1.
    public init(_ data: LabelledRows, threshold: Double = 0.001, seed: UInt64) throws {
        guard 0...1 ~= threshold else {
            throw FoveaError(.configuration, "the repeat-factor threshold \(threshold) must be between 0 and 1")
        }
        var factors = [Double](repeating: 1, count: data.rows.count)
        for positions in data.positions where !positions.isEmpty {
            let share = Double(positions.count) / Double(data.rows.count)
            let factor = (threshold / share).squareRoot()
            for position in positions { factors[position] = max(factors[position], factor) }
        }
        self.factors = factors
        rows = data.rows
        self.seed = seed
    }

    /// Every row at least once, rare ones more often, in a new order.
    public func indices(epoch: Int) -> [Int] {
        var random = SeededRandom(seed: seed, SeededRandom.key("repeat-factor"), UInt64(bitPattern: Int64(epoch)))
        var drawn: [Int] = []
        for (row, factor) in zip(rows, factors) {
            let whole = factor.rounded(.down)
            let times = Int(whole) + (random.uniform() < factor - whole ? 1 : 0)
            for _ in 0..<times { drawn.append(row) }
        }
        drawn.shuffle(using: &random)
        return drawn
    }
}
