import Basics
import Cohorts
import Distillation
import Foundation
import FundusImaging
import Models
import Settings
import Synchronization
import Torch
import Training

/// The hash of each image's content, by row of the cohort, and of the lists of rows that stages are made of.
package final class ContentHashes: Sendable {
    private let hashes: [String]
    /// Many stages are made of the same rows.
    private let known = Mutex<[[Int]: String]>([:])

    package init(_ hashes: [String]) { self.hashes = hashes }

    /// The hash of the contents of some images, in order.
    func digest(of rows: [Int]) -> String {
        if let digest = known.withLock({ $0[rows] }) { return digest }
        let digest = Digest.sha256(rows.map { hashes[$0] }.joined())
        known.withLock { $0[rows] = digest }
        return digest
    }
}

/// What decides each stage.
extension RunPlanner {
    private func keyDigest(_ id: StageSpec.ID, _ plan: RunPlan) -> String { plan[id]?.digest ?? "" }

    func key(of recipe: NetworkRecipe, _ storeName: String, _ plan: RunPlan) -> StageKey {
        var start = StageKey.Start()
        switch recipe.start {
        case .fresh(let name, _): start.seedName = name
        case .continued(let stage), .secondStage(let stage): start.stage = keyDigest(stage, plan)
        }
        let every = settings.evaluation.every
        let technique = recipe.isSecondStage ? recipe.technique : recipe.technique.first
        return StageKey(
            stage: storeName, engine: engine,
            network: StageKey.Network(
                model: StageKey.values(of: settings.model), weights: weights,
                image: StageKey.values(of: recipe.image), window: window(of: recipe.image),
                regions: regions(of: recipe), labelKind: settings.data.labels.rawValue,
                classes: recipe.columns.map { cohort.classes[$0] },
                training: StageKey.Training(recipe.plan), technique: StageKey.values(of: technique),
                trained: rows(recipe.rows, recipe.columns, seesSides: recipe.seesSides),
                measured: every > 0
                    ? StageKey.Measured(
                        everyEpochs: every, rows: rows(split.validation, recipe.columns, seesSides: recipe.seesSides))
                    : nil,
                start: start, subset: recipe.task.map(subset), distillation: distillation(of: recipe, plan)))
    }

    func key(of recipe: BankRecipe, _ storeName: String, _ plan: RunPlan) -> StageKey {
        StageKey(
            stage: storeName, engine: engine,
            bank: StageKey.Bank(
                teachers: recipe.teachers.map { keyDigest($0, plan) }, views: recipe.views, seed: recipe.plan.seed,
                precision: recipe.plan.precision.rawValue, image: StageKey.values(of: recipe.image),
                window: window(of: recipe.image), sides: recipe.image.window.map { _ in sides(of: recipe.rows) },
                augmentation: StageKey.values(of: recipe.plan.augmentation), images: contents.digest(of: recipe.rows)))
    }

    private func window(of image: ImageSettings) -> [String]? { image.window.map(Self.exact) }

    private static func exact(_ window: ImageWindow) -> [String] {
        [window.x, window.y, window.halfSide].map(StageKey.exact)
    }

    private func regions(of recipe: NetworkRecipe) -> [[String]]? {
        recipe.regions.isEmpty ? nil : recipe.regions.map { [$0.name] + Self.exact($0.window) + $0.classes }
    }

    /// The hash of the eyes of some rows; of one that is not known the photograph decides.
    private func sides(of rows: [Int]) -> String {
        Digest.sha256(rows.map { cohort.photographs[$0].eye?.lowercased() ?? "" }.joined(separator: "\n"))
    }

    private func rows(_ rows: [Int], _ columns: [Int], seesSides: Bool = false) -> StageKey.Rows {
        // Labels are -1 (unknown), 0 and 1.
        var labels: [UInt8] = []
        labels.reserveCapacity(rows.count * columns.count)
        for row in rows {
            for column in columns { labels.append(UInt8(bitPattern: cohort.label(row, column))) }
        }
        return StageKey.Rows(
            images: contents.digest(of: rows), labels: Digest.sha256(Data(labels)),
            sides: seesSides ? sides(of: rows) : nil)
    }

    private func subset(_ task: SubsetTask) -> StageKey.Subset {
        let ratio = task.mode.rule == .sampled ? " " + StageKey.exact(task.mode.ratio) : ""
        return StageKey.Subset(
            negatives: task.mode.rule.rawValue + ratio, positiveCount: task.positives.count,
            negativeCount: task.negatives.count)
    }

    private func distillation(of recipe: NetworkRecipe, _ plan: RunPlan) -> StageKey.Distillation? {
        guard case .distillation(let distillation) = recipe.objective else { return nil }
        let subsets = distillation.subsets
        let isMeasured = subsets.inner != nil
        return StageKey.Distillation(
            settings: StageKey.values(of: distillation.settings),
            subsets: subsets.grouping.subsets.map { subset in
                [subset.name] + subset.classes.map { cohort.classes[$0] }
            },
            teachers: distillation.teachers.map { keyDigest($0, plan) },
            reference: isMeasured ? keyDigest(distillation.reference, plan) : nil,
            inner: subsets.inner.map { rows($0.validation, recipe.columns) })
    }
}
