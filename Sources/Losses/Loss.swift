import Basics
import ConfigurationFile
import Torch

/// A loss between logits and multi-hot labels, one term for each image and class.
///
/// Scale, everywhere: sums over classes, means over the batch. To add a loss, write one file with its `terms` and
/// parameters, and register it by one line in `LossRegistry`.
public protocol Loss {
    /// The terms l(z_ic, y_ic), [B, C].
    ///
    /// - Parameters:
    ///   - logits: raw z, float32 [B, C].
    ///   - labels: y in [0, 1], float32 [B, C]; 0 where unknown.
    ///   - progress: how much of the training is done, in [0, 1), for losses that change over time.
    func terms(logits: Tensor, labels: Tensor, progress: Double) throws -> Tensor
}

extension Loss {
    /// The sum over classes and mean over the batch, a scalar, computed in float32.
    ///
    /// - Parameter mask: 1 where a term counts, 0 where the label is unknown or the class takes no part; [B, C] or [C].
    public func callAsFunction(logits: Tensor, labels: Tensor, mask: Tensor?, progress: Double = 0) throws -> Tensor {
        let terms = try terms(logits: logits.to(dtype: .float32), labels: labels, progress: progress)
        let counted = try mask.map { try terms * $0 } ?? terms
        return try counted.sum() / Double(max(1, logits.shape.first ?? 1))
    }
}

/// What a loss may know of the training data when it is made.
public struct LossContext: Sendable {
    /// Positives of each class in the training split, n_c.
    public var classCounts: [Int]
    /// Images in the training split.
    public var imageCount: Int
    /// Where the loss is computed.
    public var device: Device
    /// The processes that compute the loss of a batch together, each on its part.
    public var communicator: any Communicator

    /// Gathers what is known.
    public init(
        classCounts: [Int], imageCount: Int, device: Device = .cpu, communicator: any Communicator = SingleProcess()
    ) {
        self.classCounts = classCounts
        self.imageCount = imageCount
        self.device = device
        self.communicator = communicator
    }

    /// A number for each class by its positives, [C].
    func tensor(_ value: (Int) -> Float) throws -> Tensor { try Tensor(classCounts.map(value)).to(device: device) }
}

/// A loss that configurations can name.
public protocol ConfigurableLoss: Loss, SendableMetatype {
    /// The keys of the parameters that it reads, in the section `technique`, each with the condition under which it does.
    static var fields: [Field<LossParameters>] { get }

    /// Makes the loss.
    init(_ context: LossContext, _ parameters: LossParameters) throws
}

/// The parameters of all losses: each loss's, and what losses share, in a type of its own.
public struct LossParameters: ConfigurationSection, Equatable {
    /// Those that are not at their defaults.
    private var values: [ObjectIdentifier: any Hashable & Sendable] = [:]

    /// The keys of all losses, each once.
    public static let fields = LossRegistry.fields()

    /// The defaults.
    public init() {}

    /// The parameters of one type; `start` are its defaults.
    public subscript<Parameters: Hashable & Sendable>(default start: Parameters) -> Parameters {
        get { values[ObjectIdentifier(Parameters.self)] as? Parameters ?? start }
        set { values[ObjectIdentifier(Parameters.self)] = newValue == start ? nil : newValue }
    }

    /// Whether all parameters are equal.
    public static func == (one: Self, other: Self) -> Bool {
        one.values.mapValues { AnyHashable($0) } == other.values.mapValues { AnyHashable($0) }
    }
}

/// All losses by the names that configurations use.
public enum LossRegistry {
    /// One line for each loss.
    private static let all: [(name: String, loss: any ConfigurableLoss.Type)] = [
        ("bce", BinaryCrossEntropy.self),
        ("weighted_bce", WeightedBinaryCrossEntropy.self),
        ("focal", FocalLoss.self),
        ("class_balanced_focal", ClassBalancedFocalLoss.self),
        ("ldam", LDAMLoss.self),
        ("distribution_balanced", DistributionBalancedLoss.self),
        ("asymmetric", AsymmetricLoss.self),
        ("logit_adjusted", LogitAdjustedBinaryCrossEntropy.self),
    ]

    /// The names, in order.
    public static var names: [String] { all.map(\.name) }

    /// The keys of the parameters of one loss, or of all.
    public static func fields(of name: String? = nil) -> [Field<LossParameters>] {
        var seen = Set<String>()
        return all.filter { name == nil || $0.name == name }.flatMap { $0.loss.fields }
            .filter { seen.insert($0.key).inserted }
    }

    /// Makes a loss by name.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a name that is not registered.
    public static func make(_ name: String, _ parameters: LossParameters, _ context: LossContext) throws -> any Loss {
        guard let entry = all.first(where: { $0.name == name }) else {
            throw FoveaError(
                .configuration, "\"\(name)\" is not a loss", remedy: FoveaError.suggestion(for: name, among: names))
        }
        return try entry.loss.init(context, parameters)
    }
}
