import Backbones
import Basics
import Cohorts
import Foundation
import Models
import NN
import Torch
import Training

/// How large a network is.
struct NetworkSize {
    /// Bytes of all weights and buffers, in float32.
    var bytes: Int
    /// Bytes of the head's weights alone.
    var headBytes: Int
    /// Numbers of a pooled feature.
    var featureCount: Int

    /// Makes the network of some settings, with its weights where they are given.
    ///
    /// - Throws: `FoveaError` where `model.weights` cannot be loaded.
    init(_ settings: RunSettings, classes: [String]) throws {
        let description = ModelDescription(
            architecture: settings.model.architecture, classes: classes, image: settings.image.imageSettings)
        let network = try description.makeClassifier()
        _ = try settings.model.loadWeights(into: network)
        func bytes(_ parameters: [(name: String, parameter: Parameter)]) -> Int {
            parameters.reduce(0) { $0 + $1.parameter.value.count * 4 }
        }
        self.bytes = bytes(network.namedParameters)
        headBytes = bytes(network.head.namedParameters)
        featureCount = network.backbone.featureCount
    }
}

/// What a run writes, in bytes, as far as it is known before anything is decoded.
struct RunStorage {
    /// A model or view bank of the stage store.
    struct Stage {
        /// Two with the same key are one.
        var key: String
        /// What tells in a store whether such a stage is there (`StageStore.finishedStages`).
        var kind: String
        var bytes: Int
    }

    /// What the stage store gets.
    var stages: [Stage]
    /// The models in the run folder.
    var models: Int
    /// Checkpoints at the same time, at most: those that are kept, the one that is being written, and the state before a
    /// step whose loss or gradient is not finite.
    var checkpoints: Int
    /// Those of them that stay when all trainings are finished.
    var keptCheckpoints: Int

    /// - Parameter estimate: that of the run.
    init(_ settings: RunSettings, _ estimate: RunEstimate, _ size: NetworkSize) {
        let distillation = settings.distillation
        let features = distillation?.featureLambda ?? 0 > 0 ? size.featureCount : 0
        let isMade = "\(settings.model.recipeLine)\nimage \(settings.image)"
        stages = estimate.stages.map { stage in
            switch stage.left {
            case .model(let name):
                Stage(key: stage.key, kind: "stage \(name)\n\(isMade)", bytes: size.bytes)
            case .bank(let name, let columns, let teachers, let views):
                // Banks are float16.
                Stage(
                    key: "features \(features) \(stage.key)", kind: "bank \(name)" + (features > 0 ? "-features" : ""),
                    bytes: (columns + teachers * features) * views * 2)
            }
        }
        models = size.bytes * (distillation == nil ? 1 : 2)
        let policy = settings.checkpoints
        var kept = 0
        var peak = 0
        for stage in estimate.stages where stage.epochs > 0 {
            guard case .model(let name) = stage.left else { continue }
            let checkpoint = Self.checkpoint(settings, size, stage, name)
            let written =
                (policy.everyEpochs > 0 ? stage.epochs / policy.everyEpochs : 0)
                + (policy.everySteps > 0 ? stage.steps / policy.everySteps : 0)
            // One may always be asked for. Besides those that are kept there is the one that is being written, and the
            // state before a failed step.
            let stay = min(max(1, policy.keepLast) + policy.keepBest, max(1, written))
            peak = max(peak, kept + (stay + 2) * checkpoint)
            let measured = settings.evaluation.every > 0 ? stage.epochs / settings.evaluation.every : 0
            kept += min(policy.keepBest, written, measured) * checkpoint
        }
        (checkpoints, keptCheckpoints) = (peak, kept)
    }

    /// The bytes of a checkpoint: weights, the optimiser's moments of those that are trained, their average.
    private static func checkpoint(
        _ settings: RunSettings, _ size: NetworkSize, _ stage: RunEstimate.Stage, _ name: String
    ) -> Int {
        let training = settings.training
        let trained = stage.images > 0 ? size.bytes : size.headBytes
        let moments =
            switch training.optimizer {
            case .adamw: 2
            case .sgd: training.momentum > 0 ? 1 : 0
            }
        let average = training.averageDecay != nil && !stage.isSecond ? size.bytes : 0
        // A projection for each teacher, learnt with the student.
        let teachers = stage.projections
        let projections = teachers * size.featureCount * size.featureCount * 4
        return size.bytes + average + trained * moments + projections * (1 + moments)
    }

    /// The bytes of the stages of `open` that are neither among those of `done` nor in the stage store.
    ///
    /// Which images and which models before it a stage was made of is not known before they are decoded, so a stored one
    /// of the same kind is taken for it.
    static func missingBytes(of open: [RunStorage], besides done: [RunStorage], in store: StageStore) -> Int {
        let finished = done.flatMap(\.stages)
        var known = Set(finished.map(\.key))
        var stored = store.finishedStages()
        for kind in Dictionary(grouping: finished, by: \.key).values.compactMap({ $0.first?.kind }) {
            stored[kind, default: 0] -= 1
        }
        let wanted = open.flatMap(\.stages).filter { known.insert($0.key).inserted }
        return Dictionary(grouping: wanted, by: \.kind).reduce(0) { sum, entry in
            let left = max(0, entry.value.count - max(0, stored[entry.key] ?? 0))
            return sum + entry.value.map(\.bytes).sorted(by: >).prefix(left).reduce(0, +)
        }
    }
}

extension DiskSpace {
    /// Bytes of all files in a folder and below; 0 without one.
    static func used(by folder: String) -> Int {
        guard let names = FileManager.default.enumerator(atPath: folder) else { return 0 }
        var sum = 0
        while names.nextObject() != nil { sum += (names.fileAttributes?[.size] as? NSNumber)?.intValue ?? 0 }
        return sum
    }
}

extension RunSettings {
    /// What of `storage` its folder does not hold yet.
    ///
    /// - Parameter peak: whether checkpoints are counted as they are while it trains, not only those that stay.
    func missingBytes(of storage: RunStorage, peak: Bool) -> Int {
        let there = DiskSpace.used(by: output + "/checkpoints") + DiskSpace.used(by: output + "/nonfinite")
        return storage.models + max(0, (peak ? storage.checkpoints : storage.keptCheckpoints) - there)
    }

    /// The folder of its finished stages.
    var stageFolder: String { stages ?? output + "/stages" }
}
