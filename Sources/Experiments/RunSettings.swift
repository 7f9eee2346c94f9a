import Backbones
import Basics
import Cohorts
import Distillation
import FundusImaging
import Losses
import Models
import NN
import Torch
import Training

/// Everything that decides a run: the root of a configuration file.
public struct RunSettings: Sendable, Equatable {
    /// Photographs, labels, split.
    public var data = DataSettings()
    /// How a photograph becomes a picture.
    public var image = PictureSettings()
    /// How views differ from the picture.
    public var augmentation = ViewSettings()
    /// The network.
    public var model = ModelSettings()
    /// How the plain model and the student are trained.
    public var training = TrainingSettings()
    /// Loss and sampler.
    public var technique = TechniqueSettings()
    /// Teachers and distillation; nil trains the plain model only.
    public var distillation: DistillationSettings?
    /// How results are measured.
    public var evaluation = EvaluationSettings()
    /// When checkpoints are written and how many are kept.
    public var checkpoints = CheckpointPolicy()
    /// Seeds everything that is random.
    public var seed = 0
    /// The folder of the run.
    public var output = "runs/run"
    /// Where finished plain models, teachers and view banks are kept for reuse; nil: inside the run folder.
    public var stages: String?
    /// Where decoded pictures are kept; nil: in the per-user cache.
    public var cache: String?

    /// The defaults.
    public init() {}

    /// How many different views of an image the plain model sees; nil for always new ones.
    ///
    /// Where a view bank has fewer views than there are epochs, the student sees less variety; unless told otherwise
    /// the plain model that it is compared with then sees just as little (METHOD: section 5).
    var plainViews: Int? {
        if augmentation.views > 0 { return augmentation.views }
        guard let banked = distillation?.bankedViews(epochs: training.epochs), banked < training.epochs else {
            return nil
        }
        return banked
    }

    /// The technique of the teachers: BCE on every image once, or the run's own.
    var teacherTechnique: TechniqueSettings {
        distillation?.teachers.technique == .same ? technique : TechniqueSettings()
    }
}

/// Where the photographs and labels are, and which of them train.
public struct DataSettings: Sendable, Equatable {
    /// The label table.
    public var table = ""
    /// The image folder.
    public var images = ""
    /// More tables, one for each split, as RFMiD has them; `table` and `images` are then empty.
    public var tables: [TableSettings] = []
    /// The YAML file of class attributes; nil for none.
    public var attributes: String?
    /// The classes to use; empty for those of the attributes or of the table.
    public var classes: [String] = []
    /// Whether images have any number of labels or exactly one.
    public var labels = ModelDescription.LabelKind.multi
    /// Rows without an image file.
    public var missing = Refusal.fail
    /// Images that cannot be decoded, in training.
    public var unreadable = Refusal.fail
    /// Which photographs train and which validate.
    public var split = SplitSettings()

    /// What happens to something that cannot be used.
    public enum Refusal: String, Sendable, CaseIterable {
        /// Stop with the list.
        case fail
        /// Leave it out and count it.
        case skip
    }

    /// The defaults.
    public init() {}
}

/// One table among several.
public struct TableSettings: Sendable, Equatable {
    /// The CSV file.
    public var path = ""
    /// Its image folder.
    public var images = ""
    /// The split it stands for.
    public var split: String?
    /// How files are called, with {ID} for the cell of the image column; nil when the cell is the name.
    public var pattern: String?

    /// The defaults.
    public init() {}

    /// Describes a table.
    public init(path: String, images: String, split: String? = nil, pattern: String? = nil) {
        self.path = path
        self.images = images
        self.split = split
        self.pattern = pattern
    }
}

/// How photographs are divided.
public struct SplitSettings: Sendable, Equatable {
    /// The ways.
    public enum Method: String, Sendable, CaseIterable {
        /// By the table's fold column.
        case fold
        /// By the table's split column.
        case column
        /// By Fovea: folds of whole patients, rare classes spread first.
        case make
    }

    /// The way.
    public var method = Method.make
    /// Folds that validate (`fold`, `make`).
    public var validationFolds = [0]
    /// Folds that take no part.
    public var excludedFolds: [Int] = []
    /// The number of folds to make (`make`).
    public var folds = 5
    /// Decides which patients come into which fold (`make`); nil for the run's seed.
    public var seed: Int?
    /// Values of the split column that train (`column`).
    public var training = ["train"]
    /// Values of the split column that validate (`column`).
    public var validation = ["val"]

    /// The defaults.
    public init() {}
}

/// How a photograph becomes a square picture.
public struct PictureSettings: Sendable, Equatable {
    /// Side in pixels.
    public var resolution = 224
    /// Whether the dark surround is cut off.
    public var crop = ImageSettings.Crop.fieldOfView
    /// Whether the local mean is subtracted.
    public var localContrast = false
    /// Largest number of pixels that a file may claim.
    public var pixelLimit = 100_000_000

    /// The defaults.
    public init() {}

    /// The same for the image library.
    public var imageSettings: ImageSettings {
        ImageSettings(resolution: resolution, crop: crop, localContrast: localContrast, pixelLimit: pixelLimit)
    }
}

/// How views differ from the picture.
public struct ViewSettings: Sendable, Equatable {
    /// The ranges.
    public var ranges = AugmentationSettings()
    /// The number of different views of each image; 0 for a new one each time it is seen.
    public var views = 0

    /// The defaults.
    public init() {}
}

/// The network.
public struct ModelSettings: Sendable, Equatable {
    /// Which one.
    public var architecture = Architecture.resnet18
    /// Weights to start from; nil for random ones.
    public var weights: String?
    /// Where in a PyTorch checkpoint the wanted state dict lies; nil to look at the usual places.
    public var stateDict: String?
    /// Dropout before the head.
    public var dropout = 0.2
    /// How often a transformer's last block is left out while training.
    public var dropPath = 0.0
    /// Where the biases of the head begin: a number for all classes; nil for the log-odds of each class's prevalence.
    public var headBias: Double?

    /// The defaults.
    public init() {}

    /// The same for the trainer.
    public var bias: HeadBias { headBias.map(HeadBias.constant) ?? .prevalence }
}

/// How a network is trained.
public struct TrainingSettings: Sendable, Equatable {
    /// The optimisers.
    public enum OptimizerName: String, Sendable, CaseIterable {
        case adamw
        case sgd
    }
    /// The precisions.
    public enum PrecisionName: String, Sendable, CaseIterable {
        /// bfloat16 where the device has it, else float32.
        case auto
        case float32
        case bfloat16
    }

    /// Passes over the data.
    public var epochs = 10
    /// Images a step.
    public var batchSize = 64
    /// Whether a last batch that is not full is left out.
    public var dropsLast = true
    /// Batches whose gradients are added before a step.
    public var accumulation = 1
    /// The optimiser.
    public var optimizer = OptimizerName.adamw
    /// The highest learning rate.
    public var rate = 1e-3
    /// Momentum of SGD.
    public var momentum = 0.9
    /// Nesterov's form of momentum.
    public var nesterov = false
    /// Weight decay on all parameters.
    public var weightDecay = 0.01
    /// The form of the learning rate over time.
    public var schedule = Schedule.Form.cosine
    /// Steps of linear warm-up.
    public var warmUpSteps = 60
    /// The largest norm of the gradients; nil for no limit.
    public var gradientLimit: Double?
    /// The share of the old average of the weights kept at each step; nil for no average.
    public var averageDecay: Double?
    /// Factor on the backbone's learning rate; 0 freezes it.
    public var backboneRate = 1.0
    /// Arithmetic of the network.
    public var precision = PrecisionName.auto
    /// Steps that each training may leave out because a loss or gradient is not finite.
    public var skipLimit = 0

    /// The defaults.
    public init() {}
}

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

    /// The same for the trainer; nil for none. mixup's alpha is 0.2, one of those of its paper for ImageNet; CutMix's is 1.
    var mixer: Mixing? {
        switch mixing {
        case .none: nil
        case .mixup: .mixup(alpha: mixingAlpha ?? 0.2)
        case .cutmix: .cutmix(alpha: mixingAlpha ?? 1)
        }
    }

    /// The same without a second stage: what decides the training before it.
    var first: TechniqueSettings {
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
    var trainedEpochs: Int { name == .retraining || name == .scaling ? epochs : 0 }

    /// The same for the trainer; nil for none.
    func make(_ bias: HeadBias, _ labels: ModelDescription.LabelKind) -> (any SecondStage)? {
        switch name {
        case .none: nil
        case .retraining: ClassifierRetraining(bias: bias)
        case .scaling: LearnableWeightScaling()
        case .tau: TauNormalization(tau: tau, keepsBias: labels == .multi)
        }
    }
}

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
    /// How much common images count in `learned`, beside what a network sees in the classes.
    public var learnedCooccurrence = 0.5
    /// How far student and teacher are from each other.
    public var distance = Distance.bernoulliKL
    /// T.
    public var temperature = 2.0
    /// How much distillation counts beside the labels.
    public var lambda = 1.0
    /// How much the distance of pooled features counts besides; 0: not at all.
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
    /// Views of each image that teachers are asked about; 0: as many as the student has epochs.
    public var views = 0
    /// Where the student begins.
    public var student = Initialization.pretrained
    /// For single-label data: whether a teacher speaks on images of its subset only.
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

    /// The same choices, whatever they began with: what decides a training is the keys, not where they come from.
    var withoutPreset: DistillationSettings {
        var settings = self
        settings.preset = .none
        return settings
    }

    /// How many views of each image teachers are asked about when the student has so many epochs.
    func bankedViews(epochs: Int) -> Int { views > 0 ? views : epochs }
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

    /// The rules.
    public enum NegativesName: String, Sendable, CaseIterable {
        case drop
        case sampled
        case all
    }

    /// Where they begin.
    public var initialization = Initialization.plain
    /// Which images without a positive of the subset they see.
    public var negatives = NegativesName.all
    /// r of `sampled`.
    public var ratio = 1.0
    /// Whether the higher prevalence that a teacher saw is taken off its logits.
    public var priorCorrection = true
    /// Passes over their images.
    public var epochs = 4
    /// Steps at least, for small subsets.
    public var minimumSteps = 100
    /// The highest learning rate.
    public var rate = 3e-4
    /// What they minimise, and on which images.
    public var technique = Technique.bce

    /// The defaults.
    public init() {}

    /// The same for subset tasks.
    public var rule: Negatives {
        switch negatives {
        case .drop: .drop
        case .sampled: .sampled(ratio: ratio)
        case .all: .all
        }
    }
}

/// How results are measured.
public struct EvaluationSettings: Sendable, Equatable {
    /// Rounds of the bootstrap; 0 for none.
    public var bootstrap = 1000
    /// Positives of a many-shot class at least.
    public var many = 100
    /// Positives of a medium-shot class at least.
    public var medium = 20
    /// Epochs between measurements on the validation split while training; 0 for the last only.
    public var every = 1
    /// Positive patients that a class needs for an interval.
    public var minimumPositivePatients = 10

    /// The defaults.
    public init() {}

    /// Where the shot groups begin.
    ///
    /// - Throws: `FoveaError` when medium-shot classes would begin above many-shot ones.
    func bounds() throws -> ShotBounds { try ShotBounds(many: many, medium: medium) }
}
