import Basics
import Cohorts
import ConfigurationFile
import Foundation
import FundusImaging
import Losses
import Models
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// A key holds what decides the outcome of its stage, and nothing else: the table of fields says what does.
@Suite struct StageKeyTests {
    /// The stages of 40 training images, 20, 10, 5 and 5 of each of four classes; no image is opened.
    private static func digests(_ settings: RunSettings) throws -> [String: String] {
        let photographs = (0..<48).map { Photograph(image: "\($0)", path: "/nowhere/\($0)", patient: "\($0 / 2)") }
        let cohort = try Cohort(
            classes: ["a", "b", "c", "d"], photographs: photographs,
            labels: (0..<48).flatMap { row in
                (0..<4).map { [0, 0, 0, 0, 1, 1, 2, 3][row % 8] == $0 ? 1 : 0 }
            })
        let planner = RunPlanner(
            settings, cohort: cohort, attributes: nil,
            split: try Split("s", training: Array(0..<40), validation: Array(40..<48), of: cohort),
            contents: photographs.map { "content of \($0.image)" }, weights: settings.model.weights,
            precision: settings.training.precision ?? .float32, engine: "2.0")
        return Dictionary(uniqueKeysWithValues: try planner.plan().stages.map { ($0.id, $0.digest) })
    }

    private static let plain = ["distillation=null"]
    private static let teachers = [
        "distillation.grouping=single*2", "distillation.teachers.minimum_steps=0", "evaluation.many=10",
        "evaluation.medium=5",
    ]

    /// The settings of runs that differ in what they use.
    static let configurations: [[String]] =
        LossRegistry.names.map { plain + ["technique.loss=" + $0] } + [
            plain + ["technique.loss=weighted_bce", "technique.class_weights=inverse_frequency"],
            plain + ["technique.loss=ldam", "technique.ldam_reweight_from=1"],
            // A key that losses share is used as the chosen one says.
            plain + ["technique.loss=ldam", "technique.class_weights=inverse_frequency"],
            plain + ["technique.loss=class_balanced_focal", "technique.class_weights=inverse_frequency"],
            plain + ["technique.sampler=repeat_factor"],
            plain + ["technique.mixing=mixup"], plain + ["technique.mixing=cutmix"],
            plain + ["technique.second_stage=crt"], plain + ["technique.second_stage=lws"],
            plain + ["technique.second_stage=tau"],
            plain + ["training.optimizer=sgd"], plain + ["training.sync_batch_norm=true"],
            plain + ["model={architecture: vit_tiny_patch16_224, weights: w.pth}"],
            teachers,
            teachers + ["technique.loss=focal", "distillation.teachers.technique=same"],
            teachers + ["technique={mixing: mixup, second_stage: crt}"],
            teachers + ["distillation.weights=effective_number"], teachers + ["distillation.weights=teacher_quality"],
            teachers + ["distillation.weights=self_paced"], teachers + ["distillation.weights=membership"],
            teachers + ["distillation.weights=confidence", "distillation.distance=mse"],
            teachers + ["distillation.distance=mse"], teachers + ["distillation.grouping=shot"],
            teachers + ["distillation.grouping=random:learned"],
            teachers + ["distillation.teachers.negatives=sampled"], teachers + ["distillation.teachers.negatives=drop"],
            teachers + ["distillation.teachers.initialization=pretrained", "distillation.teachers.backbone_rate=0"],
            teachers + ["data.labels=single", "distillation.grouping=learned", "distillation.learned_subsets=2"],
        ]

    /// What is tried for each key: the first value that is another one and is not refused. A new key must be added here.
    private static let others: [String: [String]] = [
        "image.resolution": ["64"], "image.crop": ["none"], "image.local_contrast": ["true"],
        "image.pixel_limit": ["50000000"],
        "augmentation.horizontal_flip": ["0.25"], "augmentation.vertical_flip": ["0.25"],
        "augmentation.rotation": ["20"], "augmentation.smallest_scale": ["0.5"], "augmentation.brightness": ["0.3"],
        "augmentation.contrast": ["0.3"], "augmentation.saturation": ["0.3"], "augmentation.hue": ["3"],
        "augmentation.views": ["3"],
        "model.architecture": ["resnet34"], "model.weights": ["other.pth"], "model.state_dict": ["ema"],
        "model.prefix": ["module"], "model.dropout": ["0.5"], "model.drop_path": ["0.1"], "model.head_bias": ["-3"],
        "training.epochs": ["7"], "training.batch_size": ["3"], "training.drop_last": ["false"],
        "training.accumulation": ["2"], "training.optimizer": ["sgd", "adamw"], "training.rate": ["0.5"],
        "training.sync_batch_norm": ["true", "false"], "training.momentum": ["0.5"], "training.nesterov": ["true"],
        "training.weight_decay": ["0.5"],
        "training.schedule": ["step"], "training.warm_up_steps": ["1"], "training.gradient_limit": ["1"],
        "training.average_decay": ["0.9"], "training.backbone_rate": ["0.5"], "training.precision": ["bfloat16"],
        "training.skip_limit": ["3"], "training.candidates": ["[{epochs: 3}, {epochs: 2, average_decay: 0.9}]"],
        "technique.loss": ["asymmetric", "bce"], "technique.sampler": ["class_aware"],
        "technique.label_smoothing": ["0.1"], "technique.class_weights": ["inverse_frequency", "effective_number"],
        "technique.beta": ["0.9"], "technique.focal_gamma": ["1"], "technique.ldam_margin": ["1"],
        "technique.ldam_scale": ["3"], "technique.ldam_reweight_from": ["0.4"], "technique.db_alpha": ["0.2"],
        "technique.db_beta": ["9"], "technique.db_mu": ["0.2"], "technique.db_lambda": ["2"],
        "technique.db_kappa": ["0.1"], "technique.db_focal_gamma": ["2"], "technique.asl_positive_gamma": ["0"],
        "technique.asl_negative_gamma": ["3"], "technique.asl_margin": ["0.1"],
        "technique.logit_adjustment": ["0.5"], "technique.repeat_threshold": ["0.5"],
        "technique.mixing": ["cutmix", "mixup"], "technique.mixing_alpha": ["0.4"],
        "technique.second_stage": ["lws", "crt"], "technique.second_epochs": ["3"], "technique.second_rate": ["0.02"],
        "technique.second_tau": ["0.5"],
        "distillation.preset": ["fast"], "distillation.grouping": ["single"], "distillation.grouping_seed": ["4"],
        "distillation.learned_subsets": ["3"], "distillation.learned_cooccurrence": ["0.25"],
        "distillation.distance": ["mse", "bernoulli_kl"], "distillation.temperature": ["4"],
        "distillation.lambda": ["0.5"], "distillation.feature_lambda": ["0.25"],
        "distillation.weights": ["membership", "uniform"], "distillation.membership_gain": ["2"],
        "distillation.beta": ["0.9"], "distillation.self_paced_share": ["0.4"], "distillation.inner_share": ["0.4"],
        "distillation.views": ["3"], "distillation.student": ["pretrained", "none"], "distillation.epochs": ["7"],
        "distillation.only_subset_images": ["true"],
        "distillation.teachers.initialization": ["pretrained", "plain"],
        "distillation.teachers.negatives": ["sampled", "all"], "distillation.teachers.ratio": ["3"],
        "distillation.teachers.prior_correction": ["false"], "distillation.teachers.epochs": ["2"],
        "distillation.teachers.minimum_steps": ["11"], "distillation.teachers.rate": ["0.01"],
        "distillation.teachers.backbone_rate": ["0.5"], "distillation.teachers.technique": ["same", "bce"],
        "distillation.teachers.image": ["{resolution: 64}"],
        "distillation.teachers.side_by_side": ["true"],
        "evaluation.bootstrap": ["7"], "evaluation.many": ["11"], "evaluation.medium": ["11", "6"],
        "evaluation.every": ["7"], "evaluation.minimum_positive_patients": ["3"],
        "checkpoints.every_epochs": ["3"], "checkpoints.every_steps": ["3"], "checkpoints.keep_last": ["3"],
        "checkpoints.keep_best": ["3"], "seed": ["3"], "output": ["elsewhere"], "stages": ["s"], "cache": ["c"],
        "data.normal": ["drusen"],
    ]

    /// The settings with one of the other values of a key; nil where all are refused.
    ///
    /// - Parameter isPlanned: whether it must be possible to plan stages with them.
    private static func change(
        _ key: String, of settings: RunSettings, isPlanned: Bool = true
    ) throws -> RunSettings? {
        let yaml = ConfigurationWriter.yaml(settings, commented: false)
        let now = ConfigurationWriter.values(settings)[key]
        for value in try #require(others[key], "\(key) is a new key") where value != now {
            let changed = try? ConfigurationReader.read(
                RunSettings.self, yaml: yaml, source: "test.yaml", settings: ["\(key)=\(value)"], environment: [:])
            // What cannot be planned, such as teachers that have nothing to learn, is refused later.
            if let changed, !isPlanned || (try? digests(changed)) != nil { return changed }
        }
        return nil
    }

    private static func read(_ given: [String]) throws -> RunSettings {
        try ConfigurationReader.read(
            RunSettings.self, yaml: "image: {resolution: 32}", source: "test.yaml", settings: given, environment: [:])
    }

    /// Keys whose effect depends on another section than theirs, or on the data.
    private func dependsOnOtherSections(_ key: String, _ settings: RunSettings) -> Bool {
        switch key {
        case "distillation", "regions": true
        case "evaluation.many", "evaluation.medium": settings.distillation?.grouping != "shot"
        case "distillation.teachers.technique": settings.technique == TechniqueSettings()
        case "distillation.teachers.negatives": settings.data.labels == .single
        default: key.hasPrefix("data.") && key != "data.normal"
        }
    }

    @Test(arguments: configurations) func aKeyChangesExactlyWithWhatIsUsed(given: [String]) throws {
        let settings = try Self.read(given)
        let before = try Self.digests(settings)
        let used = Set(ConfigurationWriter.values(settings, [.decides, .implied, .resolved]).keys)
        for key in ConfigurationWriter.values(settings).keys where !dependsOnOtherSections(key, settings) {
            guard let changed = try Self.change(key, of: settings) else { continue }
            #expect(try (Self.digests(changed) != before) == used.contains(key), "\(key)")
        }
    }

    /// The test above tries every key where it is used, but for those that never are.
    @Test func everyKeyIsTried() throws {
        var (tried, used) = (Set<String>(), Set<String>())
        for given in Self.configurations {
            let settings = try Self.read(given)
            let keys = ConfigurationWriter.values(settings).keys.filter { !dependsOnOtherSections($0, settings) }
            let possible = try Set(keys.filter { try Self.change($0, of: settings) != nil })
            tried.formUnion(possible)
            let deciding = ConfigurationWriter.values(settings, [.decides, .implied, .resolved]).keys
            used.formUnion(possible.intersection(deciding))
        }
        #expect(tried == Set(Self.others.keys))
        let never: Set = [
            "image.pixel_limit", "training.skip_limit", "distillation.preset", "distillation.teachers.side_by_side",
            "evaluation.bootstrap",
            "evaluation.minimum_positive_patients", "output", "stages", "cache",
            "data.normal",
        ]
        #expect(tried.subtracting(used).subtracting(never).allSatisfy { $0.hasPrefix("checkpoints.") })
        #expect(used.isDisjoint(with: never))
    }

    /// Another value for every key of a run that it does not use, folders and checkpoints apart.
    private static func changingAllUnused(_ settings: RunSettings) throws -> (settings: RunSettings, keys: Set<String>)
    {
        var (changed, keys) = (settings, Set<String>())
        let unused = ConfigurationWriter.values(settings, [.unused]).keys
        for key in unused.sorted() where !["output", "stages", "cache", "distillation.preset"].contains(key) {
            guard let other = try change(key, of: changed, isPlanned: false) else { continue }
            changed = other
            keys.insert(key)
        }
        return (changed, keys)
    }

    @Test(arguments: [
        ["distillation.views=1"],
        ["distillation.views=1", "distillation.weights=membership", "distillation.teachers.negatives=sampled"],
        [
            "distillation=null", "technique.loss=weighted_bce", "technique.class_weights=inverse_frequency",
            "technique.sampler=class_aware", "technique.second_stage=tau",
        ],
        [
            "distillation=null", "technique.loss=ldam", "technique.ldam_reweight_from=1",
            "technique.mixing=cutmix", "training.optimizer=sgd",
        ],
    ])
    func whatIsNotUsedChangesNoBit(given: [String]) throws {
        let folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings = try ConfigurationReader.read(
            RunSettings.self, yaml: ConfigurationWriter.yaml(job.settings), source: "test.yaml", settings: given,
            environment: [:])
        job.settings.evaluation.bootstrap = 0
        try job.execute()
        let models = ["model.safetensors"] + (job.settings.distillation == nil ? [] : ["plain/model.safetensors"])
        let expected = try models.map(job.file)
        let first = job.settings

        let (settings, keys) = try Self.changingAllUnused(first)
        #expect(keys.isSuperset(of: ["image.pixel_limit", "training.skip_limit", "technique.asl_margin"]))
        job.settings = settings
        job.settings.output = folder.path + "/again"
        try job.execute()
        #expect(try job.costs().allSatisfy { !$0.reused })
        #expect(try models.map(job.file) == expected)

        // With the same folder of stages nothing is trained, and the model has its own run's limit of pixels.
        job.settings.output = folder.path + "/reused"
        job.settings.stages = first.output + "/stages"
        try job.execute()
        #expect(try job.costs().allSatisfy(\.reused))
        #expect(try models.map(job.file) == expected)
        #expect(try ModelBundle.load(from: job.settings.output).description.image.pixelLimit == 50_000_000)
    }
}
