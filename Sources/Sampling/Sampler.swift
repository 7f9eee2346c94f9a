/// Decides which photographs an epoch visits, and in which order.
///
/// The stream is a pure function of the sampler's seed and the epoch: a resumed run draws what an uninterrupted one
/// draws. Photographs without any positive are drawn by every sampler.
public protocol Sampler: Sendable {
    /// The rows to visit in epoch `epoch` (0, 1, 2, ...), in order; rows may repeat.
    func indices(epoch: Int) -> [Int]
}
