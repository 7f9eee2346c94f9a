import Backbones
import Basics
import Comparisons
import ConfigurationFile
import Distillation
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Phantoms
import Prediction
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// What stops a run stops it before anything is trained, is named in the message, and leaves the folder free.
@Suite(.serialized) struct MainJobProblemTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func settings(
        _ changes: (inout RunSettings) -> Void = { _ in }, drawing: (inout PhantomSettings) -> Void = { _ in }
    ) throws -> RunSettings {
        var settings = try SmallJob(in: folder.path, drawing: drawing).settings
        changes(&settings)
        return settings
    }

    @discardableResult
    private func execute(
        _ settings: RunSettings, log: @escaping (String) -> Void = { _ in }
    ) throws -> RunOutcome {
        try SmallJob(settings).execute(log: log)
    }

    /// The error of a run whose folder must be as free as before.
    private func refusal(_ settings: RunSettings) -> FoveaError? {
        let error = foveaError { _ = try execute(settings) }
        let stages = (try? FileManager.default.contentsOfDirectory(atPath: settings.output + "/stages")) ?? []
        #expect(stages.isEmpty, "something was trained")
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/config.yaml"))
        return error
    }

    @Test func whatCanBeKnownIsSaidBeforeAnythingIsTrained() throws {
        let settings = try self.settings()
        func error(_ change: (inout RunSettings) -> Void) -> String {
            var changed = settings
            change(&changed)
            return refusal(changed)?.description ?? ""
        }
        let misspelt = error { $0.distillation?.grouping = "regoin" }
        #expect(misspelt.contains("did you mean \"region\""))
        let withoutAttributes = error { $0.data.attributes = nil }
        #expect(withoutAttributes.contains("region"))
        let nowhere = error { $0.data.split.validation = ["nowhere"] }
        #expect(nowhere.contains("nowhere"))
        let alone = error {
            $0.data.classes = ["normal", "drusen", "enlarged_cup"]
            $0.distillation?.teachers.negatives.rule = .drop
        }
        #expect(alone.contains("region-macula") && alone.contains("negatives drop"))
        let weights = folder.path + "/other.safetensors"
        try ModelBundle(
            ModelDescription(architecture: .resnet18, classes: ["a"], image: settings.image),
            ModelDescription(architecture: .resnet18, classes: ["a"], image: settings.image)
                .makeClassifier()
        ).save(to: folder.path)
        try FileManager.default.moveItem(atPath: folder.path + "/model.safetensors", toPath: weights)
        let foreign = error { $0.model.weights = weights }
        #expect(foreign.contains(weights))
        #expect(foreign.contains("holds weights of resnet18, and model.architecture is mobilenetv1_100_short"))
        // The same folder takes the run once the mistake is fixed.
        #expect(try execute(settings).studentResult != nil)
    }

    @Test func unreadableImagesAreNamed() throws {
        let settings = try self.settings { $0.distillation = nil }
        let table = try CSVTable(path: settings.data.table)
        let columns = try ["image", "split"].map { try #require(table.header.firstIndex(of: $0)) }
        func spoilFirst(_ split: String, with bytes: String) throws -> String {
            let row = try #require((0..<table.rowCount).first { table[$0, columns[1]] == split })
            let image = table[row, columns[0]]
            try Data(bytes.utf8).write(to: URL(fileURLWithPath: settings.data.images + "/" + image))
            return image
        }
        let training = try spoilFirst("train", with: "no image")
        let error = refusal(settings)
        #expect(error?.kind == .data && error?.message.contains("1 image cannot be used") == true)
        #expect(error?.message.contains(training) == true)
        var skipping = settings
        skipping.data.unreadable = .skip
        var said: [String] = []
        let outcome = try execute(skipping) { said.append($0) }
        #expect(
            said.contains {
                $0.contains("left out of training because they cannot be decoded") && $0.contains(training)
            }, "\(said)")
        #expect(said.contains { $0.contains("39 training and 32 validation images") }, "\(said)")
        #expect(outcome.plainResult.images == 32)
        // In evaluation an image is never left out.
        let validation = try spoilFirst("val", with: "")
        skipping.output += "-2"
        let other = refusal(skipping)
        #expect(other?.message.contains(validation) == true && other?.message.contains(training) == false)
        #expect(other?.remedy?.contains("never left out") == true)
    }

    /// The plan of a dry run is that of the run, which left out what it could not decode.
    @Test func theDryRunKnowsWhatTheCacheKnowsAsUnreadable() throws {
        let settings = try self.settings {
            $0.distillation = nil
            $0.data.unreadable = .skip
        }
        let table = try CSVTable(path: settings.data.table)
        let columns = try ["image", "split"].map { try #require(table.header.firstIndex(of: $0)) }
        let training = (0..<table.rowCount).filter { table[$0, columns[1]] == "train" }.map { table[$0, columns[0]] }
        for (image, text) in zip(training, ["no picture", ""]) {
            try Data(text.utf8).write(to: URL(fileURLWithPath: settings.data.images + "/" + image))
        }
        // A file that was just written is not remembered: it could change again within the same tick.
        usleep(2_200_000)
        try execute(settings)
        func forecast() throws -> String {
            try Run(settings, ExecutionContext(device: .cpu, threads: 1, isResuming: true)).forecast().table().csv()
        }
        let before = try forecast()
        #expect(before.contains("0 of 1 to do"), "\(before)")
        // So is that of a comparison, which finds the run's stages.
        var comparison = try ComparisonSettings(ofOneCell: settings, in: folder, output: "comparison")
        comparison.stages = settings.output + "/stages"
        let cells = try Comparison(comparison, ExecutionContext(device: .cpu, threads: 1)).forecast().table()
        guard case .count(let images?) = cells.rows[0][2] else { throw CancellationError() }
        #expect(images == 0, "\(cells.csv())")
        try folder.image(5, to: "phantoms/images/" + training[0])
        let after = try forecast()
        #expect(after.contains("1 of 1 to do"), "\(after)")
    }

    @Test func eachModelKeepsItsOwnThresholds() throws {
        let settings = try self.settings()
        let outcome = try execute(settings)
        let plain = try ModelBundle.load(from: settings.output + "/plain").description.thresholds
        let student = try ModelBundle.load(from: settings.output).description.thresholds
        #expect(plain == outcome.plainResult.classes.map(\.threshold))
        #expect(student == outcome.studentResult?.classes.map(\.threshold))
        #expect(plain != student)
    }

    /// In a process of its own, since the engine's random numbers belong to the whole process.
    @Test func aBankOfFewViewsLimitsThePlainModelToo() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var job = try SmallJob(in: folder.path)
            job.settings.distillation?.views = 1
            job.settings.training.epochs = 2
            let plain = try job.execute().plainResult
            func alone(views: Int) throws -> EvaluationResult {
                var alone = job
                alone.settings.distillation = nil
                alone.settings.augmentation.views = views
                alone.settings.output += "-\(views)"
                return try alone.execute().plainResult
            }
            #expect(try alone(views: 1).classes == plain.classes)
            #expect(try alone(views: 0).classes != plain.classes)
        }
    }

    @Test func singleLabelDataAreTrainedAndDistilled() throws {
        var settings = try self.settings()
        // One class per image, by the first finding; `never` has no positive anywhere.
        let table = try CSVTable(path: settings.data.table)
        func column(_ name: String) throws -> Int { try #require(table.header.firstIndex(of: name)) }
        let (drusen, cup, split) = (try column("drusen"), try column("enlarged_cup"), try column("split"))
        var text = "image,split,drusen,cup,other,never\n"
        for row in 0..<table.rowCount {
            let labels =
                table[row, drusen] == "1" ? "1,0,0,0" : table[row, cup] == "1" ? "0,1,0,0" : "0,0,1,0"
            text += "\(table[row, 0]),\(table[row, split]),\(labels)\n"
        }
        settings.data.table = try folder.write(text, to: "single.csv")
        settings.data.attributes = try folder.write(
            """
            classes:
              - {id: drusen, name: Drusen, region: [macula]}
              - {id: cup, name: Cup, region: [disc]}
              - {id: other, name: Other, region: [macula]}
              - {id: never, name: Never, region: [macula]}
            """, to: "single.yaml")
        settings.data.labels = .single
        nonisolated(unsafe) var said: [String] = []
        let outcome = try execute(settings) { said.append($0) }
        #expect(said.contains { $0.contains("region-disc is left out: it has one class, cup") }, "\(said)")
        #expect(said.contains { $0.contains("teacher 1 of 1, region-macula: 2 classes") })
        #expect(outcome.studentResult?.classes.last?.averagePrecision.value == nil)
        func requireProbabilities(_ output: String) throws {
            let predictions = try CSVTable(path: output + "/predictions.csv")
            for row in 0..<predictions.rowCount {
                let probabilities = (1...4).compactMap { Double(predictions[row, $0]) }
                #expect(abs(probabilities.reduce(0, +) - 1) < 1e-5 && probabilities[3] == 0)
            }
        }
        try requireProbabilities(settings.output)
        // Second stages and mixed images too.
        settings.stages = folder.path + "/stages"
        settings.technique.mixing.kind = .cutmix
        settings.distillation?.onlySubsetImages = true
        for name in SecondStageSettings.Name.allCases.dropFirst() {
            settings.technique.second.name = name
            settings.technique.second.epochs = 1
            settings.output = folder.path + "/single-\(name)"
            try execute(settings)
            try requireProbabilities(settings.output)
        }
    }

    @Test func rowsWithoutAnImageAreNamed() throws {
        let settings = try self.settings {
            $0.distillation = nil
            $0.data.missing = .skip
        }
        try FileManager.default.removeItem(atPath: settings.data.images + "/p0001_left.jpg")
        nonisolated(unsafe) var said: [String] = []
        try execute(settings) { said.append($0) }
        #expect(
            said.contains { $0.hasPrefix("warning: 1 row is left out") && $0.contains("p0001_left.jpg") }, "\(said)")
    }

    @Test func teachersAreInTheMetrics() throws {
        let settings = try self.settings()
        try execute(settings)
        let data = try Data(contentsOf: URL(fileURLWithPath: settings.output + "/metrics.json"))
        let metrics = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let teachers = try #require(metrics["teachers"] as? [[String: Any]])
        #expect(teachers.compactMap { $0["subset"] as? String }.sorted() == ["region-disc", "region-macula"])
        let classes = teachers.flatMap { $0["classes"] as? [[String: Any]] ?? [] }
        #expect(classes.count == 4 && classes.allSatisfy { $0["average_precision"] is Double })
    }

    @Test func anUnfinishedRunSaysSo() throws {
        try folder.write("seed: 0\n", to: "half/config.yaml")
        let error = foveaError { _ = try ModelBundle.load(from: folder.path + "/half") }
        #expect(error?.message.contains("is not finished") == true)
        #expect(error?.remedy?.contains("--resume") == true)
    }

    @Test func imagesThatTrainedTheModelAreCounted() throws {
        let settings = try self.settings { $0.distillation = nil }
        try execute(settings)
        var evaluation = try ModelEvaluation(
            model: settings.output, table: settings.data.table, images: settings.data.images)
        evaluation.evaluation.bootstrap = 0
        let notes = try evaluation.run(ExecutionContext(device: .cpu, threads: 1)).notes
        #expect(notes.contains { $0.contains("40 of the 72 images trained this model") }, "\(notes)")
    }

    /// Labels without anything to see: what a recogniser then scores is chance.
    @Test func phantomsWithoutTheirFindingsScoreAtChance() throws {
        let settings = try self.settings {
            $0.distillation = nil
            $0.training.epochs = 3
            $0.evaluation.bootstrap = 300
        } drawing: {
            $0.trainingPatients = 60
            $0.validationPatients = 100
            $0.minimumValidationPositives = 20
            $0.drawFindings = false
        }
        let result = try execute(settings).plainResult
        let mean = try #require(result.groups.all.rocAUC.fixedSet)
        #expect(mean.classes == 5)
        #expect(abs(mean.mean - 0.5) < 0.06, "\(mean)")
        #expect(mean.interval.high - mean.interval.low < 0.2, "too wide to say anything: \(mean)")
    }
}
