import Basics
import ConfigurationFile
import Losses
import Models

/// Loss, sampler, mixing, second stage.
public struct TechniqueSettings: Sendable, Equatable {
    /// The samplers.
    public enum SamplerName: String, Sendable, CaseIterable {
        case instance
        case classAware = "class_aware"
        case squareRoot = "square_root"
        case progressive = "progressively_balanced"
        case repeatFactor = "repeat_factor"
    }

    /// The loss, by the name of its registry.
    public var loss = "bce"
    /// The sampler.
    public var sampler = SamplerName.instance
    /// The parameters of the losses.
    public var losses = LossParameters()
    /// Threshold of the repeat factor sampler.
    public var repeatThreshold = 0.001
    /// Whether images are mixed, and how.
    public var mixing = Mixing()
    /// What is done to the head after the training.
    public var second = SecondStageSettings()

    /// The defaults.
    public init() {}

    /// The technique in a line, for reports.
    ///
    /// - Parameter labels: of exactly one label per image the loss is softmax cross-entropy, whatever `loss` says.
    package func summary(_ labels: ModelDescription.LabelKind) -> String {
        (labels == .single ? "softmax cross-entropy" : loss) + ", " + sampler.rawValue + " sampling"
            + (mixing.kind == .none ? "" : ", " + mixing.kind.rawValue)
            + (second.name == .none ? "" : ", then " + second.name.rawValue)
    }

    /// The same without a second stage: what decides the training before it.
    package var first: TechniqueSettings {
        var technique = self
        technique.second = SecondStageSettings()
        return technique
    }
}

extension TechniqueSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] =
        [
            Field("loss", \.loss, .text, "The loss: \(LossRegistry.names.joined(separator: ", "))"),
            Field("sampler", \.sampler, .choice, "How images are drawn"),
        ]
        + LossParameters.fields.map { field in
            // The condition of the loss that is chosen counts: losses share keys.
            field.within(\Self.losses).using { technique in
                LossRegistry.fields(of: technique.loss).first { $0.key == field.key }?.use(in: technique.losses)
                    ?? .unused
            }
        } + [
            Field(
                "repeat_threshold", \.repeatThreshold, .number(above: 0, through: 1),
                "repeat_factor: share below which classes repeat"
            ).used { $0.sampler == .repeatFactor },
            Field("mixing", \.mixing.kind, .choice, "Train on mixtures of two images and of their labels").resolved,
            Field(
                "mixing_alpha", \.mixing.alpha, .optional(.number(0.01...100)),
                "Shares are from Beta(alpha, alpha); null: 0.2 for mixup, 1 for cutmix"
            ).resolved.used { $0.mixing.kind != .none },
            Field(
                "second_stage", \.second.name, .choice,
                "What is done to the trained head: re-trained, re-scaled, normalised, or none"),
            Field("second_epochs", \.second.epochs, .integer(1...10_000), "crt, lws: passes over the training images")
                .resolved.used(when: \.second.isTrained),
            Field(
                "second_rate", \.second.rate, .optional(.number(above: 0, through: 10)),
                "crt, lws: highest learning rate; null: that of the training before"
            ).resolved.used(when: \.second.isTrained),
            Field("second_tau", \.second.tau, .number(0...1), "tau: power of the norm that weights are divided by")
                .used { $0.second.name == .tau },
        ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard LossRegistry.names.contains(loss) else {
            throw FoveaError(
                .configuration, "loss is \"\(loss)\"",
                remedy: FoveaError.suggestion(for: loss, among: LossRegistry.names))
        }
    }
}

/// What is done to the head of a trained network, its backbone staying as it is.
public struct SecondStageSettings: Sendable, Equatable {
    /// The ways of Kang et al., ICLR 2020.
    public enum Name: String, Sendable, CaseIterable {
        case none
        /// A new head, trained with class-aware sampling.
        case retraining = "crt"
        /// A factor on each class's weights, learnt with class-aware sampling.
        case scaling = "lws"
        /// Each class's weights divided by a power of their norm.
        case tau
    }

    /// Which one.
    public var name = Name.none
    /// Passes over the training images (`crt`, `lws`).
    public var epochs = 10
    /// The highest learning rate (`crt`, `lws`); nil for that of the training before.
    public var rate: Double?
    /// The power of the norm (`tau`).
    public var tau = 0.7

    /// The defaults.
    public init() {}

    /// Whether it is a training.
    package var isTrained: Bool {
        switch name {
        case .none, .tau: false
        case .retraining, .scaling: true
        }
    }
}

/// Whether images are mixed with each other, and how.
public struct Mixing: Sendable, Hashable {
    /// The ways.
    public enum Kind: String, Sendable, CaseIterable {
        case none
        /// The sum of two images (Zhang et al., "mixup", ICLR 2018).
        case mixup
        /// An image with a box of another one (Yun et al., "CutMix", ICCV 2019).
        case cutmix
    }

    /// Which one.
    public var kind: Kind
    /// Shares are from Beta(alpha, alpha); nil for the paper's.
    public var alpha: Double?

    /// Describes a mixing.
    public init(_ kind: Kind = .none, alpha: Double? = nil) { (self.kind, self.alpha) = (kind, alpha) }

    /// alpha, where none is given that of the paper: mixup's is 0.2, one of those for ImageNet; CutMix's is 1.
    package var shape: Double { alpha ?? (kind == .mixup ? 0.2 : 1) }
}
