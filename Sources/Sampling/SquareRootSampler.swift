/// A class by the square root of its count, then a photograph of it: p_c = n_c^q / sum_j n_j^q with q = 1/2
/// (Mahajan et al., ECCV 2018; Kang et al., ICLR 2020, eq. 1).
///
/// The label-free photographs count as one class more. An epoch has as many draws as there are photographs.
public struct SquareRootSampler: Sampler {
    private let draw: ClassDraw
    private let seed: UInt64

    /// Draws from `data`.
    public init(_ data: LabelledRows, seed: UInt64) {
        draw = ClassDraw(data)
        self.seed = seed
    }

    /// As many rows as the data have.
    public func indices(epoch: Int) -> [Int] {
        let weights = draw.pools.map { Double($0.count).squareRoot() }
        return draw.rows(weights: weights, seed: seed, name: "square-root", epoch: epoch)
    }
}
