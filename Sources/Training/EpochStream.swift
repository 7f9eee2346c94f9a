import FundusImaging
import Sampling

/// Which image, in which view, at which place of which epoch.
public struct EpochStream: Sendable {
    private let rows: @Sendable (Int) throws -> [Int]
    private let views: Int?

    /// Follows a sampler.
    public init(_ sampler: any Sampler, views: Int?) {
        rows = { sampler.indices(epoch: $0) }
        self.views = views
    }

    /// Follows a sampler that is made again for the rows of each epoch, as for a teacher whose negatives change.
    public init(views: Int?, _ sampler: @escaping @Sendable (Int) throws -> any Sampler) {
        rows = { try sampler($0).indices(epoch: $0) }
        self.views = views
    }

    /// The items of an epoch, a pure function of the sampler's seed and the epoch.
    ///
    /// An image that a sampler draws several times in an epoch is seen in different views: the n-th draw in epoch e has
    /// view e + n * stride, taken modulo the number of views where that is limited.
    public func items(epoch: Int) throws -> [BatchItem] {
        var draws: [Int: Int] = [:]
        return try rows(epoch).map { row in
            let draw = draws[row, default: 0]
            draws[row] = draw + 1
            let view = epoch + draw * Self.stride
            return BatchItem(row: row, view: views.map { view % max(1, $0) } ?? view)
        }
    }

    /// More than the epochs of any training, and odd, so that it leaves no view of a limited number out.
    private static let stride = 100_003
}
