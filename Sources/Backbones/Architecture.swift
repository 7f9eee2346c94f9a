import Basics
import NN
import Weights

/// A network by the name that timm or torchvision gives it: how it is built, what input its published weights expect, and
/// how a file of its weights is recognised.
///
/// Each is described beside its network and listed in `ArchitectureRegistry.swift`.
public struct Architecture: Sendable {
    /// The name, such as `resnet18`.
    public let rawValue: String
    /// The normalisation that the published weights expect.
    public let normalization: Normalization
    /// The side in pixels of the patches that must tile an image; nil where images of any size are taken.
    public let patch: Int?
    /// Whether whole blocks can be left out at random while training (stochastic depth).
    public let hasDropPath: Bool
    private let build: @Sendable (_ resolution: Int, _ dropPath: Double) throws -> any Backbone
    private let recognizes: @Sendable (StoredNames) -> Bool

    /// Describes a network.
    ///
    /// - Parameters:
    ///   - recognizes: whether tensors of these names and shapes are weights of this network and of no other one.
    ///   - build: makes the network with random weights, for images of a resolution, with a drop path rate.
    init(
        _ name: String, normalization: Normalization, patch: Int? = nil, hasDropPath: Bool = false,
        recognizes: @escaping @Sendable (StoredNames) -> Bool,
        build: @escaping @Sendable (_ resolution: Int, _ dropPath: Double) throws -> any Backbone
    ) {
        rawValue = name
        self.normalization = normalization
        self.patch = patch
        self.hasDropPath = hasDropPath
        self.recognizes = recognizes
        self.build = build
    }

    /// Builds the network with random weights, drawn from the engine's generator.
    ///
    /// - Parameters:
    ///   - resolution: side of the images in pixels. Only transformers depend on it: they keep an embedding per patch.
    ///   - dropPath: how often the last block is left out while training, in [0, 1); blocks before it less.
    /// - Throws: `FoveaError` of kind `configuration` when a transformer's patches do not tile the image.
    public func makeBackbone(resolution: Int = 224, dropPath: Double = 0) throws -> any Backbone {
        try build(resolution, dropPath)
    }

    /// Verifies that images of a side can be cut into a transformer's patches; other networks take any.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names sides which would do.
    public func requireWholePatches(in resolution: Int) throws {
        guard let patch else { return }
        try VisionTransformer.requireWholePatches(of: patch, height: resolution, width: resolution)
    }

    /// The network whose weights a file holds; nil where it is not one of the registry's.
    public init?(holding file: WeightFile) {
        let names = StoredNames(file)
        guard let found = Self.allCases.first(where: { $0.recognizes(names) }) else { return nil }
        self = found
    }
}

extension Architecture: CustomStringConvertible {
    /// The name.
    public var description: String { rawValue }
}

extension Architecture: NamedChoice, Hashable {
    /// The architecture of a name; nil where the registry has none.
    public init?(rawValue: String) {
        guard let found = Self.allCases.first(where: { $0.rawValue == rawValue }) else { return nil }
        self = found
    }

    /// Equal by name.
    public static func == (a: Architecture, b: Architecture) -> Bool { a.rawValue == b.rawValue }
    /// By name.
    public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }
}

/// The names and shapes of the tensors of a weight file, by which an architecture recognises its own weights.
struct StoredNames {
    private let tensors: [StoredTensor]
    private let shapes: [String: [Int]]

    init(_ file: WeightFile) {
        tensors = file.tensors
        shapes = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
    }

    /// Whether there is a tensor of this name, behind whatever prefix.
    func has(_ name: String) -> Bool { shape(name) != nil }

    /// The shape of a tensor of this name, behind whatever prefix: of several the first in the file.
    func shape(_ name: String) -> [Int]? { shapes[name] ?? tensors.first { $0.name.hasSuffix("." + name) }?.shape }
}
