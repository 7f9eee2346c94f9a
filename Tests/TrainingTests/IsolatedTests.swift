import Backbones
import Basics
import Cohorts
import Distillation
import Foundation
import FundusImaging
import Losses
import Models
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

/// What depends on the state of the whole process, the live-tensor counter or the engine's random numbers, runs in a
/// process of its own, where no other test makes tensors.
@Suite struct IsolatedTests {
    @Test func aHundredStepsLeaveTheNumberOfLiveTensorsUnchanged() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let data = try folder.data(["100", "010", "001", "111"])
            let (network, objective) = (
                try tinyNetwork(classes: 3, norm: true, dropout: 0.2), try distilling(folder, data)
            )
            var plan = plainPlan(epochs: 100)
            plan.optimizer = .adamw
            plan.averageDecay = 0.9
            plan.gradientLimit = 1
            plan.views = 2
            plan.precision = .bfloat16
            let before = Tensor.liveCount
            var counts: [Int] = []
            let history = try makeTrainer(plan, data).run(network, objective: objective) { _, _ in
                counts.append(Tensor.liveCount)
            }
            #expect(history[99].steps == 100)
            #expect(counts.count == 100 && Set(counts).count == 1, "\(counts)")
            withExtendedLifetime((network, objective)) { #expect(Tensor.liveCount == before) }
        }
    }

    @Test func theCounterCounts() async {
        await #expect(processExitsWith: .success) {
            let before = Tensor.liveCount
            let kept = try (0..<3).map { _ in try Tensor.zeros([2]) }
            withExtendedLifetime(kept) { #expect(Tensor.liveCount == before + 3) }
        }
    }

    @Test func theSameSeedGivesTheSameBits() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let data = try folder.data(["100", "010", "001", "110", "011", "101", "000", "111"], resolution: 32)
            for precision in Precision.allCases {
                func trained(_ seed: UInt64) throws -> [Float] {
                    try Engine.seed(seed)
                    let network = try Classifier(
                        Architecture.mobilenetv1Short.makeBackbone(), classes: 3, dropout: 0.3)
                    var plan = TrainingPlan()
                    plan.epochs = 3
                    plan.batchSize = 4
                    plan.warmUpSteps = 2
                    plan.averageDecay = 0.9
                    plan.precision = precision
                    plan.seed = seed
                    plan.loaderThreads = 2
                    _ = try makeTrainer(plan, data).train(
                        network, .symmetric, objective: LabelObjective(BinaryCrossEntropy()),
                        stream: EpochStream(InstanceSampler(rows: Array(0..<8), seed: seed), views: nil))
                    return try values(network)
                }
                let first = try trained(3)
                #expect(try trained(3).map(\.bitPattern) == first.map(\.bitPattern), "\(precision)")
                #expect(try trained(4) != first, "\(precision)")
            }
        }
    }
}

/// The loss of a student of one teacher, whose logits on two views are computed by a network of its own.
private func distilling(_ folder: TemporaryFolder, _ data: TrainingData) throws -> DistillingObjective {
    let rows = Array(0..<data.cohort.count)
    let teacher = ModelBundle(
        ModelDescription(
            architecture: .mobilenetv1Short, classes: ["c0", "c1"], image: data.cache.settings),
        try tinyNetwork(classes: 2, seed: 9))
    let logits = try TeacherLogits.compute(
        teacher, cache: data.cache, rows: rows, views: 2, augmentation: .none, seed: 0, device: .cpu,
        precision: .float32, title: "bank", path: folder.path + "/bank.safetensors", key: "k", shouldStop: { false })
    let columns = TeacherOutputs([.init(name: "s", classes: [0, 1])])
    let bank = try ViewBank(
        columns, teachers: [logits], rows: rows, views: 2, priorShifts: [0, 0], device: .cpu)
    return DistillingObjective(
        label: BinaryCrossEntropy(),
        distillation: try DistillationLoss(columns, distance: .bernoulliKL, temperature: 2, lambda: 1),
        teachers: .bank(bank),
        imageWeights: try .confidence(bank, temperature: 2))
}
