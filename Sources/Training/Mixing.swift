import Basics
import Settings
import Torch

// Trains on mixtures of two images and of their labels, instead of on the images.
extension Mixing {
    /// How a batch is mixed with itself in another order, nil for not at all; a pure function of seed, epoch and number of
    /// the batch, so that a training which was stopped mixes as one that was not.
    ///
    /// mixup is lambda x_i + (1 - lambda) x_j with lambda from Beta(alpha, alpha). CutMix is x_i with a box of x_j pasted
    /// in, whose sides are sqrt(1 - lambda) of the image's and whose centre is uniform over it (eqs. 1 and 2). What extends
    /// beyond the image is cut off, and the share that labels are mixed by is the part of x_i that is still to be seen.
    ///
    /// - Parameters:
    ///   - count: images in the batch.
    ///   - side: of the square images, in pixels.
    public func mixture(count: Int, side: Int, seed: UInt64, epoch: Int, batch: Int) -> Mixture? {
        var random = SeededRandom(seed: seed, SeededRandom.key("mixing"), UInt64(epoch), UInt64(batch))
        let partners = Array(0..<count).shuffled(using: &random)
        switch kind {
        case .none: return nil
        case .mixup:
            return Mixture(share: random.symmetricBeta(shape: shape), partners: partners)
        case .cutmix:
            let length = Int(Double(side) * (1 - random.symmetricBeta(shape: shape)).squareRoot())
            func pixels() -> Range<Int> {
                let start = random.index(below: side) - length / 2
                return max(0, start)..<min(side, max(0, start + length))
            }
            let box = Mixture.Box(rows: pixels(), columns: pixels())
            let left = side * side - box.rows.count * box.columns.count
            return Mixture(share: Double(left) / Double(side * side), partners: partners, box: box)
        }
    }
}

/// What a batch was mixed of: each image and a partner of the same batch.
public struct Mixture: Sendable, Equatable {
    /// The pixels that come from the partner.
    public struct Box: Sendable, Equatable {
        /// From the top.
        public var rows: Range<Int>
        /// From the left.
        public var columns: Range<Int>
    }

    /// lambda: how much of the image itself there is, in [0, 1]; the rest is its partner's.
    public let share: Double
    /// The place of each image's partner in the batch: a permutation where one process has the whole batch. Of a part of it
    /// the images come first, then those of their partners that are not among them.
    public let partners: [Int]
    /// What is pasted in; nil where every pixel is mixed.
    public let box: Box?

    package init(share: Double, partners: [Int], box: Box? = nil) {
        self.share = share
        self.partners = partners
        self.box = box
    }

    /// What the images of some places of a batch are mixed of, and the places of all that this takes: theirs, then those of
    /// further partners.
    func part(_ own: Range<Int>) -> (mixture: Mixture, places: [Int]) {
        var places = Array(own)
        var positions = Dictionary(uniqueKeysWithValues: own.map { ($0, $0 - own.lowerBound) })
        let partners = own.map { place -> Int in
            let partner = self.partners[place]
            if let position = positions[partner] { return position }
            places.append(partner)
            positions[partner] = places.count - 1
            return places.count - 1
        }
        return (Mixture(share: share, partners: partners, box: box), places)
    }

    /// The rows of the images themselves, [B, ...].
    func ofImages(_ rows: Tensor) throws -> Tensor {
        partners.count == rows.shape[0] ? rows : try rows.narrowed(0, from: 0, length: partners.count)
    }

    /// The rows of the partners, [B, ...].
    public func ofPartners(_ rows: Tensor) throws -> Tensor {
        try rows.selecting(Tensor(partners).to(device: rows.device), in: 0)
    }

    /// Numbers of the images, such as weights, mixed as the labels are, [B, ...].
    public func mixed(_ rows: Tensor) throws -> Tensor { try ofImages(rows) * share + ofPartners(rows) * (1 - share) }

    /// The images as the network sees them, [B, C, H, W], in the layout of `images`.
    public func applied(to images: Tensor) throws -> Tensor {
        guard let box else { return try mixed(images) }
        guard !box.rows.isEmpty, !box.columns.isEmpty else { return try ofImages(images) }
        func inside(_ images: Tensor) throws -> Tensor {
            try images.narrowed(2, from: box.rows.lowerBound, length: box.rows.count)
                .narrowed(3, from: box.columns.lowerBound, length: box.columns.count)
        }
        let pasted = try ofImages(images).cloned()
        try inside(pasted).copy(from: ofPartners(inside(images)))
        return pasted
    }
}
