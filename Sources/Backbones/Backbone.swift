import Basics
import NN
import Torch

/// A network from images to feature vectors: [N, 3, H, W] -> [N, featureCount].
public protocol Backbone: Module {
    /// The length of a feature vector.
    var featureCount: Int { get }
    /// The name of the classifying layer that the published `state_dict`s of this network use.
    var headName: String { get }
    /// Absorbs all batch norms into their convolutions; the network then only predicts.
    func foldBatchNorms() throws
}

/// How pixels become network input: (x / 255 - mean) / deviation, per channel in the order red, green, blue.
public struct Normalization: Sendable, Equatable, Codable {
    /// Subtracted from values in [0, 1].
    public var mean: [Double]
    /// Divides what is left.
    public var deviation: [Double]

    /// Makes a normalisation of three channels.
    public init(mean: [Double], deviation: [Double]) {
        self.mean = mean
        self.deviation = deviation
    }

    /// To [-1, 1], as TensorFlow's networks were trained.
    public static let symmetric = Normalization(mean: [0.5, 0.5, 0.5], deviation: [0.5, 0.5, 0.5])
    /// The means and deviations of ImageNet, as torchvision's networks were trained.
    public static let imageNet = Normalization(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
}

/// Which network, by the names that timm and torchvision use.
public enum Architecture: String, Sendable, Codable, CaseIterable {
    case resnet18
    case resnet34
    case resnet50
    /// MobileNet v1 under timm's names, TensorFlow padding, epsilon 1e-3.
    case mobilenetv1 = "mobilenetv1_100"
    /// The same without its last block: 1,024 features after `blocks.4.0`.
    case mobilenetv1Short = "mobilenetv1_100_short"
    /// MobileNet v1 with PyTorch's symmetric padding.
    case mobilenetv1Symmetric = "mobilenetv1_100_symmetric"
    /// Vision transformers with patches of 16 pixels and a class token.
    case vitTiny = "vit_tiny_patch16_224"
    case vitSmall = "vit_small_patch16_224"
    case vitBase = "vit_base_patch16_224"
    case vitLarge = "vit_large_patch16_224"
    /// The same with the mean over all patches in place of the class token ("global average pooling").
    case vitTinyMean = "vit_tiny_patch16_gap_224"
    case vitSmallMean = "vit_small_patch16_gap_224"
    case vitBaseMean = "vit_base_patch16_gap_224"
    /// The network of RETFound (Zhou et al., Nature 2023).
    case vitLargeMean = "vit_large_patch16_gap_224"

    /// Builds the network with random weights, drawn from the engine's generator.
    ///
    /// - Parameters:
    ///   - resolution: side of the pictures in pixels. Only transformers care: they keep an embedding for each patch.
    ///   - dropPath: how often a transformer's last block is left out while training, in [0, 1).
    /// - Throws: `FoveaError` of kind `configuration` when a transformer's patches do not tile the picture.
    public func makeBackbone(resolution: Int = 224, dropPath: Double = 0) throws -> any Backbone {
        switch design {
        case .resNet(let block, let depths): try ResNet(block, depths)
        case .mobileNet(let padding, let lastBlock): try MobileNetV1(padding: padding, lastBlock: lastBlock)
        case .transformer(let size, let pooling):
            try VisionTransformer(size, pooling: pooling, resolution: resolution, dropPath: dropPath)
        }
    }

    /// Whether the network is a vision transformer.
    public var isTransformer: Bool { if case .transformer = design { true } else { false } }

    private enum Design {
        case resNet(ResNet.Block, [Int])
        case mobileNet(Padding, lastBlock: Bool)
        case transformer(VisionTransformer.Size, VisionTransformer.Pooling)
    }

    private var design: Design {
        switch self {
        case .resnet18: .resNet(.basic, [2, 2, 2, 2])
        case .resnet34: .resNet(.basic, [3, 4, 6, 3])
        case .resnet50: .resNet(.bottleneck, [3, 4, 6, 3])
        case .mobilenetv1: .mobileNet(.same, lastBlock: true)
        case .mobilenetv1Short: .mobileNet(.same, lastBlock: false)
        case .mobilenetv1Symmetric: .mobileNet(.symmetric, lastBlock: true)
        case .vitTiny: .transformer(.tiny, .classToken)
        case .vitSmall: .transformer(.small, .classToken)
        case .vitBase: .transformer(.base, .classToken)
        case .vitLarge: .transformer(.large, .classToken)
        case .vitTinyMean: .transformer(.tiny, .mean)
        case .vitSmallMean: .transformer(.small, .mean)
        case .vitBaseMean: .transformer(.base, .mean)
        case .vitLargeMean: .transformer(.large, .mean)
        }
    }

    /// Verifies that pictures of a side can be cut into a transformer's patches; others take any.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names sides which would do.
    public func requireWholePatches(in resolution: Int) throws {
        guard case .transformer(let size, _) = design else { return }
        try size.requireWholePatches(height: resolution, width: resolution)
    }

    /// The normalisation that the published weights expect: for transformers with a class token timm's, for those with a
    /// mean that of MAE and RETFound.
    public var normalization: Normalization {
        switch self {
        case .resnet18, .resnet34, .resnet50, .vitTinyMean, .vitSmallMean, .vitBaseMean, .vitLargeMean: .imageNet
        case .mobilenetv1, .mobilenetv1Short, .mobilenetv1Symmetric: .symmetric
        case .vitTiny, .vitSmall, .vitBase, .vitLarge: .symmetric
        }
    }
}

/// A backbone with dropout and a linear head: images to logits, [N, 3, H, W] -> [N, classes].
///
/// Parameters are named as in the backbone's published `state_dict`, the head included.
public final class Classifier: Module {
    /// The part that makes features.
    public let backbone: any Backbone
    /// The layer that makes logits.
    public let head: Linear
    private let dropout: Dropout

    /// Puts a head for `classes` outputs on a backbone: weights N(0, 0.01), bias 0.
    public init(_ backbone: any Backbone, classes: Int, dropout: Double = 0) throws {
        self.backbone = backbone
        self.dropout = Dropout(dropout)
        head = try Linear(backbone.featureCount, classes)
        try renewHead()
    }

    /// Begins the head anew: weights N(0, 0.01) from the engine's generator, bias 0.
    public func renewHead() throws {
        try Autograd.withoutGrad {
            try head.weight.value.copy(from: .normal(head.weight.value.shape, deviation: 0.01))
            try head.bias?.value.fill(0)
        }
    }

    /// The backbone's own parameters.
    public var ownParameters: [(name: String, parameter: Parameter)] { backbone.ownParameters }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        backbone.children + [(backbone.headName, head), ("dropout", dropout)]
    }

    /// The logits of a batch of images.
    public func callAsFunction(_ x: Tensor) throws -> Tensor { try logits(of: features(of: x)) }

    /// The feature vectors of a batch of images, [N, featureCount].
    public func features(of x: Tensor) throws -> Tensor { try backbone(x) }

    /// The logits of feature vectors in float32, with dropout while training.
    ///
    /// The head is computed in float32 also under autocast: bfloat16 logits have so few digits that images tie in rank.
    public func logits(of features: Tensor) throws -> Tensor {
        let dropped = try dropout(features)
        let exact = dropped.dtype == .bfloat16 ? try dropped.to(dtype: .float32) : dropped
        return try Autocast.run(.float32, on: dropped.device) { try head(exact) }
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

/// A convolution and the batch norm after it.
struct ConvNorm {
    let convolution: Conv2d
    let norm: BatchNorm2d

    func callAsFunction(_ x: Tensor) throws -> Tensor { try norm(convolution(x)) }
    func fold() throws { try norm.fold(into: convolution) }
}
