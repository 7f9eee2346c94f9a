import NN
import Torch

/// A backbone with dropout and a linear head: images to logits, [N, 3, H, W] -> [N, classes].
///
/// With region heads a photograph is several images, the whole and a window for each head, one after the other: [N * images, 3,
/// H, W]. All pass the same backbone; the features of a photograph are those of its images side by side.
///
/// Parameters are named as in the backbone's published `state_dict`, the head included.
public final class Classifier: Module {
    /// The part that makes features.
    public let backbone: any Backbone
    /// The layer that makes logits.
    public let head: Linear
    /// Further heads on further images.
    public let regionHeads: [RegionHead]
    private let dropout: Dropout

    /// Puts a head for `classes` outputs on a backbone: weights N(0, 0.01), bias 0.
    ///
    /// - Parameter regions: names and classes of further heads.
    public init(
        _ backbone: any Backbone, classes: Int, dropout: Double = 0, regions: [(name: String, columns: [Int])] = []
    ) throws {
        self.backbone = backbone
        self.dropout = Dropout(dropout)
        head = try Linear(backbone.featureCount, classes)
        regionHeads = try regions.map {
            try RegionHead($0.name, columns: $0.columns, featureCount: backbone.featureCount)
        }
        try renewHead()
    }

    /// The images of a photograph.
    public var imageCount: Int { 1 + regionHeads.count }

    /// The numbers of a photograph's features.
    public var featureCount: Int { imageCount * backbone.featureCount }

    /// Resets the head: weights N(0, 0.01) from the engine's generator, bias 0.
    public func renewHead() throws { try head.resetAsHead() }

    /// The backbone's own parameters.
    public var ownParameters: [(name: String, parameter: Parameter)] { backbone.ownParameters }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        backbone.children + [(backbone.headName, head), ("dropout", dropout)]
            + regionHeads.map { ("regions." + $0.name, $0.layer) }
    }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) throws -> Tensor { try logits(of: features(of: x)) }

    /// The feature vectors of a batch of photographs, [N, featureCount].
    public func features(of x: Tensor) throws -> Tensor {
        let features = try backbone(x)
        guard imageCount > 1 else { return features }
        return try features.reshaped([features.shape[0] / imageCount, featureCount])
    }

    /// The logits of feature vectors in float32, with dropout while training.
    ///
    /// The head is computed in float32 also under autocast: bfloat16 logits have so few digits that images tie in rank.
    public func logits(of features: Tensor) throws -> Tensor {
        try inFloat32(dropout(features)) { exact in
            guard imageCount > 1 else { return try head(exact) }
            let length = backbone.featureCount
            func part(_ image: Int) throws -> Tensor { try exact.narrowed(1, from: image * length, length: length) }
            return try regionHeads.enumerated().reduce(head(part(0))) { logits, region in
                try region.element(part(1 + region.offset), addingTo: logits)
            }
        }
    }

    /// The logits of the head of the whole image alone, without dropout.
    private func wholeLogits(of features: Tensor) throws -> Tensor {
        try inFloat32(features) { try head($0) }
    }

    private func inFloat32(_ features: Tensor, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
        let exact = features.dtype == .bfloat16 ? try features.to(dtype: .float32) : features
        return try Autocast.run(.float32, on: exact.device) { try body(exact) }
    }
}

extension Classifier {
    /// What each place of one image adds to some logits, [classes, rows, columns], and whether that is exact.
    ///
    /// Exact, for networks whose features are a mean over places: the head applied to the feature map, without its bias,
    /// which is Grad-CAM (Selvaraju et al., ICCV 2017) without its ReLU; the mean of a class's map plus the bias is the
    /// logit. For a class token: gradients, an approximation. Nil where the backbone has neither.
    ///
    /// With region heads the maps are those of the whole image, and not exact.
    ///
    /// - Parameters:
    ///   - x: one photograph, [images, 3, H, W].
    ///   - classes: the outputs, in order.
    ///   - shouldStop: consulted between gradients.
    /// - Throws: `CancellationError` when stopped.
    public func maps(
        of x: Tensor, classes: [Int], shouldStop: () -> Bool = { false }
    ) throws -> (maps: Tensor, isExact: Bool)? {
        let x = try imageCount == 1 ? x : x.narrowed(0, from: 0, length: 1)
        return try withoutActuallyEscaping(shouldStop) { shouldStop in
            let scores = classes.map { number in
                { (features: Tensor) throws -> Tensor in
                    if shouldStop() { throw CancellationError() }
                    return try self.wholeLogits(of: features).narrowed(1, from: number, length: 1).sum()
                }
            }
            if let maps = try backbone.gradientMaps(x, of: scores) { return (maps, false) }
            return try Autograd.withoutGrad {
                let chosen = try Tensor(classes).to(device: x.device)
                return try backbone.featuresAndMap(x).map.map { map in
                    let exact = try maps(ofFeatures: map).selecting(chosen, in: 1)
                    return (maps: try exact.reshaped([classes.count] + exact.shape.suffix(2)), isExact: imageCount == 1)
                }
            }
        }
    }

    /// The head applied to each place of a feature map, [N, featureCount, rows, columns], without its bias: what the place
    /// adds to each logit, [N, classes, rows, columns].
    public func maps(ofFeatures map: Tensor) throws -> Tensor {
        let places = try wholeLogits(of: map.flattened(from: 2).transposed(1, 2))
        let added = try head.bias.map { try places - $0.value } ?? places
        return try added.transposed(1, 2).reshaped([map.shape[0], head.weight.value.shape[0]] + map.shape.suffix(2))
    }
}

extension Classifier: WeightFitting {
    /// What the backbone makes of a stored tensor of another shape.
    public func fitted(_ stored: Tensor, named name: String) throws -> (tensor: Tensor, how: String)? {
        try (backbone as? any WeightFitting)?.fitted(stored, named: name)
    }

    /// Whether the backbone does without a tensor of that name.
    public func isLeftOut(_ name: String) -> Bool { (backbone as? any WeightFitting)?.isLeftOut(name) ?? false }
}
