import Basics
import Cohorts
import ConfigurationFile
import Evaluation
import Execution
import Foundation
import Models
import Onboarding
import Prediction
import Reports
import RunFiles
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// A run records what it was made of, and is evaluated by that, also where its files have changed since.
@Suite(.serialized) struct RunDataTests {
    private let folder: TemporaryFolder
    private var job: SmallJob

    init() throws {
        folder = try TemporaryFolder()
        job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
    }

    private struct Metrics: Decodable {
        struct Cost: Decodable { var reused: Bool }
        var labelTables: [String: String]
        var attributes: String?
        var configuration: String
        var split: String
        var seconds: Double
        var sessions: [Double]
        var cost: [Cost]

        enum CodingKeys: String, CodingKey {
            case attributes, configuration, split, seconds, sessions, cost
            case labelTables = "label_tables"
        }
    }

    private func metrics() throws -> Metrics { try JSONDecoder().decode(Metrics.self, from: job.file("metrics.json")) }

    private func evaluate(
        _ evaluation: ModelEvaluation, part: ModelEvaluation.Part? = nil
    ) throws -> EvaluationOutcome {
        var evaluation = evaluation
        evaluation.evaluation.bootstrap = 0
        if let part { evaluation.part = part }
        return try evaluation.run(ExecutionContext(device: .cpu, threads: 1))
    }

    // MARK: What was parsed is what is recorded

    enum Damage: CaseIterable {
        case edited
        case removed
    }

    @Test(arguments: Damage.allCases) func whatIsRecordedIsWhatWasRead(_ damage: Damage) throws {
        var job = job
        let settings = job.settings
        let attributes = try #require(settings.data.attributes)
        let weights = folder.path + "/begin.safetensors"
        let description = ModelDescription(
            architecture: settings.model.architecture, classes: ["a"], image: settings.image)
        try Folder.make(folder.path + "/begin")
        try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/begin")
        try FileManager.default.moveItem(atPath: folder.path + "/begin/model.safetensors", toPath: weights)
        job.settings.model.weights = weights
        let files = [settings.data.table, attributes, weights]
        let hashes = try files.map { try Digest.sha256(fileAt: $0) }
        var hasBegun = false
        try job.execute(log: { line in
            guard !hasBegun, line.contains("training and") else { return }
            hasBegun = true
            for path in files + [settings.output + "/config.yaml"] {
                unlink(path)
                if damage == .edited { _ = FileManager.default.createFile(atPath: path, contents: Data("x".utf8)) }
            }
        })
        #expect(hasBegun)
        let metrics = try metrics()
        #expect(metrics.labelTables == [files[0]: hashes[0]])
        #expect(metrics.attributes == hashes[1])
        #expect(metrics.configuration == Digest.sha256(ConfigurationWriter.yaml(job.settings)))
        let stage = try #require(
            try FileManager.default.contentsOfDirectory(atPath: settings.output + "/stages").first)
        let record = try String(contentsOfFile: settings.output + "/stages/\(stage)/stage.json", encoding: .utf8)
        #expect(record.contains("\"weights\" : \"" + hashes[2] + "\""))
    }

    @Test func weightsThatAreChangedInPlaceEndTheRun() throws {
        var job = job
        let description = ModelDescription(
            architecture: job.settings.model.architecture, classes: ["a"], image: job.settings.image)
        try Folder.make(folder.path + "/begin")
        try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/begin")
        let weights = folder.path + "/begin/model.safetensors"
        job.settings.model.weights = weights
        let error = foveaError {
            try job.execute(log: { line in
                guard line.contains("training and"), let file = FileHandle(forUpdatingAtPath: weights) else { return }
                _ = try? file.seekToEnd()
                try? file.seek(toOffset: file.offsetInFile - 1)
                try? file.write(contentsOf: Data([7]))
                try? file.close()
            })
        }
        #expect(error?.message.contains("was changed while the run used it") == true, "\(String(describing: error))")
    }

    // MARK: What trained and what validated

    /// More patients at the end of the table.
    private func append(patients: Int) throws -> [String] {
        let table = try CSVTable(path: job.settings.data.table)
        var text = try String(contentsOfFile: job.settings.data.table, encoding: .utf8)
        var images: [String] = []
        for number in 0..<patients {
            let image = "new\(number).png"
            try folder.image(200 + number, to: "phantoms/images/" + image)
            images.append(image)
            text +=
                table.header.map { column in
                    switch column {
                    case "image": image
                    case "patient": "new\(number)"
                    case "split": "train"
                    case "eye": "left"
                    case "age": "50"
                    case "sex": "f"
                    case "normal": "1"
                    default: "0"
                    }
                }.joined(separator: ",") + "\n"
        }
        try AtomicFile.write(text, to: job.settings.data.table)
        return images
    }

    @Test func aRunIsJudgedByWhatItValidated() throws {
        var job = job
        job.settings.data.split.method = .make
        job.settings.data.split.folds = 4
        let made = try job.execute()
        let split = try CSVTable(path: job.settings.output + "/split.csv")
        func images(_ part: String) -> Set<String> {
            Set((0..<split.rowCount).filter { split[$0, 1] == part }.map { split[$0, 0] })
        }
        let (training, validation) = (images("training"), images("validation"))
        #expect(validation.count == made.plainResult.images && training.isDisjoint(with: validation))
        let first = try #require(training.first)
        let row = try #require((0..<split.rowCount).first { split[$0, 0] == first })
        #expect(split[row, 2] == (try Digest.sha256(fileAt: job.settings.data.images + "/" + first)))

        let new = try append(patients: 8)
        let own = try evaluate(ModelEvaluation(run: job.settings.output))
        #expect(Set(own.outcomes?.images ?? []) == validation)
        #expect(own.evaluation.classes == made.plainResult.classes)
        #expect(own.trainedImages == 0 && !own.subject.contains("trained the model"))
        #expect(own.notes.contains { $0.contains("8 images of") && $0.contains(new[0]) }, "\(own.notes)")
        #expect(own.notes.contains { $0.contains("is not the file that the run was made with") }, "\(own.notes)")
        // The plain model of a run is evaluated likewise.
        try FileManager.default.copyItem(
            atPath: job.settings.output + "/model.safetensors", toPath: folder.path + "/model.safetensors")

        // Every other part, and every other way to name the data, is marked.
        for part in [ModelEvaluation.Part.all, .training] {
            let outcome = try evaluate(ModelEvaluation(run: job.settings.output), part: part)
            let count = part == .all ? 80 : training.count
            let mark = "(\(training.count) of these \(count) images trained the model)"
            #expect(outcome.trainedImages == training.count && outcome.subject.hasSuffix(mark), "\(outcome.subject)")
        }
        func requireMark(_ evaluation: ModelEvaluation, renamed: String = "") throws {
            let outcome = try evaluate(evaluation)
            let judged = (outcome.outcomes?.images ?? []).map { String($0.dropFirst(renamed.count)) }
            let both = training.intersection(judged).count
            #expect(both > 0, "the test shows nothing")
            #expect(
                outcome.trainedImages == both && outcome.subject.contains("(\(both) of these"), "\(outcome.subject)")
            #expect(outcome.notes.contains { $0.hasPrefix("\(both) of the") && $0.contains("trained this model") })
            #expect(try outcome.json().contains("\"trained_images\" : \(both)"))
        }
        // A configuration whose folds are made again.
        try requireMark(ModelEvaluation(model: job.settings.output, settings: job.settings))
        // Another seed, requested by hand.
        try requireMark(ModelEvaluation(run: job.settings.output, settings: ["data.split.seed=3"]))
        // A table.
        try requireMark(
            ModelEvaluation(
                model: job.settings.output, table: job.settings.data.table, images: job.settings.data.images))
        // The same photographs under other names, in a folder.
        let other = folder.path + "/other"
        try Folder.make(other)
        var text = ""
        for line in try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n") {
            text += (text.isEmpty ? "" : "x-") + line + "\n"
        }
        try AtomicFile.write(text, to: other + "/labels.csv")
        for name in try FileManager.default.contentsOfDirectory(atPath: job.settings.data.images) {
            try FileManager.default.copyItem(
                atPath: job.settings.data.images + "/" + name, toPath: other + "/x-" + name)
        }
        var evaluation = ModelEvaluation(
            model: job.settings.output, settings: try FirstConfiguration(folder: other).settings)
        evaluation.part = .all
        try requireMark(evaluation, renamed: "x-")

        // Without the run nothing is known, and that is said.
        try FileManager.default.copyItem(
            atPath: job.settings.output + "/config.json", toPath: folder.path + "/config.json")
        let alone = try evaluate(
            ModelEvaluation(model: folder.path, table: job.settings.data.table, images: job.settings.data.images))
        #expect(alone.trainedImages == nil)
        #expect(alone.notes.contains { $0.contains("which images trained this model is not known") })
    }

    @Test func aResumedRunNamesThePhotographsThatChanged() throws {
        try job.execute()
        var said: [String] = []
        let words = "that the results in \(job.settings.output) were made of"
        try job.execute(isResuming: true, log: { said.append($0) })
        #expect(!said.contains { $0.contains(words) }, "\(said)")
        let split = try CSVTable(path: job.settings.output + "/split.csv")
        let image = try #require((0..<split.rowCount).first { split[$0, 1] == "training" }.map { split[$0, 0] })
        try folder.image(77, to: "phantoms/images/" + image)
        try job.execute(isResuming: true, log: { said.append($0) })
        #expect(said.contains { $0.contains("1 image is not the one " + words) && $0.contains(image) }, "\(said)")
    }

    /// Whatever the arithmetic of the training was, in batches of any size, in any order.
    @Test func everyCommandGivesTheSameProbabilities() throws {
        var job = job
        job.settings.training.precision = .bfloat16
        try job.execute()
        let run = job.settings.output
        let context = ExecutionContext(device: .cpu, threads: 1)
        let all = try evaluate(ModelEvaluation(run: run), part: .all)
        let table = try evaluate(
            ModelEvaluation(model: run, table: job.settings.data.table, images: job.settings.data.images))
        #expect(all.precision == .float32 && table.precision == .float32)
        #expect(try table.json().contains("\"precision\" : \"float32\""))
        #expect(table.text(for: Terminal.current()).contains("computed in float32"))
        let expected = try Self.probabilities(#require(all.csv))
        func requireSame(_ csv: String, count: Int) throws {
            let found = try Self.probabilities(csv)
            #expect(found.count == count)
            for (image, values) in found {
                let distance = zip(values, try #require(expected[image])).map { abs($0 - $1) }.max()
                #expect(try #require(distance) < 1e-5, "\(image)")
            }
        }
        try requireSame(#require(table.csv), count: expected.count)
        // What the run wrote.
        try requireSame(String(contentsOfFile: run + "/predictions.csv", encoding: .utf8), count: 32)
        let images = try ImageArguments.expand([job.settings.data.images])
        let model = try InferenceModel(run, context)
        for (batchSize, order) in [(1, images), (7, images), (64, images.reversed())] {
            let prediction = try ModelPrediction(model, images: order, batchSize: batchSize, context)
            #expect(try prediction.json().contains("\"precision\" : \"float32\""))
            #expect(prediction.rows.map(\.image) == order.map(\.name))
            try requireSame(prediction.csv, count: expected.count)
        }
        let fast = try ModelPrediction(InferenceModel(run, precision: .bfloat16, context), images: images, context)
        #expect(fast.precision == .bfloat16 && fast.csv != all.csv)
        var asked = try ModelEvaluation(run: run)
        asked.precision = .bfloat16
        #expect(try evaluate(asked).precision == .bfloat16)
    }

    /// The numbers of a prediction table by image.
    private static func probabilities(_ csv: String) throws -> [String: [Double]] {
        let rows = csv.split(separator: "\n").dropFirst().map { $0.split(separator: ",").map(String.init) }
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (row[0], try row.dropFirst().map { try #require(Double($0)) })
            })
    }

    @Test func imagesThatAreGoneOrChangedAreNamed() throws {
        try job.execute()
        let split = try CSVTable(path: job.settings.output + "/split.csv")
        let validation = (0..<split.rowCount).filter { split[$0, 1] == "validation" }.map { split[$0, 0] }
        try folder.image(77, to: "phantoms/images/" + validation[1])
        let lines = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        let kept = lines.filter { !$0.hasPrefix(validation[0] + ",") }
        try AtomicFile.write(kept.joined(separator: "\n") + "\n", to: job.settings.data.table)
        let outcome = try evaluate(ModelEvaluation(run: job.settings.output))
        #expect(outcome.evaluation.images == validation.count - 1)
        #expect(
            outcome.notes.contains { $0.hasPrefix("1 of the run's 32 validation images") && $0.contains(validation[0]) }
        )
        #expect(outcome.notes.contains { $0.hasPrefix("1 image has other contents") && $0.contains(validation[1]) })

        // The list itself is not to be trusted once it was changed.
        try AtomicFile.write(
            String(contentsOfFile: job.settings.output + "/split.csv", encoding: .utf8)
                .replacing("training", with: "validation"), to: job.settings.output + "/split.csv")
        let error = foveaError { _ = try evaluate(ModelEvaluation(run: job.settings.output)) }
        #expect(error?.kind == .data && error?.message.contains("split.csv") == true)
    }

    @Test func allFoldsMayValidate() throws {
        try job.execute()
        var settings = job.settings
        settings.data.split.method = .make
        settings.data.split.folds = 2
        settings.data.split.validationFolds = [0, 1]
        let folds = try evaluate(ModelEvaluation(model: job.settings.output, settings: settings))
        #expect(folds.evaluation.images == 72 && folds.trainedImages == 40)
        settings.data.split.method = .column
        settings.data.split.training = ["nowhere"]
        let column = try evaluate(ModelEvaluation(model: job.settings.output, settings: settings))
        #expect(column.evaluation.images == 32 && column.trainedImages == 0)
        // To train is another matter.
        var training = job
        training.settings = settings
        training.settings.output += "-2"
        #expect(foveaError { try training.execute() }?.message.contains("nowhere") == true)
    }

    // MARK: Where the files lie

    @Test func aRunFindsItsFilesWhereverItIs() throws {
        func write(_ name: String, _ text: String) throws { try folder.write(text, to: name) }
        try job.execute()
        // Run and data moved together; at the old place something else lies now.
        let (old, new) = (folder.path + "/phantoms", folder.path + "/moved/phantoms")
        try Folder.make(folder.path + "/moved")
        try FileManager.default.copyItem(atPath: old, toPath: new)
        try FileManager.default.moveItem(atPath: job.settings.output, toPath: folder.path + "/moved/run")
        let run = folder.path + "/moved/run"
        let table = try String(contentsOfFile: old + "/labels.csv", encoding: .utf8)
        func resolved() throws -> DataSettings { try RunConfiguration(file: run + "/config.yaml").settings.data }
        #expect(try resolved().table == old + "/labels.csv")
        try AtomicFile.write(table.replacing(",0", with: ",1"), to: old + "/labels.csv")
        var data = try resolved()
        #expect(data.table == new + "/labels.csv" && data.images == new + "/images")
        #expect(data.attributes == old + "/attributes.yaml")
        #expect(try evaluate(ModelEvaluation(run: run)).notes.isEmpty)
        // Neither is what the run read.
        try AtomicFile.write(table.replacing(",1", with: ",0"), to: new + "/labels.csv")
        data = try resolved()
        #expect(data.table == old + "/labels.csv" && data.images == old + "/images")
        let notes = try evaluate(ModelEvaluation(run: run)).notes
        #expect(
            notes.contains { $0.contains("data.table") && $0.contains("is not the file that the run was made with") })
        // Neither is there.
        for place in [old, new] { try FileManager.default.removeItem(atPath: place + "/labels.csv") }
        let error = foveaError { _ = try ModelEvaluation(run: run) }
        #expect(error?.kind == .data)
        for place in [old, new] {
            #expect(error?.message.contains(place + "/labels.csv") == true, "\(String(describing: error))")
        }
        // Another one is named.
        try write("named.csv", table)
        let named = try ModelEvaluation(run: run, settings: ["data.table=" + folder.path + "/named.csv"])
        #expect(try evaluate(named).evaluation.images == 32)
        #expect(foveaError { _ = try RunConfiguration(file: run + "/config.yaml").requireFiles() } != nil)
    }

    // MARK: Stages

    @Test func aStageKeepsTheCurveOfItsOwnValidationImages() throws {
        var job = job
        job.settings.stages = folder.path + "/stages"
        try job.execute()
        func maps(_ job: SmallJob) throws -> [Double?] {
            try HistoryFile(path: job.settings.output + "/history.csv").rows.map(\.validationMAP)
        }
        let first = try maps(job)
        // The same training images; half of the others validate.
        var number = 0
        let lines = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        let table = lines.map { line -> String in
            guard line.contains(",val,") else { return String(line) }
            number += 1
            return (number + 1) / 2 % 2 == 0 ? String(line) : String(line).replacing(",val,", with: ",test,")
        }
        job.settings.data.table = try folder.write(table.joined(separator: "\n") + "\n", to: "half.csv")
        var alone = job
        alone.settings.stages = nil
        alone.settings.output = folder.path + "/alone"
        job.settings.output = folder.path + "/half"
        try job.execute()
        try alone.execute()
        #expect(try maps(job) == maps(alone))
        #expect(try maps(job) != first)
        // Without a curve there is nothing to keep apart.
        job.settings.evaluation.every = 0
        job.settings.output = folder.path + "/half-0"
        try job.execute()
        job.settings.data.table = alone.settings.data.images.replacing("/images", with: "/labels.csv")
        job.settings.output = folder.path + "/whole-0"
        try job.execute()
        #expect(try job.costs().map(\.reused) == [true])
    }

    /// The history then has the epochs of other stages, which is no damage.
    @Test func aReusedStageIsNoReasonToWarnWhereTheDataChanged() throws {
        let table = try String(contentsOfFile: job.settings.data.table, encoding: .utf8)
        try job.execute()
        let first = try HistoryFile(path: job.settings.output + "/history.csv").rows
        let line = try #require(table.split(separator: "\n").first { $0.contains(",train,") })
        try AtomicFile.write(table.replacing(line + "\n", with: ""), to: job.settings.data.table)
        var said: [String] = []
        try job.execute(isResuming: true, log: { said.append($0) })
        try AtomicFile.write(table, to: job.settings.data.table)
        try job.execute(isResuming: true, log: { said.append($0) })
        #expect(try job.costs().map(\.reused) == [true])
        #expect(said.contains { $0.contains("is not the file that the run was made with") }, "\(said)")
        #expect(!said.contains { $0.contains("does not have the") }, "\(said)")
        #expect(try HistoryFile(path: job.settings.output + "/history.csv").rows == first)
    }

    /// A resumed run has its weights by an absolute path, and may have been moved together with them.
    @Test func whereTheWeightsLieDecidesNothing() throws {
        var job = job
        job.settings.stages = folder.path + "/stages"
        let description = ModelDescription(
            architecture: job.settings.model.architecture, classes: ["a"], image: job.settings.image)
        try Folder.make(folder.path + "/begin")
        try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/begin")
        job.settings.model.weights = folder.path + "/begin/model.safetensors"
        try job.execute()
        try FileManager.default.moveItem(atPath: folder.path + "/begin", toPath: folder.path + "/moved")
        job.settings.model.weights = folder.path + "/moved/model.safetensors"
        job.settings.output = folder.path + "/second"
        try job.execute()
        #expect(try job.costs().map(\.reused) == [true])
    }

    enum Harm: CaseIterable {
        case removed
        case emptied
        case alteredHistory
        case alteredKey
        case alteredDescription
    }

    @Test(arguments: Harm.allCases) func aStageWhoseRecordWasHarmedIsRefusedOrTrainedAgain(_ harm: Harm) throws {
        try job.execute()
        let stages = job.settings.output + "/stages"
        let stage = stages + "/" + (try #require(try FileManager.default.contentsOfDirectory(atPath: stages).first))
        let path = stage + "/stage.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        func change(_ path: String, _ change: (String) -> String) throws {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let other = change(text)
            #expect(other != text, "the test shows nothing")
            try AtomicFile.write(other, to: path)
        }
        switch harm {
        case .removed: unlink(path)
        case .emptied: try AtomicFile.write("", to: path)
        case .alteredHistory: try change(path) { $0.replacing(/"seconds" : [0-9.e-]+/, with: "\"seconds\" : 99") }
        case .alteredKey: try change(path) { $0.replacing(/"epochs" : "1"/, with: "\"epochs\" : \"2\"") }
        case .alteredDescription:
            try change(stage + "/config.json") { $0.replacing("\"dropout\" : 0", with: "\"dropout\" : 0.5") }
        }
        var lines: [String] = []
        switch harm {
        case .removed:
            try job.execute(isResuming: true, log: { lines.append($0) })
            #expect(lines.contains { $0.hasPrefix("warning: \(stage) holds a model, but no stage.json") }, "\(lines)")
            #expect(try job.costs().map(\.reused) == [false])
            // Seconds differ.
            #expect(try String(contentsOfFile: path, encoding: .utf8).count > text.count / 2)
        case .emptied, .alteredHistory, .alteredKey, .alteredDescription:
            let error = foveaError { try job.execute(isResuming: true) }
            let file = harm == .alteredDescription ? stage + "/config.json" : path
            #expect(error?.kind == .data && error?.message == "\(file) is not the file that training wrote")
            #expect(error?.remedy?.contains("Delete the folder \(stage)") == true)
            try FileManager.default.removeItem(atPath: stage)
            try job.execute(isResuming: true)
        }
    }

    // MARK: Sessions

    @Test(arguments: ["[[[[", #"[{"started": "", "seconds": -1e300}]"#])
    func damagedSessionsAreBegunAnew(_ text: String) throws {
        try job.execute()
        try AtomicFile.write(text, to: job.settings.output + "/sessions.json")
        var lines: [String] = []
        try job.execute(isResuming: true, log: { lines.append($0) })
        #expect(lines.contains { $0.contains("sessions.json is damaged and started again") }, "\(lines)")
    }

    @Test func theTimeOfAllSessionsIsCounted() throws {
        var job = job
        job.settings.training.epochs = 3
        let history = job.settings.output + "/history.csv"
        #expect(throws: CancellationError.self) {
            try job.execute(shouldStop: { FileManager.default.fileExists(atPath: history) })
        }
        struct Session: Decodable { var seconds: Double }
        let first = try JSONDecoder().decode([Session].self, from: job.file("sessions.json")).map(\.seconds)
        #expect(first.count == 1 && first[0] > 0)
        try job.execute(isResuming: true)
        let metrics = try metrics()
        #expect(metrics.sessions.count == 2 && metrics.sessions[0] == first[0])
        #expect(metrics.seconds == metrics.sessions.reduce(0, +))
        let report = try String(decoding: job.file("report.md"), as: UTF8.self)
        #expect(report.contains(" in 2 sessions"))
    }
}
