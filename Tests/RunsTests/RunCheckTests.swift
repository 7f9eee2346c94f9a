import Backbones
import Cohorts
import FundusImaging
import Runs
import Settings
import Testing
import Training

@Suite struct RunCheckTests {
    /// 12 training images of three classes; 1 for validation.
    private func check(_ more: (inout RunSettings) -> Void = { _ in }, _ change: (inout DistillationSettings) -> Void)
        throws -> RunCheck
    {
        let photographs = (0..<13).map { Photograph(image: "\($0)", path: "/nowhere/\($0)") }
        let cohort = try Cohort(
            classes: ["a", "b", "c"], photographs: photographs,
            labels: (0..<13).flatMap { row in (0..<3).map { row % 3 == $0 ? 1 : 0 } })
        var settings = RunSettings()
        settings.image.resolution = 32
        settings.model.architecture = .mobilenetv1Short
        var distillation = DistillationSettings()
        distillation.grouping = "single"
        distillation.views = 5
        change(&distillation)
        settings.distillation = distillation
        more(&settings)
        return try RunCheck(
            settings: settings, cohort: cohort, attributes: nil,
            split: Split("s", training: Array(0..<12), validation: [12], of: cohort))
    }

    @Test func whatTakesLessIsWhatTheRunHas() throws {
        var plain = RunSettings()
        plain.distillation = nil
        var distilled = plain
        distilled.distillation = DistillationSettings()
        #expect(!RunCheck.remedy([plain]).contains("distillation") && RunCheck.remedy([plain]).contains("keep_last"))
        #expect(RunCheck.remedy([plain, distilled]).contains("fewer distillation.views"))
    }

    private func storedBytes(_ change: (inout DistillationSettings) -> Void) throws -> Int {
        try check({ _ in }, change).storedBytes()
    }

    @Test func checkpointsAreCountedAtTheirMost() throws {
        func bytes(_ change: (inout RunSettings) -> Void) throws -> Int {
            try check(change, { _ in }).checkpointBytes()
        }
        let plain = try check({ $0.distillation = nil }, { _ in })
        let model = try plain.storedBytes()
        // No momentum: weights alone. Ten epochs: two that are kept, one that is written, one before a failed step.
        func sgd(_ settings: inout RunSettings) {
            settings.distillation = nil
            (settings.training.optimizer, settings.training.momentum) = (.sgd, 0)
        }
        #expect(try bytes(sgd) == 4 * model)
        #expect(
            try bytes {
                sgd(&$0); $0.checkpoints.keepLast = 5
            } == 7 * model)
        // There are no more than ten epochs.
        #expect(
            try bytes {
                sgd(&$0); $0.checkpoints.keepLast = 5000
            } == 12 * model)
        #expect(
            try bytes {
                sgd(&$0); $0.checkpoints.everyEpochs = 0
            } == 3 * model)
        #expect(
            try bytes {
                sgd(&$0); $0.checkpoints.keepBest = 3
            } == 7 * model)
        #expect(
            try bytes {
                sgd(&$0); $0.training.averageDecay = 0.9
            } == 8 * model)
        // Moments are of weights that are trained.
        let moments =
            try bytes {
                sgd(&$0); $0.training.momentum = 0.9
            } - 4 * model
        #expect(moments > 2 * model && moments <= 4 * model)
        #expect(try bytes { $0.distillation = nil } == 4 * model + 2 * moments)
        // The best of one training stay while the next is trained.
        let all = try bytes {
            sgd(&$0); $0.checkpoints.keepBest = 2; $0.distillation = DistillationSettings()
            $0.distillation?.grouping = "single"; $0.distillation?.teachers.epochs = 10
        }
        #expect(all == (2 + 2 + 6) * model)
    }

    @Test func featuresAreCountedWithTheBank() throws {
        let without = try storedBytes { _ in }
        // One teacher, 12 images, 5 views, 1,024 features of two bytes.
        #expect(try storedBytes { $0.featureLambda = 0.1 } - without == 12 * 5 * 1024 * 2)
        #expect(try storedBytes { $0.views = 7 } - without == 12 * 2 * 3 * 2)
    }

    @Test func clustersThatAreNotKnownYetAreCounted() throws {
        let single = try storedBytes { _ in }
        let model = try storedBytes { $0.grouping = "single*2" } - single - 12 * 5 * 3 * 2
        #expect(
            try storedBytes {
                $0.grouping = "learned"; $0.learnedSubsets = 2
            } == single + model)
        // There are three classes, so never more than three clusters.
        #expect(
            try storedBytes {
                $0.grouping = "learned"; $0.learnedSubsets = 9
            } == single + 2 * model)
        #expect(
            try storedBytes {
                $0.grouping = "learned+random:learned"; $0.learnedSubsets = 9
            }
                == single + 5 * model + 12 * 5 * 3 * 2)
    }
}
