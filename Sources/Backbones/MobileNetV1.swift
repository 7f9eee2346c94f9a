import NN
import Torch

/// MobileNet v1 (Howard et al., arXiv 1704.04861), width 1.0, under timm's names for `mobilenetv1_100`.
public final class MobileNetV1: AveragingBackbone {
    /// Repeats, stride of the first block, output channels.
    private static let stages = [(1, 1, 64), (2, 2, 128), (2, 2, 256), (6, 2, 512), (2, 2, 1024)]

    private let stem: ConvNorm
    private let stages: [[SeparableBlock]]
    /// The length of a feature vector.
    public let featureCount = 1024
    /// The published name of the classifying layer.
    public let headName = "classifier"

    /// Makes a network.
    ///
    /// - Parameters:
    ///   - padding: `same` for weights that come from TensorFlow.
    ///   - lastBlock: false leaves out `blocks.4.1`; the features are then those after `blocks.4.0`.
    public init(padding: Padding = .same, lastBlock: Bool = true) throws {
        stem = ConvNorm(
            convolution: try Conv2d(3, 32, kernel: 3, stride: 2, padding: padding), norm: try Self.norm(32))
        var channels = 32
        stages = try Self.stages.enumerated().map { stage, shape in
            let (repeats, stride, outputs) = shape
            return try (0..<(stage == 4 && !lastBlock ? 1 : repeats)).map { index in
                defer { channels = outputs }
                return try SeparableBlock(channels, outputs, stride: index == 0 ? stride : 1, padding: padding)
            }
        }
    }

    /// TensorFlow's epsilon; the momentum is PyTorch's.
    fileprivate static func norm(_ features: Int) throws -> BatchNorm2d { try BatchNorm2d(features, epsilon: 1e-3) }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        [
            ("conv_stem", stem.convolution), ("bn1", stem.norm),
            ("blocks", Sequential(stages.map { Sequential($0) })),
        ]
    }

    /// [N, 3, H, W] -> [N, featureCount, H / 32, W / 32].
    public func featureMap(_ x: Tensor) throws -> Tensor {
        try stages.joined().reduce(stem(x, then: .relu6)) { try $1($0) }
    }

    /// Absorbs all batch norms into their convolutions, for prediction only.
    public func foldBatchNorms(fusing: Bool) throws {
        try stem.fold(fusing: fusing)
        for block in stages.joined() { try block.foldBatchNorms(fusing: fusing) }
    }
}

/// A 3x3 convolution within each channel, then a 1x1 convolution across them.
private final class SeparableBlock: Module {
    private let depthwise: ConvNorm
    private let pointwise: ConvNorm

    init(_ inputs: Int, _ outputs: Int, stride: Int, padding: Padding) throws {
        depthwise = ConvNorm(
            convolution: try Conv2d(inputs, inputs, kernel: 3, stride: stride, groups: inputs, padding: padding),
            norm: try MobileNetV1.norm(inputs))
        pointwise = ConvNorm(
            convolution: try Conv2d(inputs, outputs, kernel: 1), norm: try MobileNetV1.norm(outputs))
    }

    var children: [(name: String, module: any Module)] {
        [
            ("conv_dw", depthwise.convolution), ("bn1", depthwise.norm),
            ("conv_pw", pointwise.convolution), ("bn2", pointwise.norm),
        ]
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor { try pointwise(depthwise(x, then: .relu6), then: .relu6) }

    func foldBatchNorms(fusing: Bool) throws {
        try depthwise.fold(fusing: fusing)
        try pointwise.fold(fusing: fusing)
    }
}

extension MobileNetV1 {
    /// The variants with timm's weights, which come from TensorFlow.
    static let architectures: [Architecture] = [.mobilenetv1, .mobilenetv1Short, .mobilenetv1Symmetric]
}

extension Architecture {
    /// MobileNet v1 under timm's names, TensorFlow padding, epsilon 1e-3.
    public static let mobilenetv1 = mobileNet("mobilenetv1_100") {
        $0.has("blocks.0.0.conv_dw.weight") && $0.has("blocks.4.1.conv_dw.weight")
            && !$0.has("blocks.5.0.conv_dw.weight")
    }
    /// The same without its last block: 1,024 features after `blocks.4.0`.
    public static let mobilenetv1Short = mobileNet("mobilenetv1_100_short", lastBlock: false) {
        $0.has("blocks.0.0.conv_dw.weight") && $0.has("blocks.4.0.conv_dw.weight")
            && !$0.has("blocks.4.1.conv_dw.weight")
    }
    /// MobileNet v1 with PyTorch's symmetric padding. Its tensors are those of `mobilenetv1_100`.
    public static let mobilenetv1Symmetric = mobileNet("mobilenetv1_100_symmetric", padding: .symmetric) { _ in false }

    private static func mobileNet(
        _ name: String, padding: Padding = .same, lastBlock: Bool = true,
        recognizes: @escaping @Sendable (StoredNames) -> Bool
    ) -> Architecture {
        Architecture(name, normalization: .symmetric, recognizes: recognizes) { _, _ in
            try MobileNetV1(padding: padding, lastBlock: lastBlock)
        }
    }
}
