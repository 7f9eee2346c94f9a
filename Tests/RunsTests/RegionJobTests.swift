import Basics
import Distillation
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Prediction
import Reports
import RunFiles
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// Runs whose teachers look where the region is: windows of the photograph, at a resolution of their own.
@Suite(.serialized) struct RegionJobTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Phantoms have findings of disc and macula alone.
    private func job(_ student: StudentStart = .none) throws -> SmallJob {
        var job = try SmallJob(in: folder.path)
        job.settings.regions = RegionSettings()
        job.settings.distillation?.student = student
        job.settings.distillation?.teachers.image = ImageSettings(resolution: 48, crop: .none)
        return job
    }

    private func scores(_ csv: String) throws -> [[Float]] {
        let table = try CSVTable(path: csv)
        return try (0..<table.rowCount).map { row in
            try (1..<table.header.count).map { try #require(Float(table[row, $0])) }
        }
    }

    @Test func aCommitteeIsOneModelForEveryCommand() throws {
        let job = try job()
        let outcome = try job.execute()
        #expect(outcome.summary(for: .init()).contains("Committee minus plain"))
        let costs = try job.costs().map(\.stage)
        #expect(costs == ["plain", "teacher region-macula", "teacher region-disc"])
        let run = job.settings.output
        let model = try ModelBundle.load(from: run).description
        #expect(model.members?.map(\.name) == ["region-macula", "region-disc"])
        #expect(model.otherImages.map(\.resolution) == [48, 48])
        #expect(model.otherImages.map(\.window?.x) == [0.631, 0.25])
        #expect(try ModelBundle.load(from: run + "/plain").description.members == nil)

        // Evaluating finds the eyes in the table, as the run did.
        let context = ExecutionContext(device: .cpu, threads: 1)
        let evaluated = try ModelEvaluation(run: run).run(context)
        let table = try folder.write(#require(evaluated.csv), to: "again.csv")
        let (own, again) = (try scores(run + "/predictions.csv"), try scores(table))
        #expect(own.count == again.count)
        for (one, other) in zip(own.joined(), again.joined()) { #expect(abs(one - other) < 1e-5) }

        // Predicting estimates them from the photographs.
        let images = try ImageArguments.expand([job.settings.data.images])
        let predicted = try ModelPrediction(InferenceModel(run, takesAnyImage: true, context), images: images, context)
        #expect(predicted.failures.isEmpty && predicted.rows.count == images.count)
    }

    @Test func aStudentLearnsFromTeachersWithImagesOfTheirOwn() throws {
        let job = try job(.plain)
        let outcome = try job.execute()
        #expect(outcome.studentResult != nil)
        let model = try ModelBundle.load(from: job.settings.output).description
        #expect(model.members == nil && model.image == job.settings.image)
        let stages = job.settings.output + "/stages/"
        let teacher = try #require(
            try FileManager.default.contentsOfDirectory(atPath: stages).first { $0.hasPrefix("teacher-region-disc") })
        let image = try ModelBundle.load(from: stages + teacher).description.image
        #expect(image.resolution == 48 && image.window == ImageWindow(x: 0.25, y: 0.475, halfSide: 0.25))
    }

    /// A student that sees the windows itself, of teachers that see one each.
    @Test func oneTrunkMaySeeAllWindows() throws {
        var job = try job(.plain)
        job.settings.regions?.shared = true
        job.settings.distillation?.teachers.initialization = .pretrained
        let outcome = try job.execute()
        #expect(outcome.studentResult != nil)
        let run = job.settings.output
        for folder in [run, run + "/plain"] {
            let model = try ModelBundle.load(from: folder).description
            #expect(
                model.regions?.map(\.name) == ["disc", "macula"] && model.otherImages.map(\.resolution) == [32, 32])
        }
        let context = ExecutionContext(device: .cpu, threads: 1)
        let table = try folder.write(#require(ModelEvaluation(run: run).run(context).csv), to: "again.csv")
        let (own, again) = (try scores(run + "/predictions.csv"), try scores(table))
        for (one, other) in zip(own.joined(), again.joined()) { #expect(abs(one - other) < 1e-5) }
    }

    @Test func stagesAreSharedWhereTheyAreTheSame() throws {
        var job = try job()
        job.settings.stages = folder.path + "/stages"
        try job.execute()
        func reused(_ name: String, _ change: (inout RunSettings) -> Void) throws -> [String] {
            var other = SmallJob(job.settings)
            other.settings.output = folder.path + "/" + name
            change(&other.settings)
            try other.execute()
            return try other.costs().filter(\.reused).map(\.stage)
        }
        // Another window changes the teacher that has it, and no other stage.
        let moved = try reused("moved") { $0.regions?.windows[1].area.x = 0.6 }
        #expect(moved == ["plain", "teacher region-disc"])
        #expect(try reused("whole") { $0.regions = nil } == ["plain"])
    }

    /// Windows then lie on the wrong side, in training and in evaluation, and `predict` sees others.
    @Test(arguments: [true, false]) func exchangedEyesAreNoticed(_ areExchanged: Bool) throws {
        var job = try job()
        var table = try String(contentsOfFile: job.settings.data.table, encoding: .utf8)
        if areExchanged {
            table = table.replacing(",left,", with: ",x,").replacing(",right,", with: ",left,")
                .replacing(",x,", with: ",right,")
        }
        job.settings.data.table = try folder.write(table, to: "labels.csv")
        var log: [String] = []
        try job.execute(log: { log.append($0) })
        #expect(log.contains { $0.contains("if left and right are exchanged in the table") } == areExchanged, "\(log)")
        let context = ExecutionContext(device: .cpu, threads: 1)
        let outcome = try ModelEvaluation(run: job.settings.output).run(context)
        let eyes = try #require(outcome.eyes)
        #expect(eyes.compared == outcome.outcomes?.images.count)
        #expect((eyes.agreeing < eyes.compared / 2) == areExchanged, "\(eyes)")
        let note = "gives the other eye, and so other probabilities, for about \(eyes.compared - eyes.agreeing) of"
        #expect(outcome.notes.contains { $0.contains(note) } == (eyes.agreeing < eyes.compared))
        #expect(try outcome.json().contains("\"agreeing\" : \(eyes.agreeing)"))
    }

    /// Teachers see images that are decoded after those of the plain model.
    @Test(arguments: [true, false]) func photographsThatChangeBeforeTheTeachersEndTheRun(_ haveWindows: Bool) throws {
        var job = try job()
        if !haveWindows { job.settings.regions = nil }
        let images = try ImageArguments.expand([job.settings.data.images]).map(\.path)
        let first = try Data(contentsOf: URL(fileURLWithPath: images[0]))
        let error = foveaError {
            try job.execute(log: { line in
                guard line.hasPrefix("teacher 1 of") else { return }
                for path in images { try? first.write(to: URL(fileURLWithPath: path)) }
            })
        }
        #expect(error?.kind == .data)
        #expect(
            error?.message.contains("changed while the image cache was in use") == true, "\(String(describing: error))")
        let stages = job.settings.output + "/stages"
        let finished = try FileManager.default.contentsOfDirectory(atPath: stages).filter {
            FileManager.default.fileExists(atPath: "\(stages)/\($0)/stage.json")
        }
        #expect(finished.count == 1 && finished[0].hasPrefix("plain-"), "\(finished)")
    }

    @Test func anEyeThatIsNeitherLeftNorRightIsRefusedBeforeAnythingIsDecoded() throws {
        var job = try job()
        let table = try String(contentsOfFile: job.settings.data.table, encoding: .utf8)
        job.settings.data.table = try folder.write(table.replacing(",left,", with: ",links,"), to: "labels.csv")
        let error = try #require(throws: FoveaError.self) { try job.execute() }
        #expect(error.kind == .data && error.message.contains("has the eye \"links\""))
        #expect(!FileManager.default.fileExists(atPath: job.settings.output))
        // Without windows nobody asks which eye it is.
        job.settings.regions = nil
        #expect(throws: Never.self) { try job.execute() }
    }

    @Test func aTeacherWithoutAWindowIsRefusedBeforeAnythingIsDecoded() throws {
        var job = try job()
        job.settings.regions?.windows.removeLast()
        let error = try #require(throws: FoveaError.self) { try job.execute() }
        #expect(error.message.contains("no window for the teachers of region-macula"))
        #expect(!FileManager.default.fileExists(atPath: job.settings.output))
        job.settings.regions?.others = .skip
        try job.execute()
        #expect(try ModelBundle.load(from: job.settings.output).description.members?.count == 1)
    }
}
