/// A class uniformly, then a photograph of it: p_c = 1 / C (Shen, Lin and Huang, ECCV 2016).
///
/// C counts the classes with positives, and the label-free photographs as one more. Classes without positives are never
/// drawn. An epoch has as many draws as there are photographs.
public struct ClassAwareSampler: Sampler {
    private let draw: ClassDraw
    private let seed: UInt64

    /// Draws from `data`.
    public init(_ data: LabelledRows, seed: UInt64) {
        draw = ClassDraw(data)
        self.seed = seed
    }

    /// As many rows as the data have.
    public func indices(epoch: Int) -> [Int] {
        let weights = [Double](repeating: 1, count: draw.pools.count)
        return draw.rows(weights: weights, seed: seed, name: "class-aware", epoch: epoch)
    }
}
