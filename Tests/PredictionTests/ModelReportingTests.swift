import Basics
import Evaluation
import Execution
import Foundation
import Prediction
import Reports
import RunFiles
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

/// `fovea report` on a small run. How the page looks is tested in `ModelReportTests`.
@Suite struct ModelReportingTests {
    private let folder: TemporaryFolder
    private let job: SmallJob
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws {
        folder = try TemporaryFolder()
        job = try SmallJob(in: folder.path)
        try job.execute()
    }

    private var run: String { job.settings.output }

    private func document() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: job.file("report.json")) as? [String: Any])
    }

    private func error() throws -> FoveaError {
        try #require(throws: FoveaError.self) { try ModelReporting(run: run, context).write() }
    }

    @Test func thePageHoldsTheNumbersOfTheRun() throws {
        let files = try Set(FileManager.default.contentsOfDirectory(atPath: run))
        let paths = try ModelReporting(run: run, context).write()
        #expect(paths == ["report.html", "report.json", "model-card.md"].map { run + "/" + $0 })
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: run)).subtracting(files).count == 3)
        let document = try document()
        let metrics = try #require(try JSONSerialization.jsonObject(with: job.file("metrics.json")) as? [String: Any])
        for key in ["plain", "student", "difference", "teachers", "cost"] {
            let texts = try [document, metrics].map { file in
                try JSONSerialization.data(withJSONObject: try #require(file[key]), options: .sortedKeys)
            }
            #expect(texts[0] == texts[1], "\(key)")
        }
        let page = String(decoding: try job.file("report.html"), as: UTF8.self)
        #expect(page.utf8.count < 2_000_000)
        let result = try RunMetrics.read(run + "/metrics.json").best
        #expect(page.contains(NumberFormat.fixed(result.groups.all.averagePrecision.mean)))
        #expect(page.contains("data:image/jpeg;base64,"))
        // No folder of this machine but in the commands.
        let upToCommands = page.components(separatedBy: "<pre>")[0]
        #expect(!upToCommands.contains(folder.path))
        let subgroups = try #require(document["subgroups"] as? [[String: Any]])
        #expect(Set(subgroups.compactMap { $0["column"] as? String }).isSuperset(of: ["eye", "sex"]))
        // Again, over what it wrote itself.
        _ = try ModelReporting(run: run, context).write()
    }

    @Test func aCalibrationIsShown() throws {
        _ = try ModelReporting(run: run, context).write()
        #expect(try document()["calibration"] == nil)
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        _ = try ModelReporting(run: run, context).write()
        let calibration = try #require(try document()["calibration"] as? [String: Any])
        #expect(try #require(calibration["fitted_images"] as? Int) > 0)
        // What evaluate says, which computes the probabilities again.
        let check = try #require(try ModelEvaluation(run: run).run(context).calibration)
        let calibrated = try #require(calibration["calibrated"] as? [String: Double])
        #expect(abs(try #require(calibrated["log_loss"]) - (try #require(check.calibrated.logLoss))) < 1e-5)
        let page = String(decoding: try job.file("report.html"), as: UTF8.self)
        #expect(page.contains("What the thresholds reach") && page.contains("student, calibrated"))
    }

    @Test func whatCannotBeReportedIsNamed() throws {
        let table = job.settings.data.table
        let labels = try String(contentsOfFile: table, encoding: .utf8)
        try FileManager.default.moveItem(atPath: table, toPath: table + ".away")
        #expect(try error().kind == .data)
        #expect(try error().message.contains(table))

        // Other labels than those that the run was evaluated with.
        var lines = labels.split(separator: "\n").map(String.init)
        let last = try #require(lines.last)
        lines[lines.count - 1] = String(last.dropLast()) + (last.hasSuffix("1") ? "0" : "1")
        try lines.joined(separator: "\n").write(toFile: table, atomically: true, encoding: .utf8)
        #expect(try error().message.contains("has other labels than those that the run"))
        try labels.write(toFile: table, atomically: true, encoding: .utf8)

        try "mine".write(toFile: run + "/report.html", atomically: true, encoding: .utf8)
        #expect(try error().message.contains("was not written by `fovea report`"))
        #expect(!FileManager.default.fileExists(atPath: run + "/report.json"))
        try FileManager.default.removeItem(atPath: run + "/report.html")

        try (labels + "x").write(toFile: run + "/predictions.csv", atomically: true, encoding: .utf8)
        #expect(try error().message.contains("predictions.csv is not the file that the run wrote"))
        try FileManager.default.removeItem(atPath: run + "/metrics.json")
        #expect(try error().message.contains("is not finished"))
        try FileManager.default.removeItem(atPath: run + "/config.yaml")
        #expect(try error().message.contains("is not a run folder"))
    }

    @Test func whatWasChangedInTheRunIsNamed() throws {
        for name in ["config.yaml", "config.json", "history.csv"] {
            let text = String(decoding: try job.file(name), as: UTF8.self)
            let digit = try #require(text.lastIndex { $0.isNumber })
            var changed = text
            changed.replaceSubrange(digit...digit, with: text[digit] == "1" ? "2" : "1")
            try AtomicFile.write(changed, to: run + "/" + name)
            let error = try error()
            #expect(error.kind == .data && error.message == "\(run)/\(name) is not the file that the run wrote")
            #expect(error.remedy?.contains("fovea train --resume \(run)") == true)
            try AtomicFile.write(text, to: run + "/" + name)
        }
        let metrics = try job.file("metrics.json")
        for damaged in [Data(), metrics.prefix(metrics.count / 2), Data("{}".utf8)] {
            try AtomicFile.write(damaged, to: run + "/metrics.json")
            #expect(
                try error().remedy == "Write it again with `fovea train --resume \(run)`, or copy the run folder again."
            )
        }
        // As advised.
        unlink(run + "/history.csv")
        let costs = try job.execute(isResuming: true)
        #expect(try job.costs().allSatisfy(\.reused), "\(costs)")
        _ = try ModelReporting(run: run, context).write()
        #expect(try !HistoryFile(path: run + "/history.csv").rows.isEmpty)
    }

    @Test func aModelCardThatWasChangedIsLeftAsItIs() throws {
        _ = try ModelReporting(run: run, context).write()
        let card = run + "/model-card.md"
        let written = String(decoding: try job.file("model-card.md"), as: UTF8.self)
        let changed = written.replacing("license: other", with: "license: mit")
        try AtomicFile.write(changed, to: card)
        var lines: [String] = []
        var context = context
        context.logger = .telling { lines.append($0) }
        let paths = try ModelReporting(run: run, context).write()
        #expect(paths == ["report.html", "report.json"].map { run + "/" + $0 })
        #expect(lines.contains { $0.hasPrefix("warning: \(card) is not as `fovea report` wrote it") }, "\(lines)")
        // The run itself leaves it too.
        try job.execute(isResuming: true)
        #expect(String(decoding: try job.file("model-card.md"), as: UTF8.self) == changed)
        unlink(card)
        #expect(try ModelReporting(run: run + "/", context).write().last == card)
        #expect(String(decoding: try job.file("model-card.md"), as: UTF8.self).contains("\n# run\n"))
    }

    @Test func aRunWithOtherWeightsKeepsNoReportOfTheOld() throws {
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let paths = try ModelReporting(run: run, context).write()
        #expect(try document()["calibration"] != nil)
        var other = job
        other.settings.training.rate *= 2
        try other.execute(isResuming: true)
        #expect(!paths.contains(where: FileManager.default.fileExists))
        let reporting = try ModelReporting(run: run, context)
        #expect(reporting.notes.contains { $0.contains("calibration.json is of other weights") }, "\(reporting.notes)")
        #expect(try reporting.write() == paths)
        #expect(try document()["calibration"] == nil)
        #expect(try #require(try document()["notes"] as? [String]) == reporting.notes)
    }

    @Test func resultsOfAPartOfAComparisonSayWhatWritesTheirPage() throws {
        for (name, options) in [
            ("folds-0-2", " --folds 0 2"), ("merged", " --merge FILE"), ("folds-1-merged", " --folds 1 --merge FILE"),
        ] {
            let part = folder.path + "/compared/" + name
            try Folder.make(part)
            try ComparisonFolder.acceptReport(part)
            let error = try #require(throws: FoveaError.self) { try ModelReporting(run: part + "/", context) }
            let command = "fovea compare \(folder.path)/compared/comparison.yaml --report\(options)"
            #expect(error.remedy?.contains("`\(command)`") == true, "\(error)")
        }
    }

    @Test func theWorstMistakesHaveTheMapsOfTheModel() throws {
        _ = try ModelReporting(run: run, context).write()
        var document = try document()
        #expect(document["maps_missing"] is NSNull)
        let mistakes = try ["missed", "false_alarms"].flatMap { try #require(document[$0] as? [[String: Any]]) }
        #expect(mistakes.allSatisfy { $0["name"] as? String != "normal" }, "normal is not a finding")
        let mistake = try #require(mistakes.first)
        let map = try #require(mistake["map"] as? [String: Any])
        let values = try #require(map["values"] as? [Double])
        #expect(map["exact"] as? Bool == true && map["left"] as? Double == 0 && map["width"] as? Double == 1)

        // The mean of an exact map plus the head's bias is the logit: what differs between two images is no bias.
        let other = try #require(
            mistakes.first {
                $0["name"] as? String == mistake["name"] as? String
                    && $0["image"] as? String != mistake["image"] as? String
            })
        func logit(_ entry: [String: Any]) throws -> Double {
            let p = try #require(entry["probability"] as? Double)
            return log(p / (1 - p))
        }
        let others = try #require((other["map"] as? [String: Any])?["values"] as? [Double])
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        #expect(abs(mean(values) - mean(others) - (try logit(mistake) - logit(other))) < 1e-3)

        // Without the weights that made the predictions the page is whole and says so.
        try FileManager.default.removeItem(atPath: run + "/model.safetensors")
        _ = try ModelReporting(run: run, context).write()
        document = try self.document()
        let without =
            try #require(document["missed"] as? [[String: Any]]) + #require(
                document["false_alarms"] as? [[String: Any]])
        #expect(without.count == mistakes.count && without.allSatisfy { $0["map"] is NSNull })
        let page = String(decoding: try job.file("report.html"), as: UTF8.self)
        #expect(page.contains("Where the model looked is not shown: ") && page.contains("data:image/jpeg;base64,"))
    }

    @Test func columnsOfTheTableMakeSubgroups() throws {
        let table = job.settings.data.table
        let lines = try String(contentsOfFile: table, encoding: .utf8).split(separator: "\n").map(String.init)
        // A column that Fovea does not know, one that is the same everywhere, one that differs everywhere.
        let wider = lines.enumerated().map { row, line in
            line + (row == 0 ? ",<b>camera,site,number" : ",\(row % 2 == 0 ? "<i>old" : "new"),one,\(row)")
        }
        try wider.joined(separator: "\n").write(toFile: table, atomically: true, encoding: .utf8)
        let reporting = try ModelReporting(run: run, context)
        #expect(reporting.notes.contains { $0.contains(table) })
        _ = try reporting.write()
        let subgroups = try #require(try document()["subgroups"] as? [[String: Any]])
        let found = subgroups.map { "\($0["column"] ?? "") \($0["value"] ?? "")" }
        #expect(found.contains("<b>camera <i>old") && found.contains("<b>camera new"))
        #expect(!found.contains { $0.hasPrefix("site") || $0.hasPrefix("number") })
        let images = subgroups.filter { $0["column"] as? String == "<b>camera" }
            .compactMap { ($0["comparison"] as? [String: Any])?["images"] as? Int }
        #expect(images.reduce(0, +) == (try RunMetrics.read(run + "/metrics.json").best.images))
        let page = String(decoding: try job.file("report.html"), as: UTF8.self)
        #expect(page.contains("&lt;i&gt;old") && !page.contains("<i>"))
    }

    @Test func anImageThatChangedIsNotShown() throws {
        let images = job.settings.data.images
        for name in try FileManager.default.contentsOfDirectory(atPath: images) {
            try "other".write(toFile: images + "/" + name, atomically: true, encoding: .utf8)
        }
        _ = try ModelReporting(run: run, context).write()
        let page = String(decoding: try job.file("report.html"), as: UTF8.self)
        #expect(!page.contains("data:image/jpeg;base64,") && page.contains("The image is gone, or another one"))
    }
}
