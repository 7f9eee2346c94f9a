import Backbones
import Cohorts
import Distillation
import FundusImaging
import Losses
import Models
import NN
import TestSupport
import Testing
import Torch
import Training

@Suite struct DistillingObjectiveTests {
    private static let columns = TeacherOutputs([
        ClassSubset(name: "a", classes: [0, 1]), ClassSubset(name: "b", classes: [1, 2]),
    ])

    /// Teachers that are networks of their own, on two views of every image.
    private static func bank(_ folder: TemporaryFolder, _ data: TrainingData) throws -> ViewBank {
        let rows = Array(0..<data.cohort.count)
        let logits = try columns.subsets.map { subset in
            let teacher = ModelBundle(
                ModelDescription(
                    architecture: .mobilenetv1Short, classes: subset.classes.map { "c\($0)" },
                    image: data.cache.settings),
                try tinyNetwork(classes: 2, seed: 5))
            return try TeacherLogits.compute(
                teacher, cache: data.cache, rows: rows, views: 2, augmentation: .none, seed: 0, device: .cpu,
                precision: .float32, title: subset.name, path: folder.path + "/\(subset.name).safetensors", key: "k",
                shouldStop: { false })
        }
        return try ViewBank(
            columns, teachers: logits, rows: rows, views: 2, priorShifts: [0, 0, 0, 0], device: .cpu)
    }

    private static func targets(_ data: TrainingData) throws -> (logits: Tensor, targets: Targets, items: [BatchItem]) {
        var seen: (Tensor, Targets, [BatchItem])?
        try makeTrainer(plainPlan(), data).run(
            tinyNetwork(classes: 3),
            objective: Spy { _, logits, targets, items in
                seen = (try logits.detached(), targets, items)
                return try logits.sum()
            })
        return try #require(seen)
    }

    @Test func aStudentIsTrainedTowardsItsTeachersAndReportsBothParts() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let bank = try Self.bank(folder, data)
        var plan = plainPlan(epochs: 40, rate: 0.1)
        plan.views = 2
        let objective = DistillingObjective(
            label: BinaryCrossEntropy(),
            distillation: try DistillationLoss(Self.columns, distance: .bernoulliKL, temperature: 2, lambda: 3),
            teachers: .bank(bank))
        // No label counts, so that only the teachers pull.
        let history = try makeTrainer(plan, data, trained: [false, false, false])
            .run(tinyNetwork(classes: 3, seed: 2), objective: objective)
        let (first, last) = (try #require(history[0].distillation), try #require(history[39].distillation))
        #expect(last < 0.5 * first && history.allSatisfy { $0.loss == 0 && $0.features == nil })
        #expect(history.allSatisfy { $0.totalLoss == $0.distillation })
    }

    @Test func partsAreTheLabelLossAndTheDistillation() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "0?0", "001", "110"])
        let bank = try Self.bank(folder, data)
        let distillation = try DistillationLoss(Self.columns, distance: .mse, temperature: 2, lambda: 0.5)
        let objective = DistillingObjective(
            label: BinaryCrossEntropy(), distillation: distillation, teachers: .bank(bank))
        let (logits, targets, items) = try Self.targets(data)
        let parts = try objective.lossTerms(logits: logits, targets: targets, items: items)
        let label = try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: targets.mask)
        let expected = try distillation(logits: logits, teachers: bank.logits(of: items))
        #expect(parts.count == 2)
        #expect(try parts[0].item() == label.item() && parts[1].item() == expected.item())
        #expect(try parts[1].item() > 0)
    }

    /// Teacher a: 0.5 on its subset; the student has passed it. Teacher b: 0.8, far away.
    @Test func selfPacingLetsGoOfTeachersThatTheStudentHasCaughtUpWith() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let bank = try Self.bank(folder, data)
        func distillation() throws -> DistillationLoss {
            try DistillationLoss(Self.columns, distance: .mse, temperature: 2, lambda: 1)
        }
        let (logits, targets, items) = try Self.targets(data)
        func loss(_ teachers: [Double?], _ student: [Double?]) throws -> Double {
            let pacing = SelfPacing(Self.columns, teachers: teachers, a: 0.3) { _ in student }
            let objective = DistillingObjective(
                label: BinaryCrossEntropy(), distillation: try distillation(), teachers: .bank(bank), selfPacing: pacing
            )
            try objective.beginEpoch(0, network: tinyNetwork(classes: 3))
            return try objective.lossTerms(logits: logits, targets: targets, items: items)[1].item()
        }
        func weighted(_ weights: [Double]) throws -> Double {
            let loss = try distillation()
            try loss.setWeights(weights)
            return try loss(logits: logits, teachers: bank.logits(of: items)).item()
        }
        #expect(try loss([0.5, 0.8], [0.9, 0.3, 0.1]) == weighted([0, 0, 1, 1]))
        // (0.8 - 0.52) / (0.7 * 0.8) = 0.5.
        #expect(try abs(loss([0.5, 0.8], [0.1, 0.1, 0.94]) - weighted([1, 1, 0.5, 0.5])) < 1e-5)
        // Undefined where the inner split shows no positive: the teacher is listened to.
        #expect(try loss([nil, 0.8], [0.9, 0.9, 0.9]) == weighted([1, 1, 0, 0]))
        #expect(try loss([0.5, 0.8], [0.9, nil, nil]) == weighted([0, 0, 1, 1]))
    }

    @Test func softmaxTeachersMaySpeakOnTheirOwnImagesOnly() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "100"])
        let bank = try Self.bank(folder, data)
        let distillation = try SoftmaxDistillationLoss(Self.columns, temperature: 2, lambda: 1)
        let (logits, targets, items) = try Self.targets(data)
        let teachers = try bank.logits(of: items)
        let label = try SoftmaxCrossEntropy(LossContext(classCounts: [2, 1, 1], imageCount: 4))
        for (only, weights) in [
            (false, [1, 1, 1, 1, 1, 1, 1, 1] as [Float]), (true, [1, 0, 1, 1, 0, 1, 1, 0]),
        ] {
            let objective = SoftmaxDistillingObjective(
                label: label, distillation: distillation, teachers: .bank(bank), cohort: data.cohort,
                onlySubsetImages: only)
            let parts = try objective.lossTerms(logits: logits, targets: targets, items: items)
            let expected = try distillation(
                logits: logits, teachers: teachers, teacherWeights: Tensor(weights, shape: [4, 2]))
            #expect(try parts[1].item() == expected.item() && parts[1].item() > 0)
        }
    }
}
