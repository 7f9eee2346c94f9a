import Backbones
import Basics
import Foundation
import FundusImaging
import Losses
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

/// Losses and gradients that are NaN or infinite.
@Suite struct NonFiniteTests {
    private static let rows = ["100", "010", "001", "110", "011", "101", "000", "111"]

    private func trainer(_ data: TrainingData, skips: Int, accumulation: Int = 1) -> Trainer {
        var plan = plainPlan(epochs: 3, batchSize: 2)
        (plan.accumulation, plan.skipLimit) = (accumulation, skips)
        return Trainer(
            title: "test", plan: plan, data: data, columns: [0, 1, 2], trained: [true, true, true], device: .cpu)
    }

    /// Binary cross-entropy that is not a number in the batches of the given numbers.
    private func objective(_ failing: Set<Int>, _ seen: @escaping (Int) throws -> Void = { _ in }) -> Spy {
        Spy { batch, logits, targets, _ in
            try seen(batch)
            let loss = try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: nil)
            return failing.contains(batch) ? try loss * Double.nan : loss
        }
    }

    @Test(arguments: [1, 2]) func aSkippedStepLeavesNoTraceAndIsCounted(_ accumulation: Int) throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let network = try tinyNetwork(classes: 3, norm: true)
        var before: [[Float]] = []
        let history = try trainer(data, skips: 2, accumulation: accumulation).run(
            network,
            objective: objective([5, 10]) { batch in
                // The running means of the batch norm move in the forward pass, before this is called.
                let norms = network.namedParameters.filter { !$0.parameter.isBuffer }
                before.append(try norms.flatMap { try $0.parameter.value.array() as [Float] })
            })
        #expect(history.map(\.skippedSteps) == [0, 1, 1])
        let full = 4 / accumulation
        #expect(history.map(\.steps) == [full, 2 * full - 1, 3 * full - 2])
        #expect(history.allSatisfy { $0.images == 8 && $0.loss.isFinite && $0.gradientNorm.isFinite })
        #expect(try values(network).allSatisfy(\.isFinite))
        if accumulation == 1 { #expect(before[6] == before[5] && before[5] != before[4]) }
    }

    @Test func whatTheBatchNormsHaveSeenIsForgottenToo() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        func buffers(_ failing: Set<Int>, epochs rows: [Int]) throws -> [Float] {
            let network = try tinyNetwork(classes: 3, norm: true)
            var plan = plainPlan(batchSize: 2, rate: 1e-30)
            (plan.dropsLast, plan.skipLimit) = (false, 1)
            let trainer = Trainer(
                title: "test", plan: plan, data: data, columns: [0, 1, 2], trained: [true, true, true], device: .cpu)
            try trainer.run(network, objective: objective(failing), rows: rows)
            return try network.namedParameters.filter(\.parameter.isBuffer).flatMap {
                try $0.parameter.value.array() as [Float]
            }
        }
        #expect(try buffers([1], epochs: [0, 1, 2, 3, 4, 5]) == buffers([], epochs: [0, 1, 4, 5]))
        #expect(try buffers([], epochs: [0, 1, 2, 3, 4, 5]) != buffers([], epochs: [0, 1, 4, 5]))
    }

    @Test func oneStepMoreThanTheLimitStops() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let error = try #require(throws: FoveaError.self) {
            try trainer(data, skips: 2).run(tinyNetwork(classes: 3), objective: objective([1, 5, 6, 9]))
        }
        #expect(error.kind == .numerical)
        #expect(error.message.contains("the loss became nan in epoch 2, step 7, on the images picture-4, picture-5"))
        #expect(error.remedy?.contains("training.skip_limit") == true)
    }

    /// In a process of its own: dropout draws from the engine.
    @Test func theStateBeforeTheStepReproducesIt() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let data = try folder.data(Self.rows)
            var plan = plainPlan(epochs: 3, batchSize: 2)
            plan.accumulation = 2
            plan.optimizer = .adamw
            plan.averageDecay = 0.9
            plan.augmentation = AugmentationSettings()
            var logits: [[Float]] = []
            var batches = 0
            func train(_ place: String) throws -> FoveaError {
                batches = 0
                logits = []
                let objective = Spy { _, z, targets, items in
                    batches += 1
                    let loss = try BinaryCrossEntropy()(logits: z, labels: targets.labels, mask: nil)
                    guard items[0].view == 1, items.contains(where: { $0.row == 5 }) else { return loss }
                    logits.append(try z.array())
                    return try loss / 0
                }
                try Engine.seed(UInt64.random(in: 0 ... .max))
                return try #require(throws: FoveaError.self) {
                    try makeTrainer(plan, data).train(
                        tinyNetwork(classes: 3, norm: true, dropout: 0.4), .symmetric, objective: objective,
                        stream: EpochStream(InstanceSampler(rows: Array(0..<8), seed: 2), views: nil),
                        checkpoints: Checkpoints(
                            folder: folder.path + "/" + place, dumps: folder.path + "/dumps", recipe: "r"))
                }
            }
            let first = try train("checkpoints")
            let seen = logits
            let dump = try #require(
                try FileManager.default.contentsOfDirectory(atPath: folder.path + "/dumps").first)
            #expect(first.message.contains("in epoch 2, step ") && first.message.contains("picture-5"))
            #expect(first.message.contains("the state before it is kept in \(folder.path)/dumps/\(dump)"))
            let state = try String(contentsOfFile: folder.path + "/dumps/\(dump)/state.json", encoding: .utf8)
            #expect(state.contains("\"what\" : \"loss\"") && state.contains("picture-5"))

            // Among checkpoints, it is the place to resume from.
            try FileManager.default.createDirectory(
                atPath: folder.path + "/again", withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                atPath: folder.path + "/dumps/" + dump, toPath: folder.path + "/again/" + dump)
            let second = try train("again")
            #expect(second.message == first.message)
            #expect(batches <= 2 && seen.count == 1 && logits == seen)
        }
    }
}
