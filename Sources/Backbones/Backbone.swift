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
    ///
    /// - Parameter fusing: whether convolutions and what follows them are computed at once, which is for float32 on the
    ///   processor.
    func foldBatchNorms(fusing: Bool) throws
    /// The feature vectors and, of the same pass, the features at each place, [N, featureCount, rows, columns], whose mean
    /// over places they are; nil for a network whose features are not such a mean.
    func featuresAndMap(_ x: Tensor) throws -> (features: Tensor, map: Tensor?)
    /// For a network without a feature map: how much each place of an image adds to scores of its feature vector, by
    /// gradients, [scores, rows, columns]; an approximation.
    ///
    /// - Parameter scores: scalars of the feature vector, [1, featureCount].
    func gradientMaps(_ x: Tensor, of scores: [(Tensor) throws -> Tensor]) throws -> Tensor?
}

extension Backbone {
    /// None, unless said otherwise.
    public func featuresAndMap(_ x: Tensor) throws -> (features: Tensor, map: Tensor?) { (try self(x), nil) }
    /// None, unless said otherwise.
    public func gradientMaps(_ x: Tensor, of scores: [(Tensor) throws -> Tensor]) throws -> Tensor? { nil }
}

/// A backbone whose feature vector is the mean of a map over its places.
public protocol AveragingBackbone: Backbone {
    /// The features at each place, [N, 3, H, W] -> [N, featureCount, H / 32, W / 32].
    func featureMap(_ x: Tensor) throws -> Tensor
}

extension AveragingBackbone {
    /// [N, 3, H, W] -> [N, featureCount].
    public func callAsFunction(_ x: Tensor) throws -> Tensor { try featureMap(x).globallyAveraged() }

    /// Both, of one pass.
    public func featuresAndMap(_ x: Tensor) throws -> (features: Tensor, map: Tensor?) {
        let map = try featureMap(x)
        return (try map.globallyAveraged(), map)
    }
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

/// A convolution, the batch norm after it, and what follows.
final class ConvNorm {
    let convolution: Conv2d
    let norm: BatchNorm2d
    /// Whether all of it is one operator, which overwrites what it adds.
    private(set) var isFused = false

    init(convolution: Conv2d, norm: BatchNorm2d) { (self.convolution, self.norm) = (convolution, norm) }

    func callAsFunction(
        _ x: Tensor, adding other: Tensor? = nil, then activation: Activation = .none
    ) throws -> Tensor {
        if isFused { return try convolution.fused(x, adding: other, then: activation) }
        let y = try norm(convolution(x))
        return try activation(other.map { try y + $0 } ?? y)
    }

    func fold(fusing: Bool) throws {
        try norm.fold(into: convolution)
        isFused = fusing && Conv2d.canFuse
    }
}
