import Basics
import Cohorts
import Distillation
import Evaluation
import Execution
import Foundation
import FundusImaging
import Onboarding
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// The grouping `learned` in a run.
@Suite(.serialized) struct LearnedGroupingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Metrics: Decodable {
        struct Teacher: Decodable {
            struct Entry: Decodable { var name: String }
            var subset: String
            var classes: [Entry]
        }
        var teachers: [Teacher]
    }

    @Test func itsSubsetsAreTaughtAndTold() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.stages = folder.path + "/stages"
        job.settings.distillation?.grouping = "learned+shot+random:learned"
        job.settings.distillation?.learnedSubsets = 2
        var lines: [String] = []
        let outcome = try job.execute(log: { lines.append($0) })
        #expect(outcome.studentResult != nil)
        let teachers = try JSONDecoder().decode(Metrics.self, from: job.file("metrics.json")).teachers
        let learned = teachers.filter { $0.subset.hasPrefix("learned-") }
        #expect(learned.map(\.subset) == ["learned-1", "learned-2"])
        // Every class with a positive is in one of them.
        let names = learned.flatMap { $0.classes.map(\.name) }
        let trained = outcome.plainResult.classes.filter { ($0.trainingImages ?? 0) > 0 }.map(\.name)
        #expect(names.sorted() == trained.sorted())
        #expect(teachers.contains { $0.subset.hasPrefix("shot-") })
        #expect(teachers.count { $0.subset.hasPrefix("random-learned-") } == 2)
        // Markdown needs backslashes before underscores.
        let report = try String(contentsOfFile: job.settings.output + "/report.md", encoding: .utf8)
            .replacing("\\", with: "")
        for teacher in learned {
            let text = "\(teacher.subset) is \(teacher.classes.map(\.name).joined(separator: ", "))"
            #expect(lines.contains { $0.contains(text) }, "\(text)")
            #expect(report.contains(text), "\(text)")
        }

        // Other clusters are other teachers; the plain model stays.
        job.settings.distillation?.learnedSubsets = 1
        job.settings.distillation?.grouping = "learned"
        job.settings.output = folder.path + "/one"
        try job.execute()
        let one = try JSONDecoder().decode(Metrics.self, from: job.file("metrics.json")).teachers
        #expect(one.map { $0.classes.map(\.name) } == [trained])
    }

    @Test func aClusterThatNoTeacherCanLearnStopsNothing() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.grouping = "learned+single"
        job.settings.distillation?.learnedSubsets = 100
        job.settings.distillation?.teachers.negatives.rule = .drop
        var lines: [String] = []
        try job.execute(log: { lines.append($0) })
        #expect(lines.contains { $0.contains("is left out") && $0.contains("is known to be without") })
    }

    @Test func whatCanBeKnownBeforeIsCheckedBefore() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.grouping = "learned+regoin"
        let error = foveaError { try job.execute() }
        #expect(error?.description.contains("did you mean \"region\"?") == true)
        #expect(!FileManager.default.fileExists(atPath: job.settings.output))
    }

    @Test func anInspectionSaysThatARunLearnsIt() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.grouping = "learned+shot"
        let context = ExecutionContext(device: .cpu, threads: 1)
        let inspection = try DatasetInspection(job.settings).run(context)
        #expect(inspection.warnings.contains { $0.contains("learned+shot is learnt by a run") })
    }
}
