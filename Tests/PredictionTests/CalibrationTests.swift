import Backbones
import Basics
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Prediction
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// `fovea calibrate` and what uses its file. How lines are fitted is tested against scipy in `CalibrationFitTests`.
@Suite struct CalibrationTests {
    private let folder: TemporaryFolder
    private var job: SmallJob
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws {
        folder = try TemporaryFolder()
        job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        try job.execute()
    }

    private var run: String { job.settings.output }
    private var path: String { run + "/calibration.json" }

    /// The calibration as it is in the file.
    private struct File: Codable {
        var format: Int
        var weightsSHA256: String
        var slope: [Double]
        var offset: [Double]
        var positives: [Int]
        var classes: [String]

        enum CodingKeys: String, CodingKey {
            case format, slope, offset, positives, classes
            case weightsSHA256 = "weights_sha256"
        }
    }

    private func file() throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    private func error(_ body: () throws -> Void) throws -> FoveaError {
        try #require(throws: FoveaError.self, performing: body)
    }

    @Test func predictAndEvaluateUseIt() throws {
        let images = try ImageArguments.expand([job.settings.data.images])
        let before = try ModelPrediction(InferenceModel(run, context), images: images, context)
        #expect(before.rows.allSatisfy { $0.calibrated == nil })
        #expect(try before.json().contains("\"calibrated\" : null"))

        let fit = try CalibrationFit(ModelEvaluation(run: run), context)
        #expect(fit.path == path)
        let found = try file()
        #expect(found.weightsSHA256 == (try Digest.sha256(fileAt: run + "/model.safetensors")))
        #expect(zip(found.slope, found.offset).contains { $0 != 1 || $1 != 0 })
        // A class that no photograph shows keeps its probabilities.
        let absent = found.positives.indices.filter { found.positives[$0] == 0 }
        #expect(absent.allSatisfy { found.slope[$0] == 1 && found.offset[$0] == 0 })

        let after = try ModelPrediction(InferenceModel(run, context), images: images, context)
        #expect(after.csv == before.csv)
        for row in after.rows {
            let calibrated = try #require(row.calibrated)
            for (column, p) in row.probabilities.enumerated() {
                let logit = log(Double(p) / (1 - Double(p)))
                let expected = 1 / (1 + exp(-(found.slope[column] * logit + found.offset[column])))
                #expect(abs(Double(calibrated[column]) - expected) < 1e-5)
            }
        }
        // The table has no class with enough of the 32 photographs, and says so.
        let text = after.text(for: .init())
        #expect(text.contains("Threshold (calibrated)") && text.contains("Calibrated on fewer than 20 images with the"))
        // On the calibrated probability the thresholds decide the same.
        let rule = try InferenceModel(run, context).rule
        let thresholds = try #require(rule.calibratedThresholds)
        for row in after.rows {
            for (column, threshold) in thresholds.enumerated() {
                guard let threshold, let p = row.calibrated.map({ Double($0[column]) }), abs(p - threshold) > 1e-6
                else {
                    continue
                }
                #expect(rule.isAbove(row, column) == (p > threshold))
            }
        }
        #expect(thresholds.contains { $0 != nil } && thresholds != rule.thresholds)

        let outcome = try ModelEvaluation(run: run).run(context)
        let check = try #require(outcome.calibration)
        #expect(try #require(check.calibrated.logLoss) < #require(check.raw.logLoss))
        let reached = check.points.filter { $0.sensitivity == 0.8 }.compactMap(\.reachedSensitivity)
        #expect(reached.count > 3 && reached.allSatisfy { $0.value >= 0.8 })
        #expect(outcome.text(for: .init()).contains("\n32 of the 32 images fitted the calibration"))
    }

    @Test func anOperatingPointDecides() throws {
        func refusal(_ point: String) -> FoveaError? {
            foveaError { _ = try InferenceModel(run, operatingPoint: point, context) }
        }
        #expect(refusal("sensitivity=0.9")?.message.hasSuffix("has no calibration") == true)
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let wrong = refusal("sensitivity=0.99")
        #expect(wrong?.kind == .configuration && wrong?.remedy?.contains("sensitivity=0.9") == true)

        let check = try #require(try ModelEvaluation(run: run).run(context).calibration)
        let model = try InferenceModel(run, operatingPoint: "sensitivity=0.8", context)
        let images = try ImageArguments.expand([job.settings.data.images])
        let document = try #require(
            JSONSerialization.jsonObject(with: Data(ModelPrediction(model, images: images, context).json().utf8))
                as? [String: Any])
        #expect(document["operating_point"] as? String == "sensitivity=0.8")
        let rows = try #require(document["predictions"] as? [[String: Any]])
        // Counted from what predict says, on the run's validation images.
        let split = try CSVTable(path: run + "/split.csv")
        let validation = Set((0..<split.rowCount).filter { split[$0, 1] == "validation" }.map { split[$0, 0] })
        let table = try CSVTable(path: job.settings.data.table)
        let column = try #require(table.column("drusen"))
        let positive = Set((0..<table.rowCount).filter { table[$0, column] == "1" }.map { table[$0, 0] })
        let above = Set(
            rows.filter { ($0["above_threshold"] as? [String])?.contains("drusen") == true }
                .compactMap { $0["image"] as? String })
        let point = try #require(check.points.first { $0.name == "drusen" && $0.sensitivity == 0.8 })
        let hits = above.intersection(positive).intersection(validation).count
        let alarms = above.subtracting(positive).intersection(validation).count
        #expect(point.reachedSensitivity == Proportion(hits, of: positive.intersection(validation).count))
        #expect(point.reachedPrecision == Proportion(hits, of: hits + alarms))
        let negatives = validation.subtracting(positive).count
        #expect(
            point.reachedNegativePrecision
                == Proportion(negatives - alarms, of: validation.count - hits - alarms))
    }

    @Test func photographsThatTrainedTheModelAreRefused() throws {
        var data = try ModelEvaluation(run: run)
        data.part = .training
        let refusal = try error { _ = try CalibrationFit(data, context) }
        #expect(refusal.kind == .data && refusal.message.hasPrefix("40 of the 40 images"))
        #expect(refusal.remedy?.contains("--allow-training-images") == true)
        // By content, under other names and another table too.
        let other = folder.path + "/other"
        try Folder.make(other)
        let lines = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        try AtomicFile.write(
            lines[0] + "\n" + lines.dropFirst().map { "x" + $0 }.joined(separator: "\n") + "\n",
            to: other + "/labels.csv")
        for name in try FileManager.default.contentsOfDirectory(atPath: job.settings.data.images) {
            try FileManager.default.copyItem(
                atPath: job.settings.data.images + "/" + name, toPath: other + "/x" + name)
        }
        let renamed = try ModelEvaluation(model: run, table: other + "/labels.csv", images: other)
        #expect(try error { _ = try CalibrationFit(renamed, context) }.message.hasPrefix("40 of the 72 images"))
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try CalibrationFit(data, allowsTrainingImages: true, context)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func aCalibrationOfOtherWeightsIsRefused() throws {
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        var other = job
        other.settings.seed = 7
        other.settings.output = folder.path + "/other"
        try other.execute()
        try FileManager.default.copyItem(atPath: path, toPath: other.settings.output + "/calibration.json")
        let refusal = try error { _ = try InferenceModel(other.settings.output, context) }
        #expect(refusal.kind == .data)
        #expect(refusal.message.contains("calibration.json is the calibration of other weights than"))
        // Made again, it is that of these weights.
        _ = try CalibrationFit(ModelEvaluation(run: other.settings.output), context)
        _ = try InferenceModel(other.settings.output, context)
    }

    /// The rows of the job's table, and its header.
    private func table() throws -> (header: String, rows: [String]) {
        let lines = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n").map(
            String.init)
        return (lines[0], Array(lines.dropFirst()))
    }

    /// The model on some rows of the job's table.
    private func evaluation(_ rows: [String]) throws -> ModelEvaluation {
        try AtomicFile.write(
            ([try table().header] + rows).joined(separator: "\n") + "\n", to: folder.path + "/rows.csv")
        return try ModelEvaluation(model: run, table: folder.path + "/rows.csv", images: job.settings.data.images)
    }

    @Test func imagesThatFittedTheCalibrationAreCountedInAnyOrder() throws {
        let rows = try table().rows.filter { !$0.contains(",train,") }
        #expect(rows.count == 32, "the test shows nothing")
        _ = try CalibrationFit(evaluation(Array(rows.prefix(25))), context)
        for (rows, count) in [(rows.reversed(), 25), (Array(rows.prefix(25)).reversed(), 25), (rows.suffix(10), 3)] {
            let outcome = try evaluation(rows).run(context)
            #expect(outcome.calibration?.fittedImages == count)
            #expect(outcome.text(for: .init()).contains("\(count) of the \(rows.count) images fitted the calibration"))
        }
        #expect(!(try evaluation(rows.suffix(7)).run(context).text(for: .init()).contains("fitted the calibration")))
    }

    @Test func whatWasNotCalibratedIsNamed() throws {
        let (header, rows) = try table()
        let columns = header.split(separator: ",").map(String.init)
        let (first, second) = ("drusen", "enlarged_cup")
        let changed = rows.filter { !$0.contains(",train,") }.prefix(12).map { row in
            var cells = row.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            cells[columns.firstIndex(of: first) ?? 0] = "1"
            cells[columns.firstIndex(of: second) ?? 0] = "0"
            return cells.joined(separator: ",")
        }
        // One photograph under two names, with opposite labels.
        let name = String(changed[0].prefix { $0 != "," })
        let file = try #require(
            FileManager.default.contentsOfDirectory(atPath: job.settings.data.images).first { $0.hasPrefix(name) })
        let twin = "twin" + file.dropFirst(name.count)
        try FileManager.default.copyItem(
            atPath: job.settings.data.images + "/" + file, toPath: job.settings.data.images + "/" + twin)
        var cells = changed[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        cells[0] = name == file ? twin : "twin"
        cells[columns.firstIndex(of: "normal") ?? 0] = cells[columns.firstIndex(of: "normal") ?? 0] == "1" ? "0" : "1"
        let fit = try CalibrationFit(evaluation(changed + [cells.joined(separator: ",")]), context)
        let text = try fit.text(for: .init())
        #expect(text.contains("as there is no image without them: \(first).\n"), "\(text)")
        #expect(text.contains(/as no image shows them: [^.]*enlarged_cup/), "\(text)")
        #expect(fit.notes.contains("13 images calibrate hardly anything: 20 or more are needed"), "\(fit.notes)")
        let note = "1 photograph has several names with opposite labels: \(name), \(cells[0]) (normal)"
        #expect(fit.notes.contains(note), "\(fit.notes)")
    }

    @Test func nothingElseIsReplacedByACalibration() throws {
        let other = run + "/calibration.json.12.34.partial"
        try AtomicFile.write("{", to: other)
        try AtomicFile.write("{\"camera\": [1, 2]}\n", to: path)
        let foreign = try error { _ = try CalibrationFit(ModelEvaluation(run: run), context) }
        #expect(foreign.kind == .configuration && foreign.remedy == "Move it away.")
        #expect(
            foreign.message
                == "the calibration \(path) exists and was not written by this command: it would be overwritten")
        unlink(path)
        try Folder.make(path)
        let standing = try error { _ = try CalibrationFit(ModelEvaluation(run: run), context) }
        #expect(standing.kind == .configuration && standing.message == "the calibration \(path) is a folder")
        rmdir(path)
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        // What a killed one left, and a damaged one.
        #expect(!FileManager.default.fileExists(atPath: other))
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try AtomicFile.write(whole.prefix(whole.count / 2), to: path)
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        chmod(path, 0o444)
        let protected = try error { _ = try CalibrationFit(ModelEvaluation(run: run), context) }
        #expect(protected.message.contains("is write-protected"))
        // A table in its place.
        unlink(path)
        try FileManager.default.copyItem(atPath: job.settings.data.table, toPath: path)
        var data = job.settings.data
        data.table = path
        var settings = job.settings
        settings.data = data
        let input = try error { _ = try CalibrationFit(ModelEvaluation(model: run, settings: settings), context) }
        #expect(input.kind == .configuration)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: Data("image".utf8)))
    }

    @Test func aRunWithOtherWeightsSaysThatTheCalibrationDoesNotFit() throws {
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        var lines: [String] = []
        try job.execute(isResuming: true, log: { lines.append($0) })
        #expect(!lines.contains { $0.contains("calibration.json") })
        var other = job
        other.settings.training.rate *= 2
        try other.execute(isResuming: true, log: { lines.append($0) })
        #expect(lines.contains { $0.hasPrefix("warning: \(path) is of other weights") }, "\(lines)")
    }

    @Test func anotherPrecisionIsSaid() throws {
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try AtomicFile.write(text.replacing("\"float32\"", with: "\"bfloat16\""), to: path)
        var lines: [String] = []
        var context = context
        context.logger = .telling { lines.append($0) }
        _ = try InferenceModel(run, context)
        #expect(lines.contains { $0.contains("calibration.json was fitted in bfloat16") }, "\(lines)")
    }

    @Test func aDamagedCalibrationIsNamed() throws {
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let whole = try String(contentsOfFile: path, encoding: .utf8)
        var found = try file()
        found.slope[1] = -1
        let slopes = try JSONSerialization.jsonObject(with: JSONEncoder().encode(found)) as? [String: Any]
        var document = try #require(JSONSerialization.jsonObject(with: Data(whole.utf8)) as? [String: Any])
        document["slope"] = slopes?["slope"]
        let negative = String(
            decoding: try JSONSerialization.data(withJSONObject: document, options: .sortedKeys), as: UTF8.self)
        document["slope"] = [1.0]
        let short = String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
        func with(_ change: (inout [String: Any]) -> Void) throws -> String {
            var document = try #require(JSONSerialization.jsonObject(with: Data(whole.utf8)) as? [String: Any])
            change(&document)
            return String(decoding: try JSONSerialization.data(withJSONObject: document), as: UTF8.self)
        }
        func with(point: Any, for key: String) throws -> String {
            try with {
                var points = $0["points"] as? [String: [String: Any]] ?? [:]
                points["sensitivity"]?[key] = (0..<found.classes.count).map { _ in point }
                $0["points"] = points
            }
        }
        func with(_ key: String, first value: Any) throws -> String {
            try with {
                var list = $0[key] as? [Any] ?? []
                list[0] = value
                $0[key] = list
            }
        }
        for (text, words) in [
            (try with(point: 2, for: "0.9"), "points has the threshold 2.0"),
            (try with(point: -0.1, for: "0.9"), "points has the threshold -0.1"),
            (try with(point: 0.5, for: "abc"), "points has the key \"abc\""),
            (try with(point: 0.5, for: "7"), "points has the key \"7\""),
            (try with("positives", first: -3), "each of positives"),
            (try with("slope", first: 1e308), "slope has 1e+308"),
            (try with("offset", first: -1e308), "offset has -1e+308"),
            (try with("classes", first: "x"), "the model has"),
            (try with { $0["classes"] = Array(found.classes.reversed()) }, "in another order"),
            (try with { $0["precision"] = "float7" }, "precision: found \"float7\"; allowed: float32, bfloat16"),
            (
                whole.replacing(/"offset" : \[\s*[^,\s]+/, with: "\"offset\" : [1e-400"),
                "a number of magnitude at least 2.2"
            ),
            ("", "is not a calibration"), (String(whole.prefix(whole.count / 2)), "is not a calibration"),
            ("{}", "is not a calibration"), (negative, "slopes must be above 0"), (short, "must have"),
            (whole.replacing("\"format\" : 1", with: "\"format\" : 9"), "has format 9"),
        ] {
            try AtomicFile.write(text, to: path)
            let refusal = try error { _ = try InferenceModel(run, context) }
            #expect(refusal.kind == .data && refusal.message.contains(words), "\(refusal)")
            #expect(refusal.message.hasPrefix(path))
        }
    }

    @Test func aSingleLabelModelIsCalibratedClassByClass() throws {
        let table = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        let header = table[0].split(separator: ",").map(String.init)
        let first = try #require(header.firstIndex(of: "normal"))
        // Each image has the class of its first finding.
        let rows = table.dropFirst().map { line in
            var cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            let own = (first..<cells.count).first { cells[$0] == "1" } ?? first
            for column in first..<cells.count where ["0", "1"].contains(cells[column]) {
                cells[column] = column == own ? "1" : "0"
            }
            return cells.joined(separator: ",")
        }
        var single = job
        single.settings.data.table = folder.path + "/single.csv"
        single.settings.data.labels = .single
        single.settings.output = folder.path + "/single"
        try AtomicFile.write(([String(table[0])] + rows).joined(separator: "\n") + "\n", to: single.settings.data.table)
        try single.execute()
        _ = try CalibrationFit(ModelEvaluation(run: single.settings.output), context)
        let check = try #require(try ModelEvaluation(run: single.settings.output).run(context).calibration)
        #expect(try #require(check.calibrated.logLoss) <= #require(check.raw.logLoss))
    }

    /// The training images of this model are plain ones: it refuses none such, and says nothing of their kind.
    @Test func limitsOfQualityComeFromTheCalibration() throws {
        var plain = job
        plain.settings.data.images = folder.path + "/plain"
        plain.settings.output = folder.path + "/plain-run"
        let names = try ImageArguments.expand([job.settings.data.images]).map(\.name)
        for (number, name) in names.enumerated() { try folder.image(number, to: "plain/" + name) }
        try plain.execute()
        _ = try CalibrationFit(ModelEvaluation(run: plain.settings.output), context)
        let file = plain.settings.output + "/calibration.json"
        func predict(changing changes: [String: Double] = [:]) throws -> ModelPrediction {
            var content = try #require(
                try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file))) as? [String: Any])
            var quality = try #require(content["quality"] as? [String: Any])
            for (key, value) in changes { #expect(quality.updateValue(value, forKey: key) != nil) }
            content["quality"] = quality
            try JSONSerialization.data(withJSONObject: content).write(to: URL(fileURLWithPath: file))
            return try ModelPrediction(
                InferenceModel(plain.settings.output, context),
                images: ImageArguments.expand([plain.settings.data.images]), context)
        }
        let own = try predict()
        #expect(own.rows.count == names.count && own.failures.isEmpty)
        #expect(own.poorQuality?.contains("not a fundus photograph") != true)
        #expect(try predict(changing: ["minimum_brightness": 0.9]).poorQuality?.contains("\(names.count) dark") == true)
        let refused = try predict(changing: ["not_fundus": 0])
        #expect(refused.rows.isEmpty && refused.failures.count == names.count)
    }

    /// The familiarity is written first, then the calibration, and then what was there before is removed.
    @Test func aKilledCalibrationLeavesAWholeOne() throws {
        func names() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: run).filter { $0.hasPrefix("familiarity") })
        }
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let own = try names()
        let name = try #require(own.first)
        let file = try Data(contentsOf: URL(fileURLWithPath: run + "/" + name))
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        // Killed before the calibration was written.
        let features = try InferenceModel(run, context).featureCount
        var random = SeededRandom(seed: 1)
        let other = try Familiarity(fitting: (0..<20 * features).map { _ in Float(random.uniform()) }, count: 20)
            .save(to: run, weights: ModelBundle.weightsHash(in: run))
        #expect(try InferenceModel(run, context).familiarity != nil && names().count == 2)
        // Killed before the earlier one was removed, under the name that earlier versions gave it.
        try FileManager.default.copyItem(
            atPath: run + "/" + Familiarity.fileName(other), toPath: run + "/familiarity.safetensors")
        #expect(try InferenceModel(run, context).familiarity != nil)
        let mine = "familiarity-0123456789abcdef.safetensors"
        try AtomicFile.write("mine", to: run + "/" + mine)
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        #expect(try names() == own.union([mine]) && Data(contentsOf: URL(fileURLWithPath: path)) == whole)
        #expect(try Data(contentsOf: URL(fileURLWithPath: run + "/" + name)) == file)
        // A model that was copied without it.
        unlink(run + "/" + name)
        let missing = try error { _ = try ModelEvaluation(run: run).run(context) }
        #expect(missing.kind == .data && missing.message.contains(name))
    }

    @Test func imagesUnlikeTheTrainingImagesAreNamed() throws {
        // After one epoch of the smallest network, features are the same for every image but for rounding.
        var trained = job
        trained.settings.model.architecture = .resnet18
        trained.settings.training.epochs = 4
        trained.settings.output = folder.path + "/trained"
        try trained.execute()
        let run = trained.settings.output
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let images = try ImageArguments.expand([job.settings.data.images])
        let model = try InferenceModel(run, takesAnyImage: true, context)
        let own = try ModelPrediction(model, images: images, context)
        let shares = own.rows.compactMap(\.familiarity)
        #expect(shares.count == images.count)
        #expect(shares.filter { $0 > 0.05 }.count > images.count / 2)
        // Stripes of pure colours: nothing that the model has seen.
        let stripes = try PixelImage(
            width: 64, height: 64, bytes: (0..<64 * 64 * 3).map { $0 / 24 % 3 == $0 % 3 ? 255 : 0 })
        try folder.write(stripes.png(), to: "strange.png")
        let strange = try ModelPrediction(
            model, images: ImageArguments.expand([folder.path + "/strange.png"]), context)
        #expect(
            try #require(strange.rows[0].familiarity) < 0.01,
            "\(String(describing: strange.rows[0].familiarity)) \(shares)")
        #expect(strange.unfamiliar?.hasSuffix("so the probabilities mean little: strange.png") == true)
        #expect(try strange.json().contains("\"familiarity\" : 0"))

        // Without its run, a model has no training images to learn from, and that is said.
        let alone = folder.path + "/alone"
        try Folder.make(alone)
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(atPath: run + "/" + name, toPath: alone + "/" + name)
        }
        let fit = try CalibrationFit(
            ModelEvaluation(model: alone, table: job.settings.data.table, images: job.settings.data.images), context)
        #expect(fit.notes.contains { $0.hasPrefix("familiarity was not learnt") })
        #expect(try ModelPrediction(InferenceModel(alone, context), images: images, context).rows[0].familiarity == nil)
    }
}
