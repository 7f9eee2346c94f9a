import Backbones
import Basics
import Configuration
import Distillation
import FundusImaging
import Losses
import Models
import Training

// The keys of a configuration file, section by section: what each is called, what it may be, what it means.

extension RunSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("data", \.data, .section, "Photographs, labels, split"),
        Field("image", \.image, .section, "How a photograph becomes a square picture"),
        Field("augmentation", \.augmentation, .section, "How the views seen in training differ from the picture"),
        Field("model", \.model, .section, "The network"),
        Field("training", \.training, .section, "How the plain model and the student are trained"),
        Field("technique", \.technique, .section, "The long-tail technique: loss, sampler, mixing, second stage"),
        Field(
            "distillation", \.distillation, .optional(.section),
            "Teachers and distillation; null trains the plain model only"),
        Field("evaluation", \.evaluation, .section, "How results are measured"),
        Field("checkpoints", \.checkpoints, .section, "When a training is saved, so that it can go on after a stop"),
        Field("seed", \.seed, .integer(0...1_000_000_000), "Seeds everything that is random"),
        Field("output", \.output, .path, "The folder of the run"),
        Field(
            "stages", \.stages, .optional(.path),
            "Folder of finished plain models, teachers and view banks, shared by runs; null: in the run folder"),
        Field("cache", \.cache, .optional(.path), "Folder of decoded pictures; null: the per-user cache"),
    ]

    /// Checks what one section alone cannot know.
    public func validate() throws {
        try model.architecture.requireWholePatches(in: image.resolution)
        try refuseWhatHasNoEffect()
        guard technique.mixing == .none || distillation?.weights != .confidence else {
            throw FoveaError(
                .configuration,
                "distillation.weights is confidence and technique.mixing is \(technique.mixing.rawValue): the mean of "
                    + "these weights is over all views of a view bank, and mixed images have none",
                remedy: "Choose other weights, or set technique.mixing to none.")
        }
        if let distillation, distillation.featureLambda > 0, training.backboneRate == 0 {
            throw FoveaError(
                .configuration,
                "distillation.feature_lambda is \(distillation.featureLambda), but training.backbone_rate is 0, so the "
                    + "student's features cannot change",
                remedy: "Set distillation.feature_lambda to 0, or a backbone_rate above 0.")
        }
        if let distillation, distillation.featureLambda > 0, technique.mixing != .none {
            throw FoveaError(
                .configuration,
                "distillation.feature_lambda is \(distillation.featureLambda) and technique.mixing is "
                    + "\(technique.mixing.rawValue): teachers' features are kept for the views of a view bank, and mixed "
                    + "images have none",
                remedy: "Set distillation.feature_lambda to 0, or technique.mixing to none.")
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
            if technique.labelSmoothing != 0 {
                try refuse("technique.label_smoothing", "\(technique.labelSmoothing)", loss)
            }
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

extension DataSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field(
            "table", \.writtenTable, .optional(.path),
            "CSV file: an image column and one column for each class; 1, 0 or empty (unknown)"),
        Field("images", \.writtenImages, .optional(.path), "Folder of the images"),
        Field("tables", \.tables, .list(.section), "Instead of table and images: one table for each split"),
        Field("attributes", \.attributes, .optional(.path), "YAML file of class attributes: region, feature, ..."),
        Field("classes", \.classes, .list(.text), "Classes to use; empty: those of the attributes, else of the table"),
        Field("labels", \.labels, .choice, "Any number of labels an image, or exactly one"),
        Field("missing", \.missing, .choice, "Rows whose image does not exist"),
        Field(
            "unreadable", \.unreadable, .choice, "Training images that cannot be decoded; in evaluation they are errors"
        ),
        Field("split", \.split, .section, "Which images train and which validate"),
    ]

    // Where there are several tables, the one table is null in the file.
    fileprivate var writtenTable: String? {
        get { table.isEmpty ? nil : table }
        set { table = newValue ?? "" }
    }
    fileprivate var writtenImages: String? {
        get { images.isEmpty ? nil : images }
        set { images = newValue ?? "" }
    }

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard tables.isEmpty || (table.isEmpty && images.isEmpty) else {
            throw FoveaError(.configuration, "both table and tables are given", remedy: "Keep one of them.")
        }
    }
}

extension TableSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("path", \.path, .path, required: true, "CSV file"),
        Field("images", \.images, .path, required: true, "Folder of its images"),
        Field("split", \.split, .optional(.text), "The split that the table stands for, such as train"),
        Field(
            "pattern", \.pattern, .optional(.text), "File name with {ID} for the image cell; null: the cell is the name"
        ),
    ]
}

extension SplitSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("method", \.method, .choice, "By the fold column, by the split column, or made by Fovea"),
        Field("validation_folds", \.validationFolds, .list(.integer(0...999)), "Folds that validate (fold, make)"),
        Field("excluded_folds", \.excludedFolds, .list(.integer(0...999)), "Folds that take no part (fold, make)"),
        Field("folds", \.folds, .integer(2...1000), "Folds to make (make)"),
        Field(
            "seed", \.seed, .optional(.integer(0...1_000_000_000)),
            "Decides who comes into which fold (make); null: the run's seed"),
        Field("training", \.training, .list(.text), "Values of the split column that train (column)"),
        Field("validation", \.validation, .list(.text), "Values of the split column that validate (column)"),
    ]
}

extension PictureSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("resolution", \.resolution, .integer(ImageSettings.resolutions), "Side in pixels"),
        Field("crop", \.crop, .choice, "Whether the dark surround is cut off; pictures are padded, never stretched"),
        Field("local_contrast", \.localContrast, .flag, "Subtract the local mean (Graham 2015)"),
        Field("pixel_limit", \.pixelLimit, .integer(ImageSettings.pixelLimits), "Pixels that a file may claim at most"),
    ]
}

extension ViewSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("horizontal_flip", \.ranges.horizontalFlip, .number(0...1), "Probability of left and right exchanged"),
        Field("vertical_flip", \.ranges.verticalFlip, .number(0...1), "Probability of top and bottom exchanged"),
        Field("rotation", \.ranges.rotation, .number(0...180), "Degrees to either side"),
        Field("smallest_scale", \.ranges.smallestScale, .number(0.05...1), "Smallest side of the crop, of 1"),
        Field("brightness", \.ranges.brightness, .number(0...1), "Factor from 1 - b to 1 + b"),
        Field("contrast", \.ranges.contrast, .number(0...1), "Factor from 1 - c to 1 + c"),
        Field("saturation", \.ranges.saturation, .number(0...1), "Factor from 1 - s to 1 + s"),
        Field("hue", \.ranges.hue, .number(0...180), "Degrees on the colour circle to either side"),
        Field(
            "views", \.views, .integer(0...10_000), "Different views of each image for plain training; 0: always new"),
    ]
}

extension ModelSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("architecture", \.architecture, .choice, "The network, by torchvision's and timm's names"),
        Field("weights", \.weights, .optional(.path), "Weights to start from: safetensors, .pth; null: random"),
        Field(
            "state_dict", \.stateDict, .optional(.text),
            "Key of the wanted weights in a .pth with several, such as state_dict_ema; null: found by itself"),
        Field("dropout", \.dropout, .number(from: 0, below: 1), "Dropout before the head"),
        Field(
            "drop_path", \.dropPath, .number(from: 0, below: 1),
            "Transformers: how often the last block is left out for an image; earlier ones less"),
        Field(
            "head_bias", \.headBias, .optional(.number(-50...50)),
            "Where the head's biases begin; null: log-odds of the prevalence"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard dropPath == 0 || architecture.isTransformer else {
            throw FoveaError(
                .configuration, "drop_path is \(dropPath), but \(architecture.rawValue) has no blocks to leave out",
                remedy: "Remove drop_path, or choose a vision transformer.")
        }
        guard stateDict == nil || weights != nil else {
            throw FoveaError(
                .configuration, "state_dict is given without weights", remedy: "Name the checkpoint in model.weights.")
        }
    }
}

extension TrainingSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training images"),
        Field("batch_size", \.batchSize, .integer(1...4096), "Images a step"),
        Field("drop_last", \.dropsLast, .flag, "Leave out a last batch that is not full"),
        Field("accumulation", \.accumulation, .integer(1...1024), "Batches whose gradients make one step"),
        Field("optimizer", \.optimizer, .choice, "The optimiser"),
        Field("rate", \.rate, .number(above: 0, through: 10), "Highest learning rate"),
        Field("momentum", \.momentum, .number(from: 0, below: 1), "Momentum of SGD"),
        Field("nesterov", \.nesterov, .flag, "Nesterov's form of SGD"),
        Field("weight_decay", \.weightDecay, .number(0...10), "Weight decay on all parameters"),
        Field("schedule", \.schedule, .choice, "The learning rate after the warm-up"),
        Field("warm_up_steps", \.warmUpSteps, .integer(0...1_000_000), "Steps of linear warm-up"),
        Field(
            "gradient_limit", \.gradientLimit, .optional(.number(above: 0, through: 1e9)),
            "Largest norm of the gradients; null: none"),
        Field(
            "average_decay", \.averageDecay, .optional(.number(above: 0, below: 1)),
            "Moving average of the weights (EMA); null: none"),
        Field("backbone_rate", \.backboneRate, .number(0...1), "Factor on the backbone's learning rate; 0 freezes it"),
        Field("precision", \.precision, .choice, "Arithmetic of the network; losses are always float32"),
        Field(
            "skip_limit", \.skipLimit, .integer(0...1_000_000),
            "Steps left out at most where a loss or gradient is not finite; 0: the first stops the run"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard !nesterov || (optimizer == .sgd && momentum > 0) else {
            throw FoveaError(
                .configuration, "nesterov is true with optimizer \(optimizer.rawValue), momentum \(momentum)",
                remedy: "Nesterov's form needs optimizer: sgd and a momentum above 0.")
        }
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

extension DistillationSettings: ConfigurationSection {
    /// The keys, in the order in which they are written. The preset is the first, so that every other key wins over it.
    public static let fields: [Field<Self>] = [
        Field(
            "preset", \.chosenPreset, .choice,
            "Where the other keys of this section begin; those that are given win, so delete what the preset shall set"),
        Field(
            "grouping", \.grouping, .text,
            "region, feature, shot, learned, random:region, single, single*5, or a union such as shot+region"),
        Field(
            "grouping_seed", \.groupingSeed, .optional(.integer(0...1_000_000_000)),
            "random: decides the shuffle; null: the run's seed"),
        Field("learned_subsets", \.learnedSubsets, .integer(1...1000), "learned: how many subsets"),
        Field(
            "learned_cooccurrence", \.learnedCooccurrence, .number(0...1),
            "learned: share of common images in the similarity of classes; the rest is what the plain model sees"),
        Field("distance", \.distance, .choice, "How far student and teacher are from each other"),
        Field("temperature", \.temperature, .number(above: 0, through: 100), "T"),
        Field("lambda", \.lambda, .number(0...1000), "How much distillation counts beside the labels"),
        Field(
            "feature_lambda", \.featureLambda, .number(0...1000),
            "How much the cosine distance of pooled features counts besides; 0: features are not distilled"),
        Field("weights", \.weights, .choice, "Weights of teachers, classes and images"),
        Field(
            "membership_gain", \.membershipGain, .number(0...1000), "membership: weight 1 + g on images of the subset"),
        Field("beta", \.beta, .number(from: 0, below: 1), "effective_number: beta"),
        Field("self_paced_share", \.selfPacedShare, .number(from: 0, below: 1), "self_paced: a"),
        Field(
            "inner_share", \.innerShare, .number(above: 0, below: 1),
            "Training patients to measure on (teacher_quality, self_paced)"),
        Field(
            "views", \.views, .integer(0...10_000), "Views of each image that teachers are asked about; 0: one an epoch"
        ),
        Field("student", \.student, .choice, "Where the student begins"),
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

extension TeacherSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("initialization", \.initialization, .choice, "Where teachers begin: model.weights or the plain model"),
        Field("negatives", \.negatives, .choice, "Which images without a class of the subset they see"),
        Field("ratio", \.ratio, .number(0...1000), "sampled: negatives for each positive"),
        Field("prior_correction", \.priorCorrection, .flag, "Take the higher prevalence a teacher saw off its logits"),
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over their images"),
        Field("minimum_steps", \.minimumSteps, .integer(0...1_000_000), "Steps at least, for small subsets"),
        Field("rate", \.rate, .number(above: 0, through: 10), "Highest learning rate"),
        Field("technique", \.technique, .choice, "bce: plain BCE, every image once; same: as the student"),
    ]
}

extension CheckpointPolicy: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("every_epochs", \.everyEpochs, .integer(0...10_000), "Epochs between checkpoints; 0: none at their ends"),
        Field(
            "every_steps", \.everySteps, .integer(0...1_000_000),
            "Steps between checkpoints besides; 0: none within epochs"),
        Field("keep_last", \.keepLast, .integer(1...10_000), "How many of the newest are kept"),
        Field(
            "keep_best", \.keepBest, .integer(0...10_000),
            "How many of the best by validation mAP are kept besides, also when the training is finished"),
    ]
}

extension EvaluationSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("bootstrap", \.bootstrap, .integer(0...1_000_000), "Rounds over patients; 0: no intervals"),
        Field("many", \.many, .integer(1...1_000_000_000), "Training positives of a many-shot class at least"),
        Field("medium", \.medium, .integer(1...1_000_000_000), "Training positives of a medium-shot class at least"),
        Field("every", \.every, .integer(0...10_000), "Epochs between measurements while training; 0: none"),
        Field(
            "minimum_positive_patients", \.minimumPositivePatients, .integer(1...1_000_000),
            "Positive patients that a class needs for an interval"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws { _ = try bounds() }
}
