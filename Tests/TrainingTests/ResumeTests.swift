import Backbones
import Basics
import Cohorts
import Distillation
import Evaluation
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

/// A training that is stopped after any step and is resumed in new objects gives the same bits as one that is not. Each
/// in a process of its own, where no other test draws from the engine's random numbers.
@Suite struct ResumeTests {
    @Test(arguments: Precision.allCases) func aPlainTrainingGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .plain, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aTeachersTrainingGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .teacher, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aTrainingOnMixedImagesGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .mixed, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aStudentOfLiveTeachersGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .live, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aSecondStageGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .scaling, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aStudentOfFeaturesGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .studentOfFeatures, precision)
        }
    }

    @Test(arguments: Precision.allCases) func aStudentsTrainingGoesOnExactly(_ precision: Precision) async {
        await #expect(processExitsWith: .success) { [precision] in
            try requireSameBits(of: .student, precision)
        }
    }
}

private enum Kind {
    case plain
    case teacher
    case student
    /// A plain model on mixtures.
    case mixed
    /// A student on images with pasted boxes.
    case live
    /// The second stage in which each class's weights get a factor.
    case scaling
    case studentOfFeatures
}

/// Compares a straight training with ones that stop after each of its steps, and one that stops after every step.
private func requireSameBits(of kind: Kind, _ precision: Precision) throws {
    let folder = try TemporaryFolder()
    let bench = try Bench(kind, precision, folder)
    let straight = try bench.train(nil, stopsAfter: nil)
    try #require(straight.isFinished && straight.history.count > 1)
    let again = try bench.train(nil, stopsAfter: nil)
    #expect(again == straight, "the same seed gives the same bits")
    let steps = try #require(straight.history.last?.steps)
    for step in 1...steps {
        let place = folder.path + "/stop-\(step)"
        #expect(try !bench.train(place, stopsAfter: step).isFinished)
        let resumed = try bench.train(place, stopsAfter: nil)
        #expect(resumed == straight, "stopped after step \(step)")
        #expect(resumed.goesOnFrom == step)
    }
    var stops = 0
    let place = folder.path + "/every"
    while try stops <= steps && !bench.train(place, stopsAfter: 1).isFinished { stops += 1 }
    #expect(stops == steps)
    #expect(try bench.train(folder.path + "/stop-1", stopsAfter: nil) == straight, "resumed again")
}

/// All that one training needs, made again each time as a new process would.
private struct Bench {
    struct Outcome: Equatable {
        var isFinished: Bool
        var weights: [UInt32] = []
        var history: [EpochRecord] = []
        /// The step that its checkpoint was taken after.
        var goesOnFrom: Int?

        static func == (a: Outcome, b: Outcome) -> Bool {
            a.isFinished == b.isFinished && a.weights == b.weights && a.history == b.history
        }
    }

    let kind: Kind
    let folder: TemporaryFolder
    let data: TrainingData
    let plan: TrainingPlan

    init(_ kind: Kind, _ precision: Precision, _ folder: TemporaryFolder) throws {
        self.kind = kind
        self.folder = folder
        data = try folder.data(["100", "010", "001", "110", "011", "101", "000", "111", "100", "011", "010"])
        var plan = TrainingPlan()
        plan.precision = precision
        plan.batchSize = 3
        plan.warmUpSteps = 2
        plan.seed = 5
        switch kind {
        case .plain:
            plan.epochs = 2
            plan.accumulation = 2
            plan.dropsLast = false
            plan.averageDecay = 0.8
            plan.gradientLimit = 0.5
        case .teacher:
            plan.epochs = 2
            plan.minimumSteps = 7
            plan.dropsLast = false
            (plan.optimizer, plan.momentum) = (.sgd, 0.9)
        case .student, .studentOfFeatures:
            plan.epochs = 3
            plan.views = 2
            plan.averageDecay = 0.8
        case .mixed:
            plan.epochs = 2
            plan.accumulation = 2
            plan.mixing = Mixing(.mixup, alpha: 1)
        case .live:
            plan.epochs = 2
            plan.mixing = Mixing(.cutmix, alpha: 1)
        case .scaling:
            plan.epochs = 2
            plan.backboneRate = 0
        }
        self.plan = plan
    }

    /// Trains, in a folder of checkpoints if there is one.
    func train(_ place: String?, stopsAfter limit: Int?) throws -> Outcome {
        // What a process has drawn before must not matter.
        try Engine.seed(UInt64.random(in: 0 ... .max))
        let classes = kind == .teacher ? [0, 2] : [0, 1, 2]
        let network = try tinyNetwork(classes: classes.count, norm: true, dropout: 0.3)
        if kind == .scaling { try LearnableWeightScaling().begin(network, counts: []) }
        let trainer = Trainer(
            title: "test", plan: plan, data: data, columns: classes, trained: classes.map { _ in true }, device: .cpu)
        // Called once before the first step, then after each.
        var asked = -1
        var goesOnFrom: Int?
        do {
            let history = try trainer.train(
                network, .symmetric, objective: objective(network), stream: stream(),
                checkpoints: place.map {
                    Checkpoints(
                        folder: $0, dumps: $0 + "-dumps", recipe: "r",
                        logger: .telling { goesOnFrom = $0.split(separator: " ").last.flatMap { Int($0) } })
                },
                shouldStop: {
                    asked += 1
                    return asked == limit
                })
            return Outcome(
                isFinished: true, weights: try values(network).map(\.bitPattern),
                history: history.map {
                    var record = $0
                    record.seconds = 0
                    return record
                }, goesOnFrom: goesOnFrom)
        } catch is CancellationError {
            return Outcome(isFinished: false)
        }
    }

    private func stream() throws -> EpochStream {
        let rows = Array(0..<data.cohort.count)
        guard kind == .teacher else {
            return EpochStream(InstanceSampler(rows: rows, seed: plan.seed), views: plan.views)
        }
        // Other images without a class of the subset each epoch.
        let task = try SubsetTask(
            ClassSubset(name: "s", classes: [0, 2]), cohort: data.cohort, trainingRows: rows,
            negatives: Negatives(.sampled, ratio: 0.2), seed: 3)
        return EpochStream(views: nil) { InstanceSampler(rows: task.rows(epoch: $0), seed: 3) }
    }

    private func objective(_ network: Classifier) throws -> any Objective {
        guard [.student, .live, .studentOfFeatures].contains(kind) else { return LabelObjective(BinaryCrossEntropy()) }
        let columns = TeacherOutputs([.init(name: "a", classes: [0, 1]), .init(name: "b", classes: [1, 2])])
        if kind == .live {
            let description = ModelDescription(
                architecture: .mobilenetv1Short, classes: ["x", "y"], image: data.cache.settings)
            let teachers = try [8, 9].map { ModelBundle(description, try tinyNetwork(classes: 2, seed: $0)) }
            return DistillingObjective(
                label: BinaryCrossEntropy(),
                distillation: try DistillationLoss(columns, distance: .bernoulliKL, temperature: 2, lambda: 1),
                teachers: .live(
                    try LiveTeachers(
                        columns, teachers: teachers, priorShifts: [0, 0.5, 0, 0], device: .cpu,
                        precision: plan.precision)),
                imageWeights: try .membership(
                    columns, rows: Array(0..<data.cohort.count), cohort: data.cohort, gain: 1, device: .cpu))
        }
        let rows = Array(0..<data.cohort.count)
        let logits = try columns.subsets.map { subset in
            let path = bankPath(subset.name)
            if let stored = try TeacherLogits.stored(at: path, key: "k") { return stored }
            let teacher = ModelBundle(
                ModelDescription(architecture: .mobilenetv1Short, classes: ["x", "y"], image: data.cache.settings),
                try tinyNetwork(classes: 2, seed: 9))
            return try TeacherLogits.compute(
                teacher, cache: data.cache, rows: rows, views: 2, augmentation: plan.augmentation, seed: plan.seed,
                device: .cpu, precision: .float32, title: "bank", path: path,
                featuresPath: TeacherFeatures.path(alongside: path), key: "k", shouldStop: { false })
        }
        let bank = try ViewBank(
            columns, teachers: logits, rows: rows, views: 2, priorShifts: [0, 0, 0, 0], device: .cpu)
        let measurement = ModelMeasurement(data, normalization: .symmetric, device: .cpu, precision: plan.precision)
        let objective = DistillingObjective(
            label: BinaryCrossEntropy(),
            distillation: try DistillationLoss(columns, distance: .bernoulliKL, temperature: 2, lambda: 1),
            teachers: .bank(bank),
            imageWeights: try .confidence(bank, temperature: 2),
            // Within an epoch the weights must stay those of its beginning, though the student gets better.
            selfPacing: SelfPacing(columns, teachers: [0.9, 0.95], a: 0.1) { network in
                try measurement.summary(network, name: "tiny", rows: rows, columns: [0, 1, 2]).averagePrecision
            })
        guard kind == .studentOfFeatures else { return objective }
        let features = try columns.subsets.map { subset in
            let path = TeacherFeatures.path(alongside: bankPath(subset.name))
            return try #require(TeacherFeatures.stored(at: path, key: "k"))
        }
        return FeatureDistillingObjective(
            objective, try FeatureDistillation(features, bank: bank, studentLength: 8, lambda: 2, seed: 4))
    }

    private func bankPath(_ name: String) -> String { folder.path + "/bank-\(name).safetensors" }
}
