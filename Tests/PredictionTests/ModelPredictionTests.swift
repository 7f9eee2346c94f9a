import Backbones
import Basics
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import NN
import Prediction
import Reports
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

/// A model with random weights evaluated and used in every way that the command line offers.
struct ModelPredictionTests {
    private let folder: TemporaryFolder
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws {
        folder = try TemporaryFolder()
        ProgressReporter.isSilent = true
        try Engine.seed(1)
        var description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["A", "B"], image: ImageSettings(resolution: 32, crop: .none),
            thresholds: [0.5, nil], trainingImages: [120, 3])
        description.thresholds = [0, nil]
        try FileManager.default.createDirectory(atPath: folder.path + "/model", withIntermediateDirectories: true)
        try ModelBundle(description, try description.makeClassifier()).save(to: folder.path + "/model")
        var table = "image,A,extra\n"
        for k in 0..<9 {
            try folder.image(k, to: "images/\(k).png")
            table += "\(k).png,\(k % 2),\(1 - k % 2)\n"
        }
        try folder.write(table, to: "labels.csv")
    }

    private var model: String { folder.path + "/model" }

    /// What `prepare` writes is what `predict` computes with, for a model of one image of each photograph or several.
    @Test(arguments: [false, true])
    func preparedImagesAreThoseThatArePredicted(_ withRegion: Bool) throws {
        if withRegion {
            let region = ModelRegion(
                name: "disc", window: ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25), classes: ["B"])
            let description = ModelDescription(
                architecture: .mobilenetv1Short, classes: ["A", "B"], image: ImageSettings(resolution: 32, crop: .none),
                regions: [region])
            try ModelBundle(description, try description.makeClassifier()).save(to: model)
        }
        let broken = try folder.write("no image", to: "broken.jpg")
        let images = try ImageArguments.expand([broken, folder.path + "/images"])
        let inference = try InferenceModel(model, takesAnyImage: true, context)
        let prediction = try ModelPrediction(inference, images: images, context)
        var told: [String] = []
        let output = folder.path + "/prepared"
        let prepared = try PreparedImages(images, for: inference, in: output, context) { told.append($0.image) }
        #expect(told == ["broken.jpg"] && prepared.failures.map(\.image) == told)
        #expect(prepared.shape == (withRegion ? [9, 2 * 32 * 32 * 3] : [9, 32, 32, 3]))

        let file = try Data(contentsOf: URL(fileURLWithPath: output + "/images.npy"))
        let pixels = Array(file.dropFirst(128))
        let sides = withRegion ? "(9, 6144, )" : "(9, 32, 32, 3, )"
        #expect(
            String(decoding: file[10..<128], as: UTF8.self).contains("'|u1', 'fortran_order': False, 'shape': \(sides)")
        )
        let rows = try inference.answers(pixels, count: 9).map(\.probabilities)
        #expect(rows == prediction.rows.map(\.probabilities))
        let table = try CSVTable(path: output + "/images.csv")
        #expect((0..<table.rowCount).map { table[$0, 0] } == prediction.rows.map(\.image))
        #expect((1...4).map { table[0, $0] } == ["0.0", "0.0", "1.0", "1.0"])
    }

    @Test func unreadableImagesAreNamedAndTheOthersPredicted() throws {
        let broken = try folder.write("no image", to: "broken.jpg")
        let images = try ImageArguments.expand([folder.path + "/images", broken, folder.path + "/none.png"])
        var told: [String] = []
        // Batches that are full, mixed and partial.
        let prediction = try ModelPrediction(
            InferenceModel(model, takesAnyImage: true, context), images: images, batchSize: 4, context
        ) {
            told.append($0.image)
        }
        #expect(prediction.rows.map(\.image) == (0..<9).map { "\($0).png" })
        #expect(told == ["broken.jpg", "none.png"])
        #expect(prediction.failures.map(\.image) == told)
        #expect(prediction.failures[1].reason.contains("no such file"))
        #expect(prediction.rows.allSatisfy { $0.probabilities.allSatisfy { (0...1).contains($0) } })
        let alone = try ModelPrediction(
            InferenceModel(model, takesAnyImage: true, context), images: Array(images[6...6]), context)
        for (one, other) in zip(alone.rows[0].probabilities, prediction.rows[6].probabilities) {
            #expect(abs(one - other) < 1e-2)
        }
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(prediction.json().utf8)) as? [String: Any])
        #expect((document["predictions"] as? [[String: Any]])?.count == 9)
        #expect((document["unreadable"] as? [[String: Any]])?.count == 2)
        let first = try #require((document["predictions"] as? [[String: Any]])?.first)
        // A has the threshold 0, which everything reaches; B has none.
        #expect(first["above_threshold"] as? [String] == ["A"])
        let table = prediction.table(limit: 1)
        #expect(table.rows.count >= 9)
    }

    @Test func classesHaveTheirNamesAndNormalIsNotAFinding() throws {
        var description = try ModelBundle.description(in: model)
        description.classes = ["healthy", "DR"]
        description.classLabels = ["No disease", "Retinopathy"]
        description.normalClass = "healthy"
        description.thresholds = [0, 0]
        try JSONFormat.encoded(description).write(to: URL(fileURLWithPath: model + "/config.json"))
        let maps = try MapFolder(folder.path + "/maps")
        let prediction = try ModelPrediction(
            InferenceModel(model, takesAnyImage: true, context),
            images: ImageArguments.expand([folder.path + "/images/1.png"]), maps: maps, context)
        let text = prediction.text(for: .init())
        #expect(text.contains("Retinopathy") && !text.contains("DR"), "\(text)")
        #expect(text.contains(/No disease .* not a finding/), "\(text)")
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(prediction.json().utf8)) as? [String: Any])
        #expect((document["predictions"] as? [[String: Any]])?[0]["above_threshold"] as? [String] == ["DR"])
        #expect(document["class_labels"] as? [String] == ["No disease", "Retinopathy"])
        #expect(document["normal_class"] as? String == "healthy")
        // Maps are those of findings, and these have one place.
        #expect(maps.count == 1 && maps.note?.contains("1 x 1 cells, too few") == true)
    }

    /// Weights that are finite, and so large that their sums overflow.
    private func overflow() throws {
        let bundle = try ModelBundle.load(from: model)
        let last = try #require(bundle.classifier.namedParameters.first { $0.name == "blocks.4.0.bn2.bias" })
        try Autograd.withoutGrad {
            try last.parameter.value.fill(1)
            try bundle.classifier.head.weight.value.fill(3e38)
            try bundle.classifier.head.bias?.value.fill(0)
        }
        try bundle.save(to: model)
    }

    /// A number that means nothing is never shown as a probability.
    @Test func outputsThatAreNotFiniteNameTheirImages() throws {
        try overflow()
        let images = try ImageArguments.expand([folder.path + "/images"])
        let prediction = try ModelPrediction(
            InferenceModel(model, takesAnyImage: true, context), images: images, batchSize: 4, context)
        #expect(prediction.rows.isEmpty && prediction.nonFinite.count == 9)
        let error = foveaError { try prediction.requireFinite() }
        #expect(error?.kind == .numerical)
        #expect(error?.message.contains("NaN or infinite for \(prediction.nonFinite.count) of 9 images: ") == true)
        #expect(prediction.nonFinite.allSatisfy { error?.message.contains($0) == true })
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(prediction.json().utf8)) as? [String: Any])
        #expect(document["non_finite"] as? [String] == prediction.nonFinite)
        #expect(!prediction.csv.contains("nan") && !prediction.csv.contains("inf"))

        let evaluation = try ModelEvaluation(model: model, table: folder.path + "/labels.csv", images: folder.path)
        let refusal = foveaError { _ = try evaluation.run(context) }
        #expect(refusal?.kind == .numerical)
        #expect(prediction.nonFinite.allSatisfy { refusal?.message.contains($0) == true })
    }

    @Test func evaluationOfAModelAndOfItsPredictionsAgree() throws {
        var evaluation = try ModelEvaluation(model: model, table: folder.path + "/labels.csv", images: folder.path)
        evaluation.evaluation.bootstrap = 0
        let outcome = try evaluation.run(context)
        #expect(outcome.evaluation.images == 9)
        #expect(outcome.evaluation.classes.map(\.trainingImages) == [120, 3])
        #expect(outcome.evaluation.classes.map(\.unknown) == [0, 9])
        #expect(outcome.notes.contains { $0.contains("no labels for B") })
        let csv = try #require(outcome.csv)
        try folder.write(csv, to: "predictions.csv")
        let lines = csv.split(separator: "\n").map { $0.split(separator: ",").prefix(2).joined(separator: ",") }
        var again = PredictionEvaluation(
            predictions: [try folder.write(lines.joined(separator: "\n") + "\n", to: "only-a.csv")],
            labels: folder.path + "/labels.csv")
        again.settings.bootstrap = 0
        again.thresholds = try folder.write("A: 0", to: "thresholds.yaml")
        let other = try again.run(threads: 1).evaluation.classes[0]
        #expect(other.averagePrecision == outcome.evaluation.classes[0].averagePrecision)
        #expect(other.rocAUC == outcome.evaluation.classes[0].rocAUC)
        #expect(other.f1 == outcome.evaluation.classes[0].f1)
    }

    @Test func nearSynonymsOfAModelAreJudgedAsOne() throws {
        var evaluation = try ModelEvaluation(model: model, table: folder.path + "/labels.csv", images: folder.path)
        evaluation.evaluation.bootstrap = 0
        evaluation.merge = try folder.write("merge: {either: [A, B]}", to: "merge.yaml")
        let refusal = foveaError { _ = try evaluation.run(context) }
        #expect(refusal?.message.contains("has no labels for B, so no image could be negative for \"either\"") == true)
        evaluation.merge = try folder.write("merge: {either: [A, C]}", to: "merge.yaml")
        #expect(foveaError { _ = try evaluation.run(context) }?.message.contains("no such class") == true)

        let rows = (0..<9).map { "\($0).png,\($0 % 2),\($0 == 4 ? 1 : 0)\n" }
        let table = try folder.write("image,A,B\n" + rows.joined(), to: "both.csv")
        evaluation = try ModelEvaluation(model: model, table: table, images: folder.path)
        evaluation.evaluation.bootstrap = 0
        let apart = try evaluation.run(context)
        evaluation.merge = try folder.write("merge: {either: [A, B]}", to: "merge.yaml")
        let together = try evaluation.run(context)
        #expect(together.evaluation.classes.map(\.name) == ["either"])
        #expect(together.evaluation.classes[0].positives == 5 && together.evaluation.classes[0].trainingImages == 123)
        #expect(together.evaluation.classes[0].threshold == nil)
        // The model's own probabilities are written as they are.
        #expect(together.csv == apart.csv)
    }

    @Test func imagesForEvaluationAreNeverLeftOut() throws {
        try folder.write("no image", to: "images/3.png")
        let evaluation = try ModelEvaluation(model: model, table: folder.path + "/labels.csv", images: folder.path)
        let error = foveaError { _ = try evaluation.run(context) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("3.png") == true)
    }

    @Test func aBundleAloneNamesNoData() {
        let error = foveaError { _ = try ModelEvaluation.configuration(ofRun: model) }
        #expect(error?.remedy?.contains("--labels") == true)
        #expect(InferenceModel.folder("run/model.safetensors") == "run")
        #expect(InferenceModel.folder("run") == "run")
    }

    @Test func anEmptyPathIsRefused() {
        #expect(foveaError { _ = try ImageArguments.expand([""]) }?.message == "the path of an image is empty")
    }

    @Test func foldersAreSearchedForEveryFormat() throws {
        for name in ["a.webp", "b.TIFF", "c.jpeg", "d.gif", "e.txt"] { try folder.write("any", to: "formats/" + name) }
        let images = try ImageArguments.expand([folder.path + "/formats"])
        #expect(images.map(\.name) == ["a.webp", "b.TIFF", "c.jpeg", "d.gif"])
    }

    @Test func imagesAreFoundByContentHoweverDeepAndCalled() throws {
        let deep = "all/" + (1...12).map { "\($0)" }.joined(separator: "/")
        for name in ["all/a.jfif", "all/b", "all/c.csv", "all/d.dat", deep + "/e.png"] {
            try folder.image(name.count, to: name)
        }
        try folder.write("GIF89a", to: "all/f.bin")
        for (name, bytes) in [
            ("g", [0xFF, 0xD8, 0xFF, 0xE0]), ("h", [0x49, 0x49, 42, 0]), ("i", [0x4D, 0x4D, 0, 42]),
        ] as [(String, [UInt8])] {
            try folder.write(Data(bytes), to: "all/" + name)
        }
        try folder.write(Data("RIFF    WEBPVP8 ".utf8), to: "all/j.x")
        try folder.write("text", to: "all/notes.txt")
        try folder.write("RIFF    WAVEfmt ", to: "all/sound")
        try folder.write("", to: "all/empty")
        try folder.write("image,A", to: "all/labels.csv")
        var told: [String] = []
        let images = try ImageArguments.expand([folder.path + "/all"]) { told.append($0) }
        let below = deep.dropFirst(4) + "/e.png"
        #expect(images.map(\.name) == [String(below), "a.jfif", "b", "c.csv", "d.dat", "f.bin", "g", "h", "i", "j.x"])
        #expect(told.count == 1 && told[0].hasPrefix("skipped: 4 files that are not images: "), "\(told)")
        for name in ["notes.txt", "sound", "empty", "labels.csv"] { #expect(told[0].contains("all/" + name)) }
        #expect(
            try ModelPrediction(
                InferenceModel(model, takesAnyImage: true, context), images: Array(images[0...4]), context
            ).failures.isEmpty)
    }

    @Test func eachFileIsTakenOnceAndLinksEnd() throws {
        let place = folder.path + "/linked"
        try folder.image(1, to: "linked/inner/a.png")
        try folder.image(2, to: "linked/b.png")
        let files = FileManager.default
        try files.createSymbolicLink(atPath: place + "/inner/up", withDestinationPath: "..")
        try files.createSymbolicLink(atPath: place + "/0.png", withDestinationPath: "b.png")
        try files.createSymbolicLink(atPath: place + "/gone.png", withDestinationPath: "nowhere")
        try files.createSymbolicLink(atPath: place + "/self.png", withDestinationPath: "self.png")
        try files.linkItem(atPath: place + "/b.png", toPath: place + "/c.png")
        #expect(mkfifo(place + "/pipe.png", 0o600) == 0)
        try folder.image(3, to: "linked/.hidden.png")
        try folder.image(4, to: "linked/run/plots/p.png")
        try folder.write("{}", to: "linked/run/metrics.json")
        var told: [String] = []
        let images = try ImageArguments.expand([place, place + "/./b.png"]) { told.append($0) }
        // The name that is not a link is kept; of two hard links the first.
        #expect(images.map(\.name) == ["b.png", "inner/a.png"])
        for words in [
            "1 link to a folder", "2 links that lead nowhere", "1 hidden file", "1 folder of a run", "1 pipe",
        ] { #expect(told.contains { $0.hasPrefix("skipped: " + words) }, "\(told)") }
        #expect(told.contains { $0.hasPrefix("skipped: 3 other names of files") }, "\(told)")
    }

    @Test func aFolderThatCannotBeEnteredIsNamed() throws {
        let place = folder.path + "/closed"
        try folder.image(1, to: "closed/a.png")
        // Root may enter any folder but one whose path is too long.
        let name = String(repeating: "d", count: 250)
        var folders = [open(place, O_RDONLY)]
        for depth in 0..<17 {
            #expect(mkdirat(folders[depth], name, 0o700) == 0)
            folders.append(openat(folders[depth], name, O_RDONLY))
        }
        defer {
            for folder in folders.reversed() {
                unlinkat(folder, name, AT_REMOVEDIR)
                close(folder)
            }
        }
        var told: [String] = []
        let images = try ImageArguments.expand([place]) { told.append($0) }
        #expect(images.map(\.name) == ["a.png"])
        #expect(
            told.count == 1 && told[0].contains("cannot be opened") && told[0].contains("File name too long"), "\(told)"
        )
        if geteuid() != 0 {
            try folder.image(2, to: "closed/secret/b.png")
            chmod(place + "/secret", 0)
            defer { chmod(place + "/secret", 0o700) }
            told = []
            #expect(try ImageArguments.expand([place]) { told.append($0) }.count == 1)
            #expect(told.contains { $0.contains("1 folder that cannot be entered") && $0.contains("secret") })
        }
    }

    @Test func namesAreShortWhileTheyDiffer() throws {
        try folder.image(1, to: "more/0.png")
        let short = try ImageArguments.expand([folder.path + "/images/", folder.path + "/images/1.png"])
        #expect(short.map(\.name) == (0..<9).map { "\($0).png" })
        let long = try ImageArguments.expand([folder.path + "/images", folder.path + "/more"])
        #expect(long.last?.name == folder.path + "/more/0.png")
        #expect(foveaError { _ = try ImageArguments.expand([folder.path + "/model"]) }?.kind == .data)
    }
}
