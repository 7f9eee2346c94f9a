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

/// Steps made of several batches, against steps of one batch that holds all their images.
@Suite struct AccumulationTests {
    /// Classes that are common and rare, so that the mean over a short batch is far from that over a whole one.
    private static let rows = ["100", "110", "100", "101", "110", "100", "100", "110", "100", "001", "011"]

    /// What is minimised: losses that are sums over classes and means over images, alone and with teachers.
    enum Minimised: CaseIterable {
        case labels
        case focal
        case distilled
        case softmax
        case features
    }

    private func objective(_ kind: Minimised, _ data: TrainingData, _ folder: TemporaryFolder) throws -> any Objective {
        let columns = TeacherOutputs([ClassSubsets.first, ClassSubsets.second])
        func bank() throws -> (ViewBank, [TeacherFeatures]) {
            var features: [TeacherFeatures] = []
            let rows = Array(0..<data.cohort.count)
            let logits = try columns.subsets.map { subset in
                let path = folder.path + "/\(subset.name).safetensors"
                let logits = try TeacherLogits.compute(
                    ClassSubsets.teacher(subset, data), cache: data.cache, rows: rows, views: 2, augmentation: .none,
                    seed: 0, device: .cpu, precision: .float32, title: subset.name, path: path,
                    featuresPath: TeacherFeatures.path(alongside: path), key: "k", shouldStop: { false })
                features.append(
                    try #require(TeacherFeatures.stored(at: TeacherFeatures.path(alongside: path), key: "k")))
                return logits
            }
            let bank = try ViewBank(
                columns, teachers: logits, rows: rows, views: 2, priorShifts: [0, 0, 0, 0], device: .cpu)
            return (bank, features)
        }
        func distilling() throws -> (DistillingObjective, ViewBank, [TeacherFeatures]) {
            let (bank, features) = try bank()
            let objective = DistillingObjective(
                label: BinaryCrossEntropy(),
                distillation: try DistillationLoss(columns, distance: .bernoulliKL, temperature: 2, lambda: 3),
                teachers: .bank(bank))
            return (objective, bank, features)
        }
        switch kind {
        case .labels: return LabelObjective(BinaryCrossEntropy())
        case .focal:
            let context = LossContext(classCounts: [9, 4, 3], imageCount: data.cohort.count)
            var parameters = LossParameters()
            parameters[default: ClassWeights()].beta = 0.99
            return LabelObjective(try ClassBalancedFocalLoss(context, parameters))
        case .distilled: return try distilling().0
        case .softmax:
            let context = LossContext(classCounts: [9, 4, 3], imageCount: data.cohort.count)
            return SoftmaxDistillingObjective(
                label: try SoftmaxCrossEntropy(context),
                distillation: try SoftmaxDistillationLoss(columns, temperature: 2, lambda: 1),
                teachers: .bank(try bank().0),
                cohort: data.cohort, onlySubsetImages: true)
        case .features:
            let (base, bank, features) = try distilling()
            return FeatureDistillingObjective(
                base, try FeatureDistillation(features, bank: bank, studentLength: 8, lambda: 2, seed: 3))
        }
    }

    /// - Parameters:
    ///   - batchSize: images per batch.
    ///   - accumulation: batches per step.
    ///   - whole: images per step where each is one batch.
    ///   - steps: in an epoch of 11 images.
    @Test(arguments: Minimised.allCases, [(4, 3, 11, 1), (2, 4, 8, 2), (3, 2, 6, 2), (10, 2, 11, 1), (1, 11, 11, 1)])
    func aStepHasTheGradientOfTheMeanOverItsImages(
        _ kind: Minimised, _ shape: (batchSize: Int, accumulation: Int, whole: Int, steps: Int)
    ) throws {
        func trained(batchSize: Int, accumulation: Int, epochs: Int, rate: Double) throws -> ([Float], [EpochRecord]) {
            let folder = try TemporaryFolder()
            let data = try folder.data(Self.rows)
            var plan = plainPlan(epochs: epochs, batchSize: batchSize, rate: rate)
            plan.accumulation = accumulation
            plan.dropsLast = false
            plan.views = 2
            let network = try tinyNetwork(classes: 3, seed: 2)
            let objective = try objective(kind, data, folder)
            let history = try makeTrainer(plan, data).run(network, objective: objective)
            let projections = try objective.modules.flatMap { _, module in
                try module.namedParameters.flatMap { try $0.parameter.value.array() as [Float] }
            }
            return (try values(network) + projections, history)
        }
        let (large, expected) = try trained(batchSize: shape.whole, accumulation: 1, epochs: 1, rate: 0.05)
        let (small, found) = try trained(
            batchSize: shape.batchSize, accumulation: shape.accumulation, epochs: 1, rate: 0.05)
        #expect(found[0].steps == shape.steps && expected[0].steps == shape.steps && found[0].images == 11)
        #expect(distance(large, small) < 1e-6)
        #expect(abs(found[0].gradientNorm - expected[0].gradientNorm) < 1e-5 * expected[0].gradientNorm)
        for part in [\EpochRecord.loss, \.totalLoss] {
            #expect(abs(found[0][keyPath: part] - expected[0][keyPath: part]) < 1e-5)
        }
        // Further epochs begin where the last short step ended.
        let later = try trained(batchSize: shape.whole, accumulation: 1, epochs: 3, rate: 0.05).0
        #expect(
            distance(
                later,
                try trained(batchSize: shape.batchSize, accumulation: shape.accumulation, epochs: 3, rate: 0.05).0)
                < 1e-5)
    }

    /// Where all batches are full, each is weighed as before, to the bit.
    @Test func fullBatchesWeighTheSame() {
        var plan = plainPlan(batchSize: 64)
        plan.accumulation = 3
        for images in [64 * 3, 64 * 7 + 5] {
            for drops in [true, false] {
                plan.dropsLast = drops
                let batches = plan.batches(of: images)
                for batch in 0..<batches {
                    let begun = batch / 3 * 3
                    let members = begun..<min(begun + 3, batches)
                    let sizes = members.map { min(64, images - $0 * 64) }
                    let share = plan.shareOfStep(batch: batch, images: images)
                    #expect(share == Double(sizes.reduce(0, +)) / Double(min(64, images - batch * 64)))
                    if Set(sizes).count == 1 { #expect(share == Double(members.count)) }
                }
            }
        }
        // All there is, though less than a batch.
        plan.dropsLast = true
        #expect(plan.shareOfStep(batch: 0, images: 5) == 1)
    }

    /// A step that fails in its short batch leaves nothing of its full one behind.
    @Test func aSkippedStepOfUnequalBatchesLeavesNoTrace() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        func trained(failing: Set<Int>, rows: [Int]) throws -> ([Float], [EpochRecord]) {
            var plan = plainPlan(batchSize: 4)
            plan.accumulation = 2
            (plan.dropsLast, plan.skipLimit) = (false, 1)
            let trainer = Trainer(
                title: "test", plan: plan, data: data, columns: [0, 1, 2], trained: [true, true, true], device: .cpu)
            let network = try tinyNetwork(classes: 3)
            let objective = Spy { batch, logits, targets, _ in
                let loss = try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: nil)
                return failing.contains(batch) ? try loss * Double.nan : loss
            }
            let history = try trainer.run(network, objective: objective, rows: rows)
            return (try values(network), history)
        }
        let first = Array(0..<8)
        let (without, _) = try trained(failing: [], rows: first)
        // Batch 2 is full, batch 3 has three images: together the second step.
        let (skipped, history) = try trained(failing: [3], rows: first + [8, 9, 10, 0, 1, 2, 3])
        #expect(skipped == without && history[0].skippedSteps == 1 && history[0].steps == 1)
    }
}

private enum ClassSubsets {
    static let first = ClassSubset(name: "a", classes: [0, 1])
    static let second = ClassSubset(name: "b", classes: [1, 2])

    static func teacher(_ subset: ClassSubset, _ data: TrainingData) throws -> ModelBundle {
        ModelBundle(
            ModelDescription(
                architecture: .mobilenetv1Short, classes: subset.classes.map { "c\($0)" }, image: data.cache.settings),
            try tinyNetwork(classes: 2, seed: 5))
    }
}
