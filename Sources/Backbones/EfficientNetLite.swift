import NN
import Torch

/// EfficientNet-Lite0: EfficientNet-B0 (Tan and Le, ICML 2019) without squeeze-and-excitation and with ReLU6 in place of
/// SiLU, under timm's names for `tf_efficientnet_lite0`.
///
/// Its weights come from TensorFlow: "SAME" padding, batch norm with epsilon 1e-3.
public final class EfficientNetLite: AveragingBackbone {
    /// Blocks, kernel, stride of the first block, expansion of the channels within a block, output channels.
    private static let stages = [
        (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    ]

    private let stem: ConvNorm
    private let stages: [[InvertedResidual]]
    private let head: ConvNorm
    /// The length of a feature vector.
    public let featureCount = 1280
    /// The published name of the classifying layer.
    public let headName = "classifier"

    /// Makes a network.
    ///
    /// - Parameter dropPath: how often the last block would be left out while training (stochastic depth); block b of n
    ///   has b / n of it. Only blocks with a shortcut are left out.
    public init(dropPath: Double = 0) throws {
        stem = try .same(3, 32, kernel: 3, stride: 2)
        let count = Self.stages.reduce(0) { $0 + $1.0 }
        var (channels, block) = (32, 0)
        stages = try Self.stages.map { blocks, kernel, stride, expansion, outputs in
            try (0..<blocks).map { index in
                defer { (channels, block) = (outputs, block + 1) }
                return try InvertedResidual(
                    channels, outputs, kernel: kernel, stride: index == 0 ? stride : 1, expansion: expansion,
                    dropPath: dropPath * Double(block) / Double(count))
            }
        }
        head = try .same(channels, featureCount, kernel: 1)
    }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        [
            ("conv_stem", stem.convolution), ("bn1", stem.norm),
            ("blocks", Sequential(stages.map { Sequential($0) })),
            ("conv_head", head.convolution), ("bn2", head.norm),
        ]
    }

    /// [N, 3, H, W] -> [N, featureCount, H / 32, W / 32].
    public func featureMap(_ x: Tensor) throws -> Tensor {
        try head(stages.joined().reduce(stem(x, then: .relu6)) { try $1($0) }, then: .relu6)
    }

    /// Absorbs all batch norms into their convolutions, for prediction only.
    public func foldBatchNorms(fusing: Bool) throws {
        try stem.fold(fusing: fusing)
        for block in stages.joined() { try block.foldBatchNorms(fusing: fusing) }
        try head.fold(fusing: fusing)
    }
}

extension EfficientNetLite {
    /// EfficientNet-Lite0 with timm's weights.
    static let architectures: [Architecture] = [.efficientNetLite0]
}

extension Architecture {
    /// EfficientNet-Lite0 under timm's names.
    public static let efficientNetLite0 = Architecture(
        "tf_efficientnet_lite0", normalization: .symmetric, hasDropPath: true,
        recognizes: {
            // B0 also has squeeze-and-excitation; Lite1 and larger ones have more blocks.
            $0.has("conv_head.weight") && $0.has("blocks.6.0.conv_pwl.weight") && !$0.has("blocks.1.2.conv_pwl.weight")
                && !$0.has("blocks.0.0.se.conv_reduce.weight")
        },
        build: { _, dropPath in try EfficientNetLite(dropPath: dropPath) })
}

/// An inverted residual block (Sandler et al., CVPR 2018): a 1x1 convolution to more channels, one within each channel, a
/// linear 1x1 convolution back, and a shortcut where input and output have the same shape. Without expansion the first
/// convolution is left out (timm's "depthwise separable" block, whose names differ).
private final class InvertedResidual: Module {
    private let expansion: ConvNorm?
    private let depthwise: ConvNorm
    private let projection: ConvNorm
    private let dropPath: DropPath
    private let hasShortcut: Bool

    init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, expansion factor: Int, dropPath: Double) throws {
        let width = inputs * factor
        expansion = factor > 1 ? try .same(inputs, width, kernel: 1) : nil
        depthwise = try .same(width, width, kernel: kernel, stride: stride, groups: width)
        projection = try .same(width, outputs, kernel: 1)
        self.dropPath = DropPath(dropPath)
        hasShortcut = stride == 1 && inputs == outputs
    }

    var children: [(name: String, module: any Module)] {
        let layers: [(name: String, layer: ConvNorm)] =
            if let expansion {
                [("conv_pw", expansion), ("conv_dw", depthwise), ("conv_pwl", projection)]
            } else {
                [("conv_dw", depthwise), ("conv_pw", projection)]
            }
        return layers.enumerated().flatMap { index, layer -> [(name: String, module: any Module)] in
            [(layer.name, layer.layer.convolution), ("bn\(index + 1)", layer.layer.norm)]
        } + [("drop_path", dropPath)]
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let y = try depthwise(expansion?(x, then: .relu6) ?? x, then: .relu6)
        guard hasShortcut else { return try projection(y) }
        // While predicting no path is dropped.
        return projection.isFused ? try projection(y, adding: x) : try x + dropPath(projection(y))
    }

    func foldBatchNorms(fusing: Bool) throws {
        try expansion?.fold(fusing: fusing)
        try depthwise.fold(fusing: fusing)
        try projection.fold(fusing: fusing)
    }
}

extension ConvNorm {
    /// TensorFlow's padding and epsilon; the momentum is PyTorch's.
    fileprivate static func same(
        _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1
    ) throws -> ConvNorm {
        ConvNorm(
            convolution: try Conv2d(
                inputs, outputs, kernel: kernel, stride: stride, groups: groups, padding: .same),
            norm: try BatchNorm2d(outputs, epsilon: 1e-3))
    }
}
