import Backbones
import Basics
import ConfigurationFile
import Distillation
import FundusImaging
import Losses
import Models
import NN
import Settings
import TestSupport
import Testing
import Torch

struct RunSettingsTests {
    /// Settings of which no key has its default; not all go together.
    private func changed() -> RunSettings {
        var s = RunSettings()
        s.data.table = "some where/labels.csv"
        s.data.images = "$images: ~ #1"
        s.data.attributes = "attributes.yaml"
        s.data.classes = ["NO", "1", "drusen, hard", "null"]
        s.data.normal = "NO"
        s.data.labels = .single
        s.data.missing = .skip
        s.data.unreadable = .skip
        s.data.split.method = .fold
        s.data.split.validationFolds = [1, 2]
        s.data.split.excludedFolds = [0]
        s.data.split.folds = 7
        s.data.split.seed = 5
        s.data.split.training = ["a", "b"]
        s.data.split.validation = ["true"]
        s.image.resolution = 320
        s.image.crop = .none
        s.image.localContrast = true
        s.image.pixelLimit = 12345
        s.augmentation.horizontalFlip = 0.25
        s.augmentation.verticalFlip = 0.125
        s.augmentation.rotation = 33
        s.augmentation.smallestScale = 0.5
        s.augmentation.brightness = 0.3
        s.augmentation.contrast = 0.4
        s.augmentation.saturation = 0.6
        s.augmentation.hue = 5
        s.augmentation.views = 3
        s.model.architecture = .vitSmall
        s.model.weights = "weights.pth"
        s.model.stateDict = "teacher"
        s.model.prefix = "module.encoder_q."
        s.model.dropPath = 0.1
        s.model.dropout = 0.5
        s.model.headBias = -3
        s.training.epochs = 21
        s.training.batchSize = 12
        s.training.dropsLast = false
        s.training.accumulation = 2
        s.training.optimizer = .sgd
        s.training.rate = 1.0 / 3
        s.training.momentum = 0.8
        s.training.nesterov = true
        s.training.weightDecay = 1e-5
        s.training.schedule = .constant
        s.training.warmUpSteps = 7
        s.training.gradientLimit = 1.5
        s.training.averageDecay = 0.999
        s.training.backboneRate = 0.1
        s.training.syncsBatchNorm = true
        s.training.precision = .float32
        s.training.skipLimit = 4
        var candidate = TrainingCandidate()
        candidate.epochs = 12
        candidate.schedule = .cosineTwice
        candidate.averageDecay = 0.99
        s.training.candidates = [candidate]
        s.technique.loss = "weighted_bce"
        s.technique.sampler = .classAware
        s.technique.losses[default: BinaryCrossEntropy()].labelSmoothing = 0.1
        s.technique.losses[default: ClassWeights()].rule = .inverseFrequency
        s.technique.losses[default: ClassWeights()].beta = 0.99
        s.technique.repeatThreshold = 0.01
        s.technique.mixing.kind = .cutmix
        s.technique.mixing.alpha = 0.4
        s.technique.second.name = .scaling
        s.technique.second.epochs = 3
        s.technique.second.rate = 0.02
        s.technique.second.tau = 0.5
        s.technique.losses[default: FocalLoss()].gamma = 1.5
        s.technique.losses[default: LDAMLoss.Parameters()].margin = 0.4
        s.technique.losses[default: LDAMLoss.Parameters()].scale = 3
        s.technique.losses[default: LDAMLoss.Parameters()].reweightFrom = 0.5
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].alpha = 0.2
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].beta = 9
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].mu = 0.2
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].lambda = 2
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].kappa = 0.1
        s.technique.losses[default: DistributionBalancedLoss.Parameters()].gamma = 2
        s.technique.losses[default: AsymmetricLoss()].positiveGamma = 0
        s.technique.losses[default: AsymmetricLoss()].negativeGamma = 3
        s.technique.losses[default: AsymmetricLoss()].margin = 0.1
        s.technique.losses[default: LogitAdjustedBinaryCrossEntropy.Parameters()].tau = 0.5
        var d = DistillationSettings()
        d.preset = .fast
        d.grouping = "shot+random:region"
        d.groupingSeed = 4
        d.learnedSubsets = 3
        d.learnedCooccurrence = 0.25
        d.distance = .mse
        d.temperature = 4
        d.lambda = 0.5
        d.featureLambda = 0.25
        d.weights = .selfPaced
        d.membershipGain = 2
        d.beta = 0.9
        d.selfPacedShare = 0.4
        d.innerShare = 0.3
        d.views = 3
        d.student = .pretrained
        d.epochs = 7
        d.onlySubsetImages = true
        d.teachers.initialization = .pretrained
        d.teachers.negatives.rule = .sampled
        d.teachers.negatives.ratio = 3
        d.teachers.priorCorrection = false
        d.teachers.epochs = 2
        d.teachers.minimumSteps = 11
        d.teachers.rate = 0.01
        d.teachers.backboneRate = 0.5
        d.teachers.technique = .same
        d.teachers.image = ImageSettings(resolution: 96, crop: .none, localContrast: true, pixelLimit: 54321)
        d.teachers.areSideBySide = true
        s.distillation = d
        s.regions = RegionSettings()
        s.regions?.attribute = "feature"
        s.regions?.windows.removeLast()
        s.regions?.shared = true
        s.regions?.windows[0].region = "scar"
        s.regions?.windows[0].area = ImageWindow(x: 0.4, y: 0.3, halfSide: 0.2)
        s.regions?.others = .whole
        s.evaluation.bootstrap = 0
        s.evaluation.many = 50
        s.evaluation.medium = 5
        s.evaluation.every = 2
        s.evaluation.minimumPositivePatients = 3
        s.checkpoints.everyEpochs = 2
        s.checkpoints.everySteps = 100
        s.checkpoints.keepLast = 3
        s.checkpoints.keepBest = 1
        s.seed = 17
        s.output = "runs/other"
        s.stages = "stages"
        s.cache = "cache"
        return s
    }

    private func roundTrip(_ settings: RunSettings, commented: Bool) throws -> RunSettings {
        try ConfigurationReader.read(
            RunSettings.self, yaml: ConfigurationWriter.yaml(settings, commented: commented), source: "test.yaml",
            environment: [:])
    }

    @Test(arguments: [true, false]) func everyKeyIsWrittenAndReadBack(commented: Bool) throws {
        var multi = changed()
        multi.data.labels = .multi
        multi.distillation?.onlySubsetImages = false
        multi.technique.mixing.kind = .none
        multi.technique.second.name = .none
        multi.training.candidates = []
        #expect(try roundTrip(multi, commented: commented) == multi)
        var single = changed()
        single.technique.loss = "bce"
        single.technique.losses[default: BinaryCrossEntropy()].labelSmoothing = 0
        single.distillation?.distance = .bernoulliKL
        single.distillation?.weights = .uniform
        single.distillation?.featureLambda = 0
        single.training.candidates = []
        // Teachers see mixed images as the student does.
        single.distillation?.teachers.image = nil
        single.regions = nil
        #expect(try roundTrip(single, commented: commented) == single)
        #expect(try roundTrip(RunSettings(), commented: commented) == RunSettings())
        var alone = RunSettings()
        alone.training.candidates = changed().training.candidates
        #expect(try roundTrip(alone, commented: commented) == alone)
    }

    private func distillation(_ yaml: String, _ settings: String...) throws -> DistillationSettings? {
        try ConfigurationReader.read(
            RunSettings.self, yaml: yaml, source: "c.yaml", settings: settings, environment: [:]
        ).distillation
    }

    @Test func aPresetSetsWhatIsNotGiven() throws {
        var lfme = DistillationSettings()
        lfme.preset = .lfme
        lfme.grouping = "shot"
        lfme.weights = .selfPaced
        lfme.student = .pretrained
        lfme.teachers.negatives.rule = .drop
        lfme.teachers.initialization = .pretrained
        #expect(try distillation("distillation: {preset: lfme}") == lfme)
        #expect(DistillationSettings(preset: .lfme) == lfme)
        // Wherever it stands, and in sections below; the rest of the preset stays.
        lfme.temperature = 3
        lfme.weights = .uniform
        lfme.teachers.negatives.rule = .all
        #expect(
            try distillation(
                "distillation: {temperature: 3, weights: uniform, teachers: {negatives: all}, preset: lfme}") == lfme)
        #expect(
            try distillation(
                "distillation: {preset: none, teachers: {negatives: all}}", "distillation.preset=lfme",
                "distillation.temperature=3", "distillation.weights=uniform") == lfme)
        #expect(try distillation("distillation: {preset: none}") == DistillationSettings())
    }

    @Test(arguments: DistillationPreset.allCases, [true, false])
    func aCompleteConfigurationSaysMoreThanItsPreset(preset: DistillationPreset, commented: Bool) throws {
        var settings = RunSettings()
        settings.distillation = DistillationSettings(preset: preset)
        #expect(try roundTrip(settings, commented: commented) == settings)
        // Every key is given, so none of them follows the preset.
        settings.distillation = DistillationSettings()
        settings.distillation?.preset = preset
        #expect(try roundTrip(settings, commented: commented) == settings)
    }

    @Test func tablesAreWrittenAndReadBack() throws {
        var settings = RunSettings()
        var table = TableSettings()
        table.path = "train.csv"
        table.images = "images"
        table.split = "train"
        table.pattern = "train_{ID}.png"
        settings.data.tables = [table, table]
        settings.data.tables[1].split = nil
        settings.data.tables[1].pattern = nil
        #expect(try roundTrip(settings, commented: true) == settings)
    }

    /// The test above says nothing about a key that has its default in `changed()`: a new key must be added there.
    @Test func noKeyIsForgotten() {
        var defaults = RunSettings()
        defaults.distillation = DistillationSettings()
        defaults.distillation?.teachers.image = ImageSettings()
        defaults.training.candidates = [TrainingCandidate()]
        defaults.regions = RegionSettings()
        defaults.regions?.windows.removeLast()
        let lines = ConfigurationWriter.yaml(defaults, commented: false).split(separator: "\n")
        let others = ConfigurationWriter.yaml(changed(), commented: false).split(separator: "\n")
        #expect(lines.count == others.count)
        let same = zip(lines, others).filter { $0 == $1 && !$0.hasSuffix(":") }.map { String($0.0) }
        #expect(same.map { $0.drop { $0 == " " } } == ["tables: []"])
    }

    private func refusal(_ yaml: String, _ settings: [String] = []) -> FoveaError? {
        let error = foveaError {
            _ = try ConfigurationReader.read(
                RunSettings.self, yaml: yaml, source: "c.yaml", settings: settings, environment: [:])
        }
        #expect(error?.kind == .configuration, "\(yaml) \(settings)")
        return error
    }

    @Test func impossibleValuesNameKeyValueAndWhatIsAllowed() throws {
        let settings = [
            "training.epoch=3", "training.epochs=0", "training.rate=-1", "model.architecture=resnet",
            "image.resolution=big", "technique.loss=focus", "technique.mixing=mix", "technique.mixing_alpha=0",
            "technique.second_stage=ncm", "technique.second_tau=2", "distillation={temperature: 0}",
            "distillation={preset: quick}", "data.labels=several", "seed=1.5", "evaluation={many: 5, medium: 9}",
            "training.nesterov=true",
        ]
        #expect(try MessageSnapshot.differences("values", settings.map { ($0, refusal("", [$0])) }) == [])
    }

    @Test func keysThatContradictEachOtherAreRefused() throws {
        let documents = [
            "training:\n  epoch: 3\n",
            "data: {labels: single}\ntechnique: {loss: weighted_bce}",
            "data: {labels: single}\ntechnique: {label_smoothing: 0.1}",
            "data: {labels: single}\ndistillation: {preset: lfme}",
            "data: {labels: single}\ndistillation: {distance: mse}",
            "data: {labels: single}\ndistillation: {weights: confidence}",
            "data: {table: a.csv, images: b, tables: [{path: c.csv, images: d}]}",
            "distillation: {only_subset_images: true}",
            "image: {resolution: 250}\nmodel: {architecture: vit_small_patch16_224}",
            "technique: {mixing: mixup}\ndistillation: {weights: confidence}",
            "technique: {mixing: cutmix}\ndistillation: {feature_lambda: 0.5}",
            "model: {drop_path: 0.1}",
            "training: {backbone_rate: 0}\ndistillation: {feature_lambda: 0.5}",
            "model: {state_dict: teacher}",
            "checkpoints: {keep_best: 2}\nevaluation: {every: 0}",
        ]
        #expect(try MessageSnapshot.differences("contradictions", documents.map { ($0, refusal($0)) }) == [])
    }
}
