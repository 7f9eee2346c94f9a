import NN
import Torch

/// Residual networks (He et al., CVPR 2016) under torchvision's names; the bottleneck strides in its 3x3 convolution,
/// as torchvision's does ("v1.5").
public final class ResNet: AveragingBackbone {
    /// The two kinds of residual block.
    public enum Block: Sendable {
        /// Two 3x3 convolutions (ResNet-18 and 34).
        case basic
        /// 1x1, 3x3, 1x1 with four times the channels at the end (ResNet-50).
        case bottleneck

        var expansion: Int { self == .basic ? 1 : 4 }
    }

    private let stem: ConvNorm
    private let stages: [[ResidualBlock]]
    /// The length of a feature vector.
    public let featureCount: Int
    /// The published name of the classifying layer.
    public let headName = "fc"

    /// Makes a network with the given number of blocks in its four stages.
    public init(_ block: Block, _ depths: [Int]) throws {
        stem = ConvNorm(convolution: try Conv2d(3, 64, kernel: 7, stride: 2), norm: try BatchNorm2d(64))
        var channels = 64
        stages = try depths.enumerated().map { stage, depth in
            let width = 64 << stage
            return try (0..<depth).map { index in
                let stride = stage > 0 && index == 0 ? 2 : 1
                defer { channels = width * block.expansion }
                return try ResidualBlock(block, channels, width: width, stride: stride)
            }
        }
        featureCount = channels
    }

    /// The parts under the published names.
    public var children: [(name: String, module: any Module)] {
        [("conv1", stem.convolution), ("bn1", stem.norm)]
            + stages.enumerated().map { ("layer\($0.offset + 1)", Sequential($0.element)) }
    }

    /// [N, 3, H, W] -> [N, featureCount, H / 32, W / 32].
    public func featureMap(_ x: Tensor) throws -> Tensor {
        let stemmed = try stem(x, then: .relu).maxPooled(kernel: 3, stride: 2, padding: 1)
        return try stages.joined().reduce(stemmed) { try $1($0) }
    }

    /// Absorbs all batch norms into their convolutions, for prediction only.
    public func foldBatchNorms(fusing: Bool) throws {
        try stem.fold(fusing: fusing)
        for block in stages.joined() { try block.foldBatchNorms(fusing: fusing) }
    }
}

private final class ResidualBlock: Module {
    private let layers: [ConvNorm]
    private let shortcut: ConvNorm?

    init(_ block: ResNet.Block, _ inputs: Int, width: Int, stride: Int) throws {
        func layer(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1) throws -> ConvNorm {
            ConvNorm(
                convolution: try Conv2d(inputs, outputs, kernel: kernel, stride: stride),
                norm: try BatchNorm2d(outputs))
        }
        let outputs = width * block.expansion
        layers =
            switch block {
            case .basic:
                [
                    try layer(inputs, width, kernel: 3, stride: stride),
                    try layer(width, width, kernel: 3),
                ]
            case .bottleneck:
                [
                    try layer(inputs, width, kernel: 1),
                    try layer(width, width, kernel: 3, stride: stride),
                    try layer(width, outputs, kernel: 1),
                ]
            }
        shortcut =
            stride != 1 || inputs != outputs ? try layer(inputs, outputs, kernel: 1, stride: stride) : nil
    }

    var children: [(name: String, module: any Module)] {
        var parts: [(name: String, module: any Module)] = []
        for (index, layer) in layers.enumerated() {
            parts.append(("conv\(index + 1)", layer.convolution))
            parts.append(("bn\(index + 1)", layer.norm))
        }
        if let shortcut { parts.append(("downsample", Sequential([shortcut.convolution, shortcut.norm]))) }
        return parts
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        let y = try layers.dropLast().reduce(x) { try $1($0, then: .relu) }
        return try layers[layers.count - 1](y, adding: shortcut?(x) ?? x, then: .relu)
    }

    func foldBatchNorms(fusing: Bool) throws {
        for layer in layers { try layer.fold(fusing: fusing) }
        try shortcut?.fold(fusing: fusing)
    }
}

extension ResNet {
    /// ResNet-18, 34 and 50 with torchvision's weights.
    static let architectures: [Architecture] = [.resnet18, .resnet34, .resnet50]
}

extension Architecture {
    /// ResNet-18: two 3x3 convolutions a block, 11 million weights.
    public static let resnet18 = resNet("resnet18", .basic, [2, 2, 2, 2]) {
        $0.has("layer1.0.conv2.weight") && !$0.has("layer1.0.conv3.weight") && !$0.has("layer3.5.conv2.weight")
    }
    /// ResNet-34: two 3x3 convolutions a block, 21 million weights.
    public static let resnet34 = resNet("resnet34", .basic, [3, 4, 6, 3]) {
        $0.has("layer3.5.conv2.weight") && !$0.has("layer1.0.conv3.weight")
    }
    /// ResNet-50: bottleneck blocks, 24 million weights.
    public static let resnet50 = resNet("resnet50", .bottleneck, [3, 4, 6, 3]) {
        // ResNet-101 and 152 have more blocks.
        $0.has("layer1.0.conv3.weight") && $0.has("layer3.5.conv3.weight") && !$0.has("layer3.6.conv3.weight")
    }

    private static func resNet(
        _ name: String, _ block: ResNet.Block, _ depths: [Int],
        recognizes: @escaping @Sendable (StoredNames) -> Bool
    ) -> Architecture {
        Architecture(name, normalization: .imageNet, recognizes: recognizes) { _, _ in try ResNet(block, depths) }
    }
}
