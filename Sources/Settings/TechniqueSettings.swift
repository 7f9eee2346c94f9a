import Basics
import Configuration
import Losses
import Models

/// Loss and sampler.
public struct TechniqueSettings: Sendable, Equatable {
    /// The samplers.
    public enum SamplerName: String, Sendable, CaseIterable {
        case instance
        case classAware = "class_aware"
        case squareRoot = "square_root"
        case progressive = "progressively_balanced"
        case repeatFactor = "repeat_factor"
    }
    /// The ways of mixing images.
    public enum MixingName: String, Sendable, CaseIterable {
        case none
        case mixup
        case cutmix
    }
    /// How class weights follow from counts.
    public enum ClassWeighting: String, Sendable, CaseIterable {
        case effectiveNumber = "effective_number"
        case inverseFrequency = "inverse_frequency"
    }

    /// The loss, by the name of its registry.
    public var loss = "bce"
    /// The sampler.
    public var sampler = SamplerName.instance
    /// Label smoothing of BCE.
    public var labelSmoothing = 0.0
    /// Class weights of weighted BCE.
    public var classWeights = ClassWeighting.effectiveNumber
    /// beta of the effective number.
    public var beta = 0.999
    /// Threshold of the repeat factor sampler.
    public var repeatThreshold = 0.001
    /// Constants of single losses.
    public var constants = LossOptions()
    /// Whether images are mixed, and how.
    public var mixing = MixingName.none
    /// alpha of the mixing; nil for the paper's.
    public var mixingAlpha: Double?
    /// What is done to the head after the training.
    public var second = SecondStageSettings()

    /// The defaults.
    public init() {}

    /// The same without a second stage: what decides the training before it.
    package var first: TechniqueSettings {
        var technique = self
        technique.second = SecondStageSettings()
        return technique
    }

    /// The same for the losses.
    public var lossOptions: LossOptions {
        var options = constants
        options.beta = beta
        options.labelSmoothing = labelSmoothing
        options.classWeights = classWeights == .inverseFrequency ? .inverseFrequency : .effectiveNumber(beta: beta)
        return options
    }
}

extension TechniqueSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("loss", \.loss, .text, "The loss: \(LossRegistry.names.joined(separator: ", "))"),
        Field("sampler", \.sampler, .choice, "How images are drawn"),
        Field("label_smoothing", \.labelSmoothing, .number(from: 0, below: 1), "bce: labels move towards one half"),
        Field("class_weights", \.classWeights, .choice, "weighted_bce: how weights follow from counts"),
        Field("beta", \.beta, .number(from: 0, below: 1), "beta of the effective number"),
        Field("focal_gamma", \.constants.focalGamma, .number(0...20), "focal, class_balanced_focal: gamma"),
        Field("ldam_margin", \.constants.ldamMargin, .number(0...100), "ldam: margin of the rarest class"),
        Field("ldam_scale", \.constants.ldamScale, .number(above: 0, through: 1000), "ldam: factor on logits"),
        Field(
            "ldam_reweight_from", \.constants.ldamReweightFrom, .number(0...1),
            "ldam: share of the training after which classes are weighed; 1: never"),
        Field(
            "db_alpha", \.constants.distributionBalanced.alpha, .number(0...10),
            "distribution_balanced: added to every weight"),
        Field(
            "db_beta", \.constants.distributionBalanced.beta, .number(0...1000),
            "distribution_balanced: how steep weights are"),
        Field(
            "db_mu", \.constants.distributionBalanced.mu, .number(0...1), "distribution_balanced: where weights rise"),
        Field(
            "db_lambda", \.constants.distributionBalanced.lambda, .number(above: 0, through: 1000),
            "distribution_balanced: by which negatives are softened"),
        Field(
            "db_kappa", \.constants.distributionBalanced.kappa, .number(0...10),
            "distribution_balanced: how far priors move logits"),
        Field(
            "db_focal_gamma", \.constants.distributionBalanced.gamma, .number(0...20),
            "distribution_balanced: gamma of DB-focal; 0: no focal factor"),
        Field(
            "asl_positive_gamma", \.constants.asymmetricPositiveGamma, .number(0...20), "asymmetric: gamma of positives"
        ),
        Field(
            "asl_negative_gamma", \.constants.asymmetricNegativeGamma, .number(0...20), "asymmetric: gamma of negatives"
        ),
        Field(
            "asl_margin", \.constants.asymmetricMargin, .number(from: 0, below: 1),
            "asymmetric: taken off the probability of negatives"),
        Field("logit_adjustment", \.constants.adjustment, .number(0...100), "logit_adjusted: tau"),
        Field(
            "repeat_threshold", \.repeatThreshold, .number(above: 0, through: 1),
            "repeat_factor: share below which classes repeat"),
        Field("mixing", \.mixing, .choice, "Train on mixtures of two images and of their labels"),
        Field(
            "mixing_alpha", \.mixingAlpha, .optional(.number(0.01...100)),
            "Shares are from Beta(alpha, alpha); null: 0.2 for mixup, 1 for cutmix"),
        Field(
            "second_stage", \.second.name, .choice,
            "What is done to the trained head: re-trained, re-scaled, normalised, or none"),
        Field("second_epochs", \.second.epochs, .integer(1...10_000), "crt, lws: passes over the training images"),
        Field(
            "second_rate", \.second.rate, .optional(.number(above: 0, through: 10)),
            "crt, lws: highest learning rate; null: that of the training before"),
        Field("second_tau", \.second.tau, .number(0...1), "tau: power of the norm that weights are divided by"),
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

    /// Passes over the training images that it makes.
    package var trainedEpochs: Int {
        switch name {
        case .none, .tau: 0
        case .retraining, .scaling: epochs
        }
    }
}
