import Backbones
import Cohorts
import Distillation
import FundusImaging
import Losses
import Models
import NN
import Settings
import TestSupport
import Testing
import Torch
import Training
import Weights

@Suite struct FeatureDistillingObjectiveTests {
    /// A teacher that is a network of its own, on two views of every image.
    private static func distillation(
        _ folder: TemporaryFolder, _ data: TrainingData, lambda: Double = 1
    ) throws -> FeatureDistillation {
        let columns = TeacherOutputs([ClassSubset(name: "a", classes: [0, 1])])
        let rows = Array(0..<data.cohort.count)
        let path = folder.path + "/a.safetensors"
        let teacher = ModelBundle(
            ModelDescription(architecture: .mobilenetv1Short, classes: ["x", "y"], image: data.cache.settings),
            try tinyNetwork(classes: 2, seed: 5))
        let logits = try TeacherLogits.compute(
            teacher, cache: data.cache, rows: rows, views: 2, augmentation: .none, seed: 0, device: .cpu,
            precision: .float32, title: "a", path: path, featuresPath: TeacherFeatures.path(alongside: path), key: "k",
            shouldStop: { false })
        let bank = try ViewBank(
            columns, teachers: [logits], rows: rows, views: 2, priorShifts: [0, 0], device: .cpu)
        let features = try #require(TeacherFeatures.stored(at: TeacherFeatures.path(alongside: path), key: "k"))
        return try FeatureDistillation([features], bank: bank, studentLength: 8, lambda: lambda, seed: 3)
    }

    @Test func featuresComeNearerAndTheHistorySaysSo() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let distillation = try Self.distillation(folder, data)
        let before = try distillation.projections[0].weight.value.array() as [Float]
        var plan = plainPlan(epochs: 40, rate: 0.5)
        plan.views = 2
        let network = try tinyNetwork(classes: 3, seed: 2)
        let names = network.namedParameters.map(\.name)
        // No label counts, so that only the teacher's features pull.
        let history = try makeTrainer(plan, data, trained: [false, false, false])
            .run(
                network, objective: FeatureDistillingObjective(LabelObjective(BinaryCrossEntropy()), distillation))
        let (first, last) = (try #require(history[0].features), try #require(history[39].features))
        #expect(last < 0.5 * first && last >= 0 && history.allSatisfy { $0.loss == 0 && $0.distillation == 0 })
        #expect(history.allSatisfy { $0.totalLoss == $0.features })
        #expect(try distillation.projections[0].weight.value.array() as [Float] != before, "the projection is learnt")
        #expect(network.namedParameters.map(\.name) == names, "the projection is not part of the network")
    }

    @Test func theProjectionMovesAtTheHeadsRate() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        // One step of plain gradient descent moves by rate times gradient, with whatever factor on the backbone.
        func moved(backboneRate: Double) throws -> [Float] {
            let distillation = try Self.distillation(folder, data)
            let before = try distillation.projections[0].weight.value.array() as [Float]
            var plan = plainPlan(rate: 0.5)
            plan.views = 2
            plan.backboneRate = backboneRate
            try makeTrainer(plan, data).run(
                tinyNetwork(classes: 3, seed: 2),
                objective: FeatureDistillingObjective(LabelObjective(BinaryCrossEntropy()), distillation))
            return zip(try distillation.projections[0].weight.value.array() as [Float], before).map { $0 - $1 }
        }
        let whole = try moved(backboneRate: 1)
        #expect((whole.map(abs).max() ?? 0) > 1e-3)
        #expect(distance(try moved(backboneRate: 0.1), whole) < 1e-6)
    }

    @Test func partsOfTheOtherObjectiveStay() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let distillation = try Self.distillation(folder, data, lambda: 0)
        let plain = try tinyNetwork(classes: 3, seed: 2)
        let student = try tinyNetwork(classes: 3, seed: 2)
        var plan = plainPlan(epochs: 2)
        plan.views = 2
        let expected = try makeTrainer(plan, data).run(plain)
        let found = try makeTrainer(plan, data).run(
            student, objective: FeatureDistillingObjective(LabelObjective(BinaryCrossEntropy()), distillation))
        #expect(try values(plain) == values(student), "with lambda 0 nothing changes")
        #expect(found.map(\.loss) == expected.map(\.loss) && found.allSatisfy { $0.features == 0 })
    }

    @Test func aCheckpointHoldsTheProjections() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110"])
        let distillation = try Self.distillation(folder, data)
        var plan = plainPlan(epochs: 2)
        plan.views = 2
        let checkpoints = Checkpoints(folder: folder.path + "/c", dumps: folder.path + "/d", recipe: "r")
        _ = try makeTrainer(plan, data).train(
            tinyNetwork(classes: 3), .symmetric,
            objective: FeatureDistillingObjective(LabelObjective(BinaryCrossEntropy()), distillation),
            stream: EpochStream(InOrder(rows: [0, 1, 2, 3]), views: 2), checkpoints: checkpoints)
        let file = try WeightFile.open(folder.path + "/c/epoch-00001-batch-0000000/tensors.safetensors")
        #expect(file.tensor(named: "objective.projection-a.weight")?.shape == [8, 8])
    }
}
