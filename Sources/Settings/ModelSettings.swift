import Backbones
import Basics
import ConfigurationFile

/// The network.
public struct ModelSettings: Sendable, Equatable {
    /// Which one.
    public var architecture = Architecture.resnet18
    /// Weights to start from; nil for random ones.
    public var weights: String?
    /// The key of the requested state dict in a PyTorch checkpoint; nil to look at the usual places.
    public var stateDict: String?
    /// What stands before the name of each requested tensor in the file, such as `module.encoder_q.`, with or without
    /// its last dot; nil: found by itself.
    public var prefix: String?
    /// Dropout before the head.
    public var dropout = 0.2
    /// How often the last block is left out while training.
    public var dropPath = 0.0
    /// Where the biases of the head begin: a number for all classes; nil for the log-odds of each class's prevalence.
    public var headBias: Double?

    /// The defaults.
    public init() {}
}

extension ModelSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("architecture", \.architecture, .choice, "The network, by torchvision's and timm's names"),
        Field("weights", \.weights, .optional(.path), "Weights to start from: safetensors, .pth; null: random")
            .resolved,
        Field(
            "state_dict", \.stateDict, .optional(.text),
            "Key of the requested weights in a .pth with several, such as state_dict_ema; null: found by itself"
        ).used { $0.weights != nil },
        Field(
            "prefix", \.prefix, .optional(.text),
            "What the requested names in the weights begin with, such as module.encoder_q (a dot follows it); null: found by "
                + "itself"
        ).used { $0.weights != nil },
        Field("dropout", \.dropout, .number(from: 0, below: 1), "Dropout before the head"),
        Field(
            "drop_path", \.dropPath, .number(from: 0, below: 1),
            "Transformers, EfficientNet: how often the last block is left out for an image; earlier ones less"),
        Field(
            "head_bias", \.headBias, .optional(.number(-50...50)),
            "Where the head's biases begin; null: log-odds of the prevalence"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard dropPath == 0 || architecture.hasDropPath else {
            throw FoveaError(
                .configuration, "drop_path is \(dropPath), but \(architecture.rawValue) has no drop path",
                remedy: "Remove drop_path, or choose another architecture.")
        }
        guard stateDict == nil || weights != nil else {
            throw FoveaError(
                .configuration, "state_dict is given without weights", remedy: "Name the checkpoint in model.weights.")
        }
        guard prefix == nil || weights != nil else {
            throw FoveaError(
                .configuration, "prefix is given without weights", remedy: "Name the checkpoint in model.weights.")
        }
    }
}
