import Basics

/// Every photograph once per epoch, in a new order: instance-balanced sampling, q = 1 in
/// p_c = n_c^q / sum_j n_j^q (Kang et al., ICLR 2020, eq. 1).
public struct InstanceSampler: Sampler {
    private let rows: [Int]
    private let seed: UInt64

    /// Shuffles `rows`.
    public init(rows: [Int], seed: UInt64) {
        self.rows = rows
        self.seed = seed
    }

    /// A permutation of the rows.
    public func indices(epoch: Int) -> [Int] {
        var random = SeededRandom(seed: seed, SeededRandom.key("instance"), UInt64(bitPattern: Int64(epoch)))
        return rows.shuffled(using: &random)
    }
}
