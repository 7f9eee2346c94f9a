import ConfigurationFile
import Distillation
import FundusImaging

/// Teachers and distillation.
public struct DistillationSettings: Sendable, Equatable {
    /// Where the keys began that were not given. To begin there, use `init(preset:)`.
    public var preset = DistillationPreset.none
    /// The groupings, joined by `+`.
    public var grouping = "region"
    /// Decides the shuffle of `random`; nil for the run's seed.
    public var groupingSeed: Int?
    /// How many subsets `learned` makes.
    public var learnedSubsets = 5
    /// Weight of common images in `learned`, relative to the similarity of features.
    public var learnedCooccurrence = 0.5
    /// How far student and teacher are from each other.
    public var distance = Distance.bernoulliKL
    /// T.
    public var temperature = 2.0
    /// Weight of distillation relative to the labels.
    public var lambda = 1.0
    /// Weight of the distance of pooled features; 0: features are not distilled.
    public var featureLambda = 0.0
    /// The weights of teachers, classes and images.
    public var weights = WeightRule.uniform
    /// g of the weights `membership`.
    public var membershipGain = 1.0
    /// beta of the weights `effective_number`.
    public var beta = 0.999
    /// a of the weights `self_paced`.
    public var selfPacedShare = 0.3
    /// Share of the training patients on which `teacher_quality` and `self_paced` measure.
    public var innerShare = 0.2
    /// Views of each image that teachers are evaluated on; 0: as many as the student has epochs.
    public var views = 0
    /// Where the student begins.
    public var student = StudentStart.plain
    /// Passes of the student over its images; nil for those of `training`.
    public var epochs: Int?
    /// For single-label data: whether a teacher counts on images of its subset only.
    public var onlySubsetImages = false
    /// How the teachers are trained.
    public var teachers = TeacherSettings()

    /// The defaults.
    public init() {}

    /// What a preset says, and the defaults where it says nothing.
    public init(preset: DistillationPreset) { begin(preset) }

    /// Goes to where a preset begins.
    mutating func begin(_ preset: DistillationPreset) {
        self.preset = preset
        preset.apply(to: &self)
    }

    /// The distillation in a line, for reports.
    package var summary: String { "\(grouping), \(weights.rawValue)" }

    /// Whether teachers are measured on an inner split, for the weights of a student's loss.
    package var measuresTeachers: Bool {
        student != .none && (weights == .teacherQuality || weights == .selfPaced)
    }

    /// Passes of the student over its images, given those of `training`.
    package func studentEpochs(training: Int) -> Int { epochs ?? training }

    /// How many views of each image teachers are evaluated on.
    package func bankedViews(training: Int) -> Int { views > 0 ? views : studentEpochs(training: training) }
}

extension DistillationSettings: ConfigurationSection {
    /// The keys, in the order in which they are written. The preset is the first, so that every other key wins over it.
    public static let fields: [Field<Self>] = [
        Field(
            "preset", \.chosenPreset, .choice,
            "Where the other keys of this section begin; those that are given win, so delete what the preset should set"
        ).unused,
        Field(
            "grouping", \.grouping, .text,
            "region, feature, shot, learned, random:region, single, single*5, or a union such as shot+region"),
        Field(
            "grouping_seed", \.groupingSeed, .optional(.integer(0...1_000_000_000)),
            "random: decides the shuffle; null: the run's seed"
        ).used { $0.grouping.contains("random") },
        Field("learned_subsets", \.learnedSubsets, .integer(1...1000), "learned: how many subsets")
            .used { $0.grouping.contains("learned") },
        Field(
            "learned_cooccurrence", \.learnedCooccurrence, .number(0...1),
            "learned: share of common images in the similarity of classes; the rest is what the plain model sees"
        ).used { $0.grouping.contains("learned") },
        Field("distance", \.distance, .choice, "How far student and teacher are from each other"),
        Field("temperature", \.temperature, .number(above: 0, through: 100), "T")
            .used { $0.distance.usesTemperature || $0.weights == .confidence },
        Field("lambda", \.lambda, .number(0...1000), "Weight of distillation relative to the labels"),
        Field(
            "feature_lambda", \.featureLambda, .number(0...1000),
            "Weight of the cosine distance of pooled features; 0: features are not distilled"),
        Field("weights", \.weights, .choice, "Weights of teachers, classes and images"),
        Field(
            "membership_gain", \.membershipGain, .number(0...1000), "membership: weight 1 + g on images of the subset"
        ).used { $0.weights == .membership },
        Field("beta", \.beta, .number(from: 0, below: 1), "effective_number: beta")
            .used { $0.weights == .effectiveNumber },
        Field("self_paced_share", \.selfPacedShare, .number(from: 0, below: 1), "self_paced: a")
            .used { $0.weights == .selfPaced },
        Field(
            "inner_share", \.innerShare, .number(above: 0, below: 1),
            "Training patients to measure on (teacher_quality, self_paced)"
        ).used(when: \.measuresTeachers),
        Field(
            "views", \.views, .integer(0...10_000),
            "Views of each image that teachers are evaluated on; 0: one per epoch"
        ).resolved,
        Field(
            "student", \.student, .choice,
            "Where the student begins; none: no student, the model is the committee of plain model and teachers"
        ).resolved,
        Field(
            "epochs", \.epochs, .optional(.integer(1...10_000)),
            "Passes of the student over its images; null: training.epochs"
        ).resolved,
        Field(
            "only_subset_images", \.onlySubsetImages, .flag,
            "Single-label data: teachers speak on images of their subset only"),
        Field("teachers", \.teachers, .section, "How teachers are trained, where it differs from training"),
    ]

    // To read a preset is to begin with it.
    fileprivate var chosenPreset: DistillationPreset {
        get { preset }
        set { begin(newValue) }
    }
}

/// Where a student begins.
public enum StudentStart: String, Sendable, CaseIterable {
    /// At `model.weights`.
    case pretrained
    /// At the plain model.
    case plain
    /// There is none: the run's model is the committee of the plain model and the teachers.
    case none
}

/// Where a network begins.
public enum Initialization: String, Sendable, CaseIterable {
    /// At `model.weights`.
    case pretrained
    /// At the plain model.
    case plain
}

/// How the teachers are trained: what differs from `training`.
public struct TeacherSettings: Sendable, Equatable {
    /// What teachers minimise.
    public enum Technique: String, Sendable, CaseIterable {
        /// BCE, every image once: teachers that all techniques of a comparison can share.
        case bce
        /// Loss and sampler of `technique`.
        case same
    }

    /// Where they begin.
    public var initialization = Initialization.plain
    /// Which images without a positive of the subset they see.
    public var negatives = Negatives()
    /// Whether the higher prevalence that a teacher saw is taken off its logits.
    public var priorCorrection = true
    /// Passes over their images.
    public var epochs = 4
    /// Steps at least, for small subsets.
    public var minimumSteps = 100
    /// The highest learning rate.
    public var rate = 3e-4
    /// Factor on the backbone's learning rate, 0 freezes it; nil: that of the training.
    public var backboneRate: Double?
    /// What they minimise, and on which images.
    public var technique = Technique.bce
    /// How their images are made; nil: as those of the plain model.
    public var image: ImageSettings?
    /// Whether each of several processes trains whole teachers, alone.
    public var areSideBySide = false

    /// The defaults.
    public init() {}
}

extension TeacherSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("initialization", \.initialization, .choice, "Where teachers begin: model.weights or the plain model")
            .resolved,
        Field("negatives", \.negatives.rule, .choice, "Which images without a class of the subset they see").resolved,
        Field("ratio", \.negatives.ratio, .number(0...1000), "sampled: negatives for each positive").resolved
            .used { $0.negatives.rule == .sampled },
        // Who sees all images saw the prevalence that they have.
        Field("prior_correction", \.priorCorrection, .flag, "Take the higher prevalence a teacher saw off its logits")
            .used { $0.negatives.rule != .all },
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over their images").resolved,
        Field("minimum_steps", \.minimumSteps, .integer(0...1_000_000), "Steps at least, for small subsets").resolved,
        Field("rate", \.rate, .number(above: 0, through: 10), "Highest learning rate").resolved,
        Field(
            "backbone_rate", \.backboneRate, .optional(.number(0...1)),
            "Factor on the backbone's learning rate, 0 freezes it; null: training.backbone_rate"
        ).resolved,
        Field("technique", \.technique, .choice, "bce: plain BCE, every image once; same: as the student").resolved,
        Field("image", \.image, .optional(.section), "How their images are made; null: as `image` says").resolved,
        Field(
            "side_by_side", \.areSideBySide, .flag,
            "Where several processes train: each trains whole teachers, alone"
        ).unused,  // As the number of processes.
    ]
}
