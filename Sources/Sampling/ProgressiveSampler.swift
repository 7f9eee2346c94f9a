/// From the classes' own frequencies to equal ones: p_c(t) = (1 - s) n_c / sum_j n_j + s / C with s rising linearly
/// from 0 in the first epoch to 1 in the last (Kang et al., ICLR 2020, eq. 2; there s = t / T, here t / (T - 1), so
/// that the last epoch is balanced).
///
/// The label-free photographs count as one class more. A photograph with several positives is in several pools, so the
/// first epoch is balanced over labels rather than photographs. An epoch has as many draws as there are photographs;
/// epochs past the last are like the last.
public struct ProgressiveSampler: Sampler {
    private let draw: ClassDraw
    private let seed: UInt64
    private let epochs: Int

    /// Draws from `data` over a training of `epochs` epochs.
    public init(_ data: LabelledRows, epochs: Int, seed: UInt64) {
        draw = ClassDraw(data)
        self.seed = seed
        self.epochs = epochs
    }

    /// As many rows as the data have.
    public func indices(epoch: Int) -> [Int] {
        let share = epochs > 1 ? min(1, max(0, Double(epoch) / Double(epochs - 1))) : 1
        let sum = Double(draw.pools.reduce(0) { $0 + $1.count })
        let weights = draw.pools.map { pool in
            (1 - share) * Double(pool.count) / sum + share / Double(draw.pools.count)
        }
        return draw.rows(weights: weights, seed: seed, name: "progressive", epoch: epoch)
    }
}
