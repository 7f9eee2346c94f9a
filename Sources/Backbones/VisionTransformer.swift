import Basics
import NN
import Torch

/// Vision transformers (Dosovitskiy et al., ICLR 2021) under timm's names.
public final class VisionTransformer: Backbone {
    /// What becomes the feature vector.
    public enum Pooling: Sendable {
        /// The class token after the last norm, `norm`: as ImageNet's networks were trained.
        case classToken
        /// The mean of the patches' tokens, then the norm `fc_norm`: as RETFound is fine-tuned.
        case mean
    }

    /// The numbers that distinguish transformers.
    public struct Size: Sendable {
        /// Numbers of a token.
        public let width: Int
        /// Blocks.
        public let depth: Int
        /// Heads of an attention.
        public let heads: Int
        /// Side of a patch in pixels.
        public let patch: Int

        /// Describes a network.
        public init(width: Int, depth: Int, heads: Int, patch: Int = 16) {
            self.width = width
            self.depth = depth
            self.heads = heads
            self.patch = patch
        }

        /// ViT-Ti of Touvron et al. (ICML 2021): 5 million weights.
        public static let tiny = Size(width: 192, depth: 12, heads: 3)
        /// ViT-S of the same: 22 million weights.
        public static let small = Size(width: 384, depth: 12, heads: 6)
        /// ViT-B: 86 million weights.
        public static let base = Size(width: 768, depth: 12, heads: 12)
        /// ViT-L: 303 million weights.
        public static let large = Size(width: 1024, depth: 24, heads: 16)
    }

    private let patches: Conv2d
    private let classToken: Parameter
    private let positions: PositionEmbedding
    private let blocks: [TransformerBlock]
    private let norm: LayerNorm
    private let pooling: Pooling
    private let size: Size
    /// The length of a feature vector.
    public let featureCount: Int
    /// The published name of the classifying layer.
    public let headName = "head"

    /// Makes a network for square images.
    ///
    /// - Parameters:
    ///   - resolution: side of an image in pixels; decides how many position embeddings are kept. Images of another
    ///     side are taken too: the embeddings are then resampled at each call.
    ///   - dropPath: how often the last block is left out while training; the blocks before it less, in proportion.
    /// - Throws: `FoveaError` of kind `configuration` when patches do not tile the image.
    public init(_ size: Size, pooling: Pooling, resolution: Int = 224, dropPath: Double = 0) throws {
        try Self.requireWholePatches(of: size.patch, height: resolution, width: resolution)
        self.size = size
        patches = try Conv2d(3, size.width, kernel: size.patch, stride: size.patch, bias: true, padding: .none)
        classToken = try Parameter(.normal([1, 1, size.width], deviation: 1e-6))
        positions = try PositionEmbedding(side: resolution / size.patch, width: size.width)
        blocks = try (0..<size.depth).map { index in
            let rate = size.depth > 1 ? dropPath * Double(index) / Double(size.depth - 1) : dropPath
            return try TransformerBlock(size.width, heads: size.heads, dropPath: rate)
        }
        norm = try LayerNorm(size.width)
        self.pooling = pooling
        featureCount = size.width
        // As timm begins: small weights and no bias in every linear layer.
        try Autograd.withoutGrad {
            for (name, parameter) in Sequential(blocks).namedParameters where !name.contains("norm") {
                let isBias = parameter.value.rank == 1
                try parameter.value.copy(
                    from: isBias ? .zeros(parameter.value.shape) : .normal(parameter.value.shape, deviation: 0.02))
            }
        }
    }

    /// The embeddings under timm's names.
    public var ownParameters: [(name: String, parameter: Parameter)] {
        [("cls_token", classToken), (PositionEmbedding.name, positions.value)]
    }

    /// The parts under timm's names.
    public var children: [(name: String, module: any Module)] {
        [
            ("patch_embed.proj", patches), ("blocks", Sequential(blocks)),
            (pooling == .mean ? "fc_norm" : "norm", norm),
        ]
    }

    /// [N, 3, H, W] -> [N, featureCount]; patches must tile the image.
    public func callAsFunction(_ x: Tensor) throws -> Tensor {
        let (tokens, _) = try embedded(x)
        return try pooled(blocks.reduce(tokens) { try $1($0) })
    }

    /// The class token and those of the patches, placed, [N, 1 + patches, width]; and the grid of patches.
    private func embedded(_ x: Tensor) throws -> (tokens: Tensor, grid: (rows: Int, columns: Int)) {
        try Self.requireWholePatches(of: size.patch, height: x.shape[2], width: x.shape[3])
        let grid = try patches(x)
        let tokens = try Tensor.concatenated(
            [
                classToken.value.expanded([x.shape[0], -1, -1]).to(dtype: grid.dtype),
                grid.flattened(from: 2).transposed(1, 2),
            ], in: 1)
        let place = (rows: grid.shape[2], columns: grid.shape[3])
        return (try tokens + positions(rows: place.rows, columns: place.columns), place)
    }

    /// The feature vectors of encoded tokens.
    private func pooled(_ encoded: Tensor) throws -> Tensor {
        switch pooling {
        case .classToken: return try norm(encoded).narrowed(1, from: 0, length: 1).flattened(from: 1)
        case .mean: return try norm(encoded.narrowed(1, from: 1, length: encoded.shape[1] - 1).mean([1]))
        }
    }

    /// With the mean over patches: what each patch adds to the feature vector.
    ///
    /// The norm after the mean m of the tokens t is (m - mean(m)) / s w + b with s from m alone: for an image it is linear
    /// in the tokens, so that the mean over patches of (t - mean(t)) / s w + b is the feature vector exactly.
    public func featuresAndMap(_ x: Tensor) throws -> (features: Tensor, map: Tensor?) {
        let (embedded, grid) = try embedded(x)
        let encoded = try blocks.reduce(embedded) { try $1($0) }
        let features = try pooled(encoded)
        guard pooling == .mean else { return (features, nil) }
        let tokens = try encoded.narrowed(1, from: 1, length: encoded.shape[1] - 1)
        let map = try norm.shares(of: tokens, meanOver: 1).transposed(1, 2)
            .reshaped([x.shape[0], featureCount, grid.rows, grid.columns])
        return (features, map)
    }

    /// With a class token: gradient times token of each patch before the last block, in which attention alone brings
    /// patches to the class token.
    public func gradientMaps(_ x: Tensor, of scores: [(Tensor) throws -> Tensor]) throws -> Tensor? {
        guard pooling == .classToken, let last = blocks.last, !scores.isEmpty else { return nil }
        let (tokens, grid) = try Autograd.withoutGrad {
            let (embedded, grid) = try embedded(x)
            return (try blocks.dropLast().reduce(embedded) { try $1($0) }, grid)
        }
        let inputs = try tokens.detached().requiringGrad()
        let maps = try scores.compactMap { score in
            try Autograd.gradients(of: score(pooled(last(inputs))), for: [inputs])[0].map { gradient in
                try (gradient * tokens).sum([2]).narrowed(1, from: 1, length: tokens.shape[1] - 1)
                    .reshaped([1, grid.rows, grid.columns])
            }
        }
        return maps.count == scores.count ? try .concatenated(maps, in: 0) : nil
    }

    /// Verifies that patches of a side tile an image.
    static func requireWholePatches(of patch: Int, height: Int, width: Int) throws {
        guard height >= patch, width >= patch, height % patch == 0, width % patch == 0 else {
            let below = max(patch, height / patch * patch)
            throw FoveaError(
                .configuration,
                "an image of \(width) x \(height) pixels is not made of whole patches of \(patch) x \(patch)",
                remedy: "Set image.resolution to a multiple of \(patch), such as \(below) or \(below + patch).")
        }
    }

    /// Nothing to do: there are no batch norms.
    public func foldBatchNorms(fusing: Bool) {}
}

extension VisionTransformer: WeightFitting {
    /// Position embeddings of another grid, resampled to this network's.
    public func fitted(_ stored: Tensor, named name: String) throws -> (tensor: Tensor, how: String)? {
        guard name == PositionEmbedding.name else { return nil }
        return try positions.fitted(stored)
    }

    /// What a masked autoencoder has in addition to the encoder: RETFound's and MAE's files hold both.
    public func isLeftOut(_ name: String) -> Bool { name == "mask_token" || name.hasPrefix("decoder_") }
}

/// One block: attention, then two linear layers, each behind a norm and beside a shortcut.
private final class TransformerBlock: Module {
    private let norm1: LayerNorm
    private let attention: SelfAttention
    private let norm2: LayerNorm
    private let first: Linear
    private let second: Linear
    private let dropPath: DropPath

    init(_ width: Int, heads: Int, dropPath: Double) throws {
        norm1 = try LayerNorm(width)
        attention = try SelfAttention(width, heads: heads)
        norm2 = try LayerNorm(width)
        first = try Linear(width, 4 * width)
        second = try Linear(4 * width, width)
        self.dropPath = DropPath(dropPath)
    }

    var children: [(name: String, module: any Module)] {
        [
            ("norm1", norm1), ("attn", attention), ("norm2", norm2), ("mlp.fc1", first), ("mlp.fc2", second),
            ("drop_path", dropPath),
        ]
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let attended = try x + dropPath(attention(norm1(x)))
        return try attended + dropPath(second(first(norm2(attended)).gelu()))
    }
}

extension VisionTransformer {
    /// Patches of 16 pixels: first with a class token, then with the mean over all patches in its place.
    static let architectures: [Architecture] = [
        .vitTiny, .vitSmall, .vitBase, .vitLarge, .vitTinyMean, .vitSmallMean, .vitBaseMean, .vitLargeMean,
    ]
}

extension Architecture {
    /// ViT-Ti with a class token.
    public static let vitTiny = transformer("vit_tiny_patch16_224", .tiny, .classToken)
    /// ViT-S with a class token.
    public static let vitSmall = transformer("vit_small_patch16_224", .small, .classToken)
    /// ViT-B with a class token.
    public static let vitBase = transformer("vit_base_patch16_224", .base, .classToken)
    /// ViT-L with a class token.
    public static let vitLarge = transformer("vit_large_patch16_224", .large, .classToken)
    /// ViT-Ti with the mean over all patches.
    public static let vitTinyMean = transformer("vit_tiny_patch16_gap_224", .tiny, .mean)
    /// ViT-S with the mean over all patches.
    public static let vitSmallMean = transformer("vit_small_patch16_gap_224", .small, .mean)
    /// ViT-B with the mean over all patches.
    public static let vitBaseMean = transformer("vit_base_patch16_gap_224", .base, .mean)
    /// ViT-L with the mean over all patches: the network of RETFound (Zhou et al., Nature 2023).
    public static let vitLargeMean = transformer("vit_large_patch16_gap_224", .large, .mean)

    /// Networks with a class token expect timm's normalisation, those with a mean that of MAE and RETFound.
    private static func transformer(
        _ name: String, _ size: VisionTransformer.Size, _ pooling: VisionTransformer.Pooling
    ) -> Architecture {
        Architecture(
            name, normalization: pooling == .mean ? .imageNet : .symmetric, patch: size.patch, hasDropPath: true,
            recognizes: { names in
                // RETFound's networks average over patches, and so do those that begin as its masked autoencoder.
                let isMean = names.has("fc_norm.weight") || names.has("mask_token")
                return names.shape("patch_embed.proj.weight") == [size.width, 3, size.patch, size.patch]
                    && isMean == (pooling == .mean) && !names.has("blocks.0.ls1.gamma")
            },
            build: { try VisionTransformer(size, pooling: pooling, resolution: $0, dropPath: $1) })
    }
}
