import Foundation
import FundusImaging
import Phantoms
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing

/// What presets, and a student with epochs of its own, come to in the cost of a run.
@Suite(.serialized) struct PresetTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func sum(_ costs: [SmallJob.Cost]) -> Double { costs.reduce(0) { $0 + $1.equivalents } }

    @Test func fastCostsTwiceThePlainModelAndAFurtherStudentHardlyMoreThanOnce() throws {
        var job = try SmallJob(in: folder.path) { phantoms in
            // A finding in each of the five regions.
            phantoms.prevalence = [
                .drusen: 0.3, .enlargedCup: 0.2, .mediaHaze: 0.2, .tessellation: 0.2, .tortuousVessels: 0.2,
            ]
        }
        job.settings.distillation = DistillationSettings(preset: .fast)
        job.settings.training.epochs = 10
        job.settings.evaluation.every = 0
        job.settings.stages = folder.path + "/stages"
        try job.execute()
        let costs = try job.costs()
        #expect(costs.count { $0.stage.hasPrefix("teacher ") } == 5)
        // 40 images: each teacher sees them once, and is evaluated on five views of each.
        #expect(costs.allSatisfy { !$0.stage.hasPrefix("teacher ") || $0.images == 40 })
        #expect(costs.first { $0.stage == "view bank" }?.views == 5 * 5 * 40)
        let plain = try #require(costs.first { $0.stage == "plain" })
        let whole = sum(costs.filter { $0.stage != "plain" })
        #expect(whole <= 2.5 * plain.equivalents, "\(whole / plain.equivalents)")

        job.settings.distillation?.temperature = 4
        job.settings.output = folder.path + "/further"
        try job.execute()
        let further = sum(try job.costs().filter { !$0.reused })
        #expect(further > 0 && further <= 1.1 * plain.equivalents, "\(further / plain.equivalents)")
    }

    @Test func aStudentMayHaveOtherEpochsThanThePlainModel() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.epochs = 3
        job.settings.distillation?.views = 0
        job.settings.distillation?.grouping = "single"
        try job.execute()
        let costs = try job.costs()
        // 40 images in batches of 16, of which an epoch takes the whole ones.
        #expect(costs.first { $0.stage == "plain" }?.images == 32)
        #expect(costs.first { $0.stage == "student" }?.images == 3 * 32)
        // A view of each image for each epoch of the student.
        #expect(costs.first { $0.stage == "view bank" }?.views == 3 * 40)
    }

    @Test func lfmeRuns() throws {
        var job = try SmallJob(in: folder.path)
        var lfme = DistillationSettings(preset: .lfme)
        lfme.views = 1
        lfme.teachers.epochs = 1
        lfme.teachers.minimumSteps = 1
        job.settings.distillation = lfme
        job.settings.evaluation.medium = 10
        job.settings.evaluation.many = 12
        let outcome = try job.execute()
        #expect(outcome.studentResult != nil)
        #expect(try job.costs().contains { $0.stage.hasPrefix("teacher shot-") })
    }
}

extension SmallJob.Cost {
    /// In trained images: a view that only passes forward costs about 0.21 of one (docs/results.md, Cost).
    fileprivate var equivalents: Double { Double(images) + 0.21 * Double(views) }
}
