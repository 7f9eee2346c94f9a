import Backbones
import Basics
import ConfigurationFile
import Distillation
import FundusImaging
import Losses
import Models

/// Everything that decides a run: the root of a configuration file.
public struct RunSettings: Sendable, Equatable {
    /// Photographs, labels, split.
    public var data = DataSettings()
    /// How a photograph becomes an image.
    public var image = ImageSettings()
    /// How views differ from the image.
    public var augmentation = AugmentationSettings()
    /// The network.
    public var model = ModelSettings()
    /// How the plain model and the student are trained.
    public var training = TrainingSettings()
    /// Loss and sampler.
    public var technique = TechniqueSettings()
    /// Where teachers look; nil: they see the whole image.
    public var regions: RegionSettings?
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
    /// Where decoded images are kept; nil: in the per-user cache.
    public var cache: String?

    /// The defaults.
    public init() {}

    /// How many different views of an image the plain model sees; nil for always new ones.
    ///
    /// Where a view bank has fewer views than there are epochs, the student sees less variety; unless given otherwise
    /// the plain model that it is compared with then sees just as little (METHOD: section 5).
    package var plainViews: Int? {
        if augmentation.views > 0 { return augmentation.views }
        guard let banked = distillation?.bankedViews(training: training.epochs), banked < training.epochs else {
            return nil
        }
        return banked
    }

    /// How the images of a teacher are made.
    ///
    /// - Parameter subset: the name of the classes that it knows.
    package func teacherImage(of subset: String) -> ImageSettings {
        var image = distillation?.teachers.image ?? image
        // One limit holds for a photograph, whoever sees it.
        image.pixelLimit = self.image.pixelLimit
        return image.cut(to: regions?.window(of: subset))
    }

    /// The windows that plain model and student see beside the whole image.
    package var sharedWindows: [ImageSettings] {
        guard let regions, regions.shared else { return [] }
        return regions.windows.map { image.cut(to: $0.area) }
    }

    /// Whether some network sees a part of the photograph that depends on the eye.
    package var needsSides: Bool { regions.map { $0.shared || distillation != nil } ?? false }

    /// The technique of the teachers: BCE on every image once, or the run's own.
    package var teacherTechnique: TechniqueSettings {
        distillation?.teachers.technique == .same ? technique : TechniqueSettings()
    }

    /// The technique of the plain model of an inner split: it is compared with teachers, so it has a second stage where
    /// they have one.
    package var innerTechnique: TechniqueSettings {
        var inner = technique
        inner.second = teacherTechnique.second
        return inner
    }
}

extension RunSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("data", \.data, .section, "Photographs, labels, split").resolved,
        Field("image", \.image, .section, "How a photograph becomes a square image"),
        Field("augmentation", \.augmentation, .section, "How the views seen in training differ from the image"),
        Field("model", \.model, .section, "The network"),
        Field("training", \.training, .section, "How the plain model and the student are trained"),
        Field("technique", \.technique, .section, "The long-tail technique: loss, sampler, mixing, second stage"),
        Field(
            "regions", \.regions, .optional(.section),
            "Windows of the photograph that teachers of a region see; null: they see the whole image"
        ).resolved,
        Field(
            "distillation", \.distillation, .optional(.section),
            "Teachers and distillation; null trains the plain model only"),
        Field("evaluation", \.evaluation, .section, "How results are measured").resolved,
        Field(
            "checkpoints", \.checkpoints, .section, "When a training is saved, so that it can be resumed after a stop"
        ).unused,
        Field("seed", \.seed, .integer(0...1_000_000_000), "Seeds everything that is random"),
        Field("output", \.output, .path, "The folder of the run").unused,
        Field(
            "stages", \.stages, .optional(.path),
            "Folder of finished plain models, teachers and view banks, shared by runs; null: in the run folder"
        ).unused,
        Field("cache", \.cache, .optional(.path), "Folder of decoded images; null: the per-user cache").unused,
    ]

    /// Checks what one section alone cannot know.
    public func validate() throws {
        try model.architecture.requireWholePatches(in: image.resolution)
        try refuseWhatHasNoEffect()
        try validateTeacherImages()
        guard technique.mixing.kind == .none || distillation?.weights != .confidence else {
            throw FoveaError(
                .configuration,
                "distillation.weights is confidence and technique.mixing is \(technique.mixing.kind.rawValue): the mean of "
                    + "these weights is over all views of a view bank, and mixed images have none",
                remedy: "Choose other weights, or set technique.mixing to none.")
        }
        guard training.candidates.isEmpty || distillation == nil else {
            throw FoveaError(
                .configuration,
                "training.candidates and distillation are given: a student's teachers begin at one plain model",
                remedy: "Set distillation to null, or training.candidates to [].")
        }
        guard checkpoints.keepBest == 0 || evaluation.every > 0 else {
            throw FoveaError(
                .configuration,
                "checkpoints.keep_best is \(checkpoints.keepBest), but evaluation.every is 0, so no epoch is measured",
                remedy: "Set checkpoints.keep_best to 0, or evaluation.every above 0.")
        }
        if let distillation, distillation.featureLambda > 0, training.backboneRate == 0 {
            throw FoveaError(
                .configuration,
                "distillation.feature_lambda is \(distillation.featureLambda), but training.backbone_rate is 0, so the "
                    + "student's features cannot change",
                remedy: "Set distillation.feature_lambda to 0, or a backbone_rate above 0.")
        }
        if let distillation, distillation.featureLambda > 0, technique.mixing.kind != .none {
            throw FoveaError(
                .configuration,
                "distillation.feature_lambda is \(distillation.featureLambda) and technique.mixing is "
                    + "\(technique.mixing.kind.rawValue): teachers' features are kept for the views of a view bank, and mixed "
                    + "images have none",
                remedy: "Set distillation.feature_lambda to 0, or technique.mixing to none.")
        }
    }

    /// Refuses teachers that cannot see what they should.
    private func validateTeacherImages() throws {
        func refuse(_ problem: String, _ remedy: String) throws {
            throw FoveaError(.configuration, problem, remedy: remedy)
        }
        if regions?.shared == true {
            try sharedWindows.forEach { try $0.validate() }
            if technique.mixing.kind != .none || technique.second.name != .none {
                try refuse(
                    "regions.shared is true, and technique.mixing or second_stage is not none: neither knows of several images "
                        + "and heads", "Set both to none, or regions.shared to false.")
            }
            if let distillation, distillation.teachers.initialization == .plain {
                try refuse(
                    "regions.shared is true and distillation.teachers.initialization is plain: a teacher has no heads for "
                        + "the plain model's windows", "Set distillation.teachers.initialization to pretrained.")
            }
        }
        guard let distillation else { return }
        if distillation.student == .none, data.labels == .single {
            try refuse(
                "distillation.student is none and data.labels is single: the logits of networks of other classes cannot be "
                    + "averaged before a softmax", "Choose plain or pretrained.")
        }
        guard regions != nil || distillation.teachers.image != nil else { return }
        let key = regions == nil ? "distillation.teachers.image" : "regions"
        let resolution = distillation.teachers.image?.resolution ?? image.resolution
        try model.architecture.requireWholePatches(in: resolution)
        if model.architecture.patch != nil, distillation.teachers.initialization == .plain,
            resolution != image.resolution
        {
            try refuse(
                "distillation.teachers.image.resolution is \(resolution) and image.resolution \(image.resolution): a "
                    + "transformer's position embeddings are of one resolution, so teachers cannot begin at the plain model",
                "Set distillation.teachers.initialization to pretrained.")
        }
        for window in regions?.windows ?? [] {
            try teacherImage(of: "").cut(to: window.area).validate()
        }
        if technique.mixing.kind != .none, distillation.student != .none {
            try refuse(
                "\(key) is given and technique.mixing is \(technique.mixing.kind.rawValue): teachers are shown the student's "
                    + "mixed images, not images of their own", "Set technique.mixing to none, or \(key) to null.")
        }
    }

    /// Refuses what would have no effect with the kind of labels at hand.
    private func refuseWhatHasNoEffect() throws {
        func refuse(_ key: String, _ found: String, _ remedy: String) throws {
            let kind = data.labels.rawValue
            throw FoveaError(
                .configuration, "\(key) is \(found), which means nothing where data.labels is \(kind)", remedy: remedy)
        }
        switch data.labels {
        case .multi:
            if distillation?.onlySubsetImages == true {
                try refuse(
                    "distillation.only_subset_images", "true",
                    "Leave it out; distillation.weights: membership stresses the images of a subset.")
            }
        case .single:
            let loss = "Leave it out: images with one label each are trained by softmax cross-entropy."
            if technique.loss != "bce" { try refuse("technique.loss", technique.loss, loss) }
            let smoothing = technique.losses[default: BinaryCrossEntropy()].labelSmoothing
            if smoothing != 0 { try refuse("technique.label_smoothing", "\(smoothing)", loss) }
            guard let distillation else { return }
            let teachers = "Leave it out: there the softmax divergence is distilled, with weight 1 for each teacher."
            if distillation.distance != .bernoulliKL {
                try refuse("distillation.distance", distillation.distance.rawValue, teachers)
            }
            if distillation.weights != .uniform {
                try refuse(
                    "distillation.weights", distillation.weights.rawValue,
                    distillation.preset == .none
                        ? teachers : "Set distillation.weights to uniform, or choose another distillation.preset.")
            }
        }
    }
}
