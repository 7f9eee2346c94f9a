import Backbones
import Basics
import Cohorts
import ConfigurationFile
import Distillation
import FundusImaging
import Losses
import Runs
import Settings
import TestSupport
import Testing
import Training

/// The stages of a run as data: no engine, no image, no file.
@Suite struct RunPlannerTests {
    /// 40 training images of four classes, each of one class; 8 for validation. Each patient has two images.
    private func planner(
        _ change: (inout RunSettings) -> Void = { _ in }, contents: (Int) -> String = { "content \($0)" },
        label: (Int, Int) -> Int8 = { $0 % 4 == $1 ? 1 : 0 }, weights: String? = nil,
        attributes: ClassAttributes? = nil
    ) throws -> RunPlanner {
        let photographs = (0..<48).map { Photograph(image: "\($0)", path: "/nowhere/\($0)", patient: "\($0 / 2)") }
        let cohort = try Cohort(
            classes: ["a", "b", "c", "d"], photographs: photographs,
            labels: (0..<48).flatMap { row in (0..<4).map { label(row, $0) } })
        var settings = RunSettings()
        settings.image.resolution = 32
        settings.model.architecture = .mobilenetv1Short
        settings.evaluation.every = 0
        settings.distillation = DistillationSettings()
        settings.distillation?.grouping = "single*2"
        change(&settings)
        return try RunPlanner(
            settings, cohort: cohort, attributes: attributes,
            split: Split("s", training: Array(0..<40), validation: Array(40..<48), of: cohort),
            contents: (0..<48).map(contents), weights: weights, engine: "2.0")
    }

    private func ids(_ change: (inout RunSettings) -> Void) throws -> [String] {
        try planner(change).plan().stages.map(\.id)
    }

    @Test func stagesFollowFromTheSettings() throws {
        #expect(try ids { $0.distillation = nil } == ["plain"])
        let teachers = ["teacher-single-1", "teacher-single-2"]
        let banks = ["bank-single-1", "bank-single-2"]
        #expect(try ids { _ in } == ["plain"] + teachers + banks + ["student"])
        // A second stage is a stage of its own; teachers of BCE have none.
        #expect(
            try ids { $0.technique.second.name = .tau } == ["plain", "plain-tau"] + teachers + banks
                + ["student", "student-tau"])
        // Mixed images are in no bank.
        #expect(try ids { $0.technique.mixing.kind = .mixup } == ["plain", "plain-bce"] + teachers + ["student"])
        // Heads on one frozen trunk share a bank.
        #expect(
            try ids { $0.distillation?.teachers.backboneRate = 0 } == ["plain"] + teachers
                + ["bank-all-teachers", "student"])
        // Rules that measure need a plain model that has not seen the inner split.
        #expect(
            try ids { $0.distillation?.weights = .teacherQuality } == ["plain", "plain-inner"] + teachers + banks
                + ["student"])
        #expect(
            try ids { $0.technique.loss = "focal" } == ["plain", "plain-bce"] + teachers + banks + ["student"])
    }

    /// What is trained can be loaded.
    @Test(arguments: [255, 256]) func aCommitteeIsNotPlannedLargerThanAModelMayBe(_ teachers: Int) throws {
        let entry = ClassAttributes.Entry(id: "a", values: ["finding": (0..<teachers).map { "\($0)" }])
        let planner = try planner(
            {
                $0.distillation?.grouping = "finding"
                $0.distillation?.student = .none
            }, attributes: ClassAttributes(entries: [entry], axes: ["finding"]))
        let error = foveaError { _ = try planner.plan() }
        #expect((error == nil) == (teachers == 255))
        #expect(error.map { $0.message.contains("see 257 images of a photograph; a committee may see 256") } ?? true)
    }

    @Test func everyInputStandsBeforeItsStage() throws {
        for weights in WeightRule.allCases {
            let plan = try planner { $0.distillation?.weights = weights }.plan()
            var seen = Set<String>()
            for stage in plan.stages {
                #expect(stage.inputs.allSatisfy(seen.contains), "\(stage.id) needs \(stage.inputs)")
                seen.insert(stage.id)
            }
            #expect(Set(plan.stages.map(\.key)).count == plan.stages.count)
        }
    }

    /// A change of this hash throws away every stage that users have stored: raise `StageKey.currentVersion` and say so in
    /// the change log.
    @Test func keysStayWhatTheyAre() throws {
        let plan = try planner({ $0.technique.second.name = .tau }, weights: "w").plan()
        let digests = plan.stages.map { "\($0.id) \($0.digest.prefix(16))" }
        #expect(
            digests == [
                "plain c064a5892d70b98e",
                "plain-tau c56afc1c371242fc",
                "teacher-single-1 e60d11d2faaae6cb",
                "teacher-single-2 1da567b882f56aa7",
                "bank-single-1 f5c4a72c07402046",
                "bank-single-2 ff3ead2539aac3bc",
                "student eb261782fab808ef",
                "student-tau 4047bf3bdcc3e9d6",
            ])
    }

    @Test func everyDecisiveSettingIsInAKey() throws {
        let base = try planner().plan()
        let digests = Dictionary(uniqueKeysWithValues: base.stages.map { ($0.id, $0.digest) })
        func changed(_ change: (inout RunSettings) -> Void) throws -> Set<String> {
            let plan = try planner(change).plan()
            return Set(plan.stages.filter { digests[$0.id] != $0.digest }.map(\.id))
        }
        let all = Set(digests.keys)
        let distilled: Set = ["student"]
        let teachers = all.subtracting(["plain"])
        #expect(try changed { $0.training.rate = 0.5 } == all)
        #expect(try changed { $0.training.batchSize = 3 } == all)
        #expect(try changed { $0.training.dropsLast = false } == all)
        #expect(try changed { $0.training.accumulation = 2 } == all)
        #expect(try changed { $0.training.optimizer = .sgd } == all)
        #expect(try changed { $0.training.averageDecay = 0.9 } == all)
        #expect(try changed { $0.augmentation.hue = 3 } == all)
        #expect(try changed { $0.image.resolution = 64 } == all)
        #expect(try changed { $0.model.dropout = 0.5 } == all)
        #expect(try changed { $0.model.headBias = -3 } == all)
        #expect(try changed { $0.seed = 1 } == all)
        #expect(try changed { $0.evaluation.every = 7 } == all)
        #expect(
            try changed { $0.technique.losses[default: BinaryCrossEntropy()].labelSmoothing = 0.1 }.contains("plain"))
        #expect(try changed { $0.distillation?.teachers.epochs = 9 } == teachers)
        #expect(try changed { $0.distillation?.teachers.rate = 0.5 } == teachers)
        #expect(try changed { $0.distillation?.lambda = 0.5 } == distilled)
        #expect(try changed { $0.distillation?.temperature = 3 } == distilled)
        #expect(try changed { $0.distillation?.distance = .mse } == distilled)
        // What decides nothing keeps every key.
        #expect(
            try changed {
                $0.output = "elsewhere"; $0.stages = "s"; $0.cache = "c"
            } == [])
        #expect(try changed { $0.evaluation.bootstrap = 7 } == [])
        #expect(try changed { $0.checkpoints.keepLast = 7 } == [])
        #expect(try changed { $0.distillation?.preset = .lfme } == [])
    }

    @Test func weightsAreInTheKeysByTheirContent() throws {
        func keys(_ path: String, _ content: String) throws -> [StageKey] {
            try planner({ $0.model.weights = path }, weights: content).plan().stages.map(\.key)
        }
        #expect(try keys("/here/w.pth", "w") == keys("/elsewhere/w.pth", "w"))
        #expect(try keys("/here/w.pth", "w") != keys("/here/w.pth", "v"))
    }

    /// Techniques that differ only in what they do not use are one training.
    @Test func whatIsEqualInEffectIsOneStage() throws {
        func changed(_ settings: inout RunSettings) {
            settings.technique.losses[default: FocalLoss()].gamma = 5
            settings.technique.second.epochs = 3
        }
        #expect(try ids(changed) == ids { _ in })
        #expect(
            try ids {
                changed(&$0)
                $0.distillation?.weights = .teacherQuality
                $0.distillation?.teachers.technique = .same
                $0.technique.second.name = .tau
            }.prefix(4) == ["plain", "plain-tau", "plain-inner", "plain-inner-tau"])
    }

    @Test func dataAreInTheKeys() throws {
        let base = try planner().plan().stages.map(\.key)
        func differ(_ planner: RunPlanner) throws -> [Bool] {
            zip(try planner.plan().stages.map(\.key), base).map { $0 != $1 }
        }
        let all = base.map { _ in true }
        #expect(try differ(planner()).allSatisfy { !$0 })
        #expect(try differ(planner(contents: { $0 == 7 ? "other" : "content \($0)" })) == all)
        #expect(try differ(planner(weights: "w")) == all)
        #expect(try differ(planner(label: { $0 == 7 ? ($1 == 0 ? -1 : 0) : $0 % 4 == $1 ? 1 : 0 })) == all)
        // Images for validation count only where networks are measured on them while they train.
        #expect(try differ(planner(contents: { $0 == 41 ? "other" : "content \($0)" })).allSatisfy { !$0 })
        func measured(_ contents: @escaping (Int) -> String) throws -> [StageKey] {
            try planner({ $0.evaluation.every = 1 }, contents: contents).plan().stages.map(\.key)
        }
        #expect(try measured { "content \($0)" } != measured { $0 == 41 ? "other" : "content \($0)" })
    }

    @Test func workIsCountedAsItIsDone() throws {
        let plan = try planner {
            $0.training.epochs = 3
            $0.training.batchSize = 16
            $0.distillation?.teachers.epochs = 1
            $0.distillation?.teachers.minimumSteps = 5
            $0.technique.second.name = .retraining
            $0.technique.second.epochs = 2
        }.plan()
        // The last batch of 8 is left out: 2 batches of 16 in each of 3 epochs.
        #expect(plan["plain"]?.work == .init(images: 96, epochs: 3, steps: 6))
        // A head alone passes images forward only.
        #expect(plan["plain-crt"]?.work == .init(views: 64, epochs: 2, steps: 4))
        // Teachers see the last batch too: 3 steps per epoch, two epochs for five steps.
        #expect(plan["teacher-single-1"]?.work == .init(images: 80, epochs: 2, steps: 6))
        #expect(plan["bank-single-1"]?.work == .init(views: 120))
        #expect(plan["bank-single-1"]?.work.total == 40)
        // Live teachers pass each image of a mixed batch again.
        let live = try planner {
            $0.training.epochs = 3
            $0.training.batchSize = 16
            $0.technique.mixing.kind = .mixup
        }.plan()
        #expect(live["student"]?.work == .init(images: 96, views: 192, epochs: 3, steps: 6))
    }
}
