import Backbones
import Cohorts
import Experiments
import Testing

@Suite struct RunCheckTests {
    /// 12 training images of three classes; 1 for validation.
    private func storedBytes(_ change: (inout DistillationSettings) -> Void) throws -> Int {
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
        return try RunCheck(
            settings: settings, cohort: cohort, attributes: nil,
            split: Split("s", training: Array(0..<12), validation: [12], of: cohort)
        ).storedBytes()
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
