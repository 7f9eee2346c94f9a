import Backbones
import Basics
import Cohorts
import Foundation
import Models
import NN
import Settings
import Torch
import Training

/// How large a network is.
package struct NetworkSize {
    /// Bytes of all weights and buffers, in float32.
    var bytes: Int
    /// Bytes of the head's weights alone.
    var headBytes: Int
    /// Numbers of a pooled feature.
    var featureCount: Int

    /// Makes the network of some settings, with its weights where they are given.
    ///
    /// - Throws: `FoveaError` where `model.weights` cannot be loaded.
    package init(_ settings: RunSettings, classes: [String]) throws {
        let description = ModelDescription(
            architecture: settings.model.architecture, classes: classes, image: settings.image)
        let network = try description.makeEmptyClassifier()
        _ = try settings.model.loadWeights(into: network)
        func bytes(_ parameters: [(name: String, parameter: Parameter)]) -> Int {
            parameters.reduce(0) { $0 + $1.parameter.value.count * 4 }
        }
        self.bytes = bytes(network.namedParameters)
        headBytes = bytes(network.head.namedParameters)
        featureCount = network.featureCount
    }
}

/// What a run writes, in bytes, as far as it is known before anything is decoded.
package struct RunStorage {
    /// A model or view bank of the stage store.
    struct Stage {
        var spec: StageSpec
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

    /// - Parameter plan: that of the run.
    package init(_ settings: RunSettings, _ plan: RunPlan, _ size: NetworkSize) {
        stages = plan.stages.map { spec in
            switch spec.kind {
            case .network: Stage(spec: spec, bytes: size.bytes)
            case .bank(let recipe):
                // Banks are float16.
                Stage(
                    spec: spec,
                    bytes: (recipe.columnCount + (recipe.keepsFeatures ? size.featureCount : 0))
                        * recipe.rows.count * recipe.views * 2)
            }
        }
        // A committee holds the plain model too, which is written by itself as well.
        models = size.bytes * (plan.isCommittee ? 2 + plan.teachers.count : plan.student == nil ? 1 : 2)
        let policy = settings.checkpoints
        var kept = 0
        var peak = 0
        for spec in plan.stages where spec.work.epochs > 0 {
            guard case .network(let recipe) = spec.kind else { continue }
            let work = spec.work
            let checkpoint = Self.checkpoint(recipe, size)
            let written =
                (policy.everyEpochs > 0 ? work.epochs / policy.everyEpochs : 0)
                + (policy.everySteps > 0 ? work.steps / policy.everySteps : 0)
            // One may always be requested. In addition to those that are kept there is the one that is being written,
            // and the state before a failed step.
            let stay = min(max(1, policy.keepLast) + policy.keepBest, max(1, written))
            peak = max(peak, kept + (stay + 2) * checkpoint)
            let measured = settings.evaluation.every > 0 ? work.epochs / settings.evaluation.every : 0
            kept += min(policy.keepBest, written, measured) * checkpoint
        }
        (checkpoints, keptCheckpoints) = (peak, kept)
    }

    /// The bytes of a checkpoint: weights, the optimiser's moments of those that are trained, their average.
    private static func checkpoint(_ recipe: NetworkRecipe, _ size: NetworkSize) -> Int {
        let trained = recipe.plan.backboneRate > 0 ? size.bytes : size.headBytes
        let moments = recipe.plan.optimizer == .adamw ? 2 : recipe.plan.momentum > 0 ? 1 : 0
        let average = recipe.plan.averageDecay != nil ? size.bytes : 0
        // A projection for each teacher, trained with the student.
        let projections = recipe.projectionCount * size.featureCount * size.featureCount * 4
        return size.bytes + average + trained * moments + projections * (1 + moments)
    }

    /// The bytes of the stages of some runs that are not in the stage store; what runs share is counted once.
    ///
    /// - Throws: `FoveaError` of kind `data` when a stored network is damaged.
    package static func missingBytes(of runs: [RunStorage], in store: StageStore) throws -> Int {
        var known = Set<StageKey>()
        return try runs.flatMap(\.stages)
            .filter { try known.insert($0.spec.key).inserted && !store.contains($0.spec) }
            .reduce(0) { $0 + $1.bytes }
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
    package func missingBytes(of storage: RunStorage, peak: Bool) -> Int {
        let there =
            DiskSpace.used(by: PathName.joined(output, "checkpoints"))
            + DiskSpace.used(by: PathName.joined(output, "nonfinite"))
        return storage.models + max(0, (peak ? storage.checkpoints : storage.keptCheckpoints) - there)
    }
}
