import Backbones
import Basics
import Comparisons
import ConfigurationFile
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Prediction
import Reports
import RunTestSupport
import Settings
import Synchronization
import TestSupport
import Testing
import Torch

/// `fovea compare` on a few phantoms.
@Suite(.serialized) final class ComparisonTests {
    private let folder: TemporaryFolder
    private var settings = ComparisonSettings()

    init() throws {
        folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.teachers.minimumSteps = 1
        job.settings.evaluation.every = 0
        // So high that a few steps make techniques differ in their rankings.
        job.settings.training.rate = 0.02
        var dataset = ComparedDataset()
        dataset.name = "phantoms"
        dataset.configuration = try folder.write(ConfigurationWriter.yaml(job.settings), to: "run.yaml")
        settings.datasets = [dataset]
        settings.techniques = [Self.technique("bce"), Self.technique("asl", "technique.loss=asymmetric")]
        settings.output = folder.path + "/comparison"
        settings.bootstrap = 50
        settings.minimumPositivePatients = 2
    }

    private static func technique(_ name: String, _ settings: String...) -> ComparedTechnique {
        var technique = ComparedTechnique()
        (technique.name, technique.settings) = (name, settings)
        return technique
    }

    private func comparison(
        _ settings: ComparisonSettings, shouldStop: @escaping @Sendable () -> Bool = { false },
        log: @escaping (String) -> Void = { _ in }
    ) -> Comparison {
        Comparison(
            settings,
            ExecutionContext(device: .cpu, threads: Engine.threads, shouldStop: shouldStop, logger: .telling(log)))
    }

    @discardableResult
    private func execute(
        _ settings: ComparisonSettings, shouldStop: @escaping @Sendable () -> Bool = { false },
        log: @escaping (String) -> Void = { _ in }
    ) throws -> ComparisonOutcome {
        try comparison(settings, shouldStop: shouldStop, log: log)
            .execute(configuration: ConfigurationWriter.yaml(settings))
    }

    private func table(_ name: String) throws -> CSVTable {
        try CSVTable(path: settings.output + "/" + name)
    }

    /// A column of a table by its heading.
    private func column(_ heading: String, of table: CSVTable) throws -> [String] {
        let place = try #require(table.header.firstIndex(of: heading), "\(heading) is not in \(table.header)")
        return (0..<table.rowCount).map { table[$0, place] }
    }

    private struct Metrics: Decodable {
        struct Cost: Decodable {
            var stage: String
            var images: Int
            var views: Int
        }
        var plain: EvaluationResult
        var student: EvaluationResult?
        var cost: [Cost]
    }

    private func metrics(_ cell: String) throws -> Metrics {
        let path = settings.output + "/cells/" + cell + "/metrics.json"
        return try JSONFormat.decoded(Metrics.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    @Test func aStoppedComparisonGoesOnAndTellsWhatItFound() throws {
        // Stops within the second cell or later, again and again.
        var (stops, limit, lines) = (0, 60, [String]())
        while stops < 40 {
            let asked = Atomic(0)
            let most = limit
            do {
                try execute(
                    settings, shouldStop: { asked.add(1, ordering: .relaxed).newValue > most },
                    log: { lines.append($0) })
                break
            } catch is CancellationError {
                stops += 1
                limit += limit / 2
            }
        }
        #expect((2..<40).contains(stops), "\(stops)")
        let begun = lines.filter { $0.hasPrefix("cell ") }
        #expect(Set(begun.map { $0.split(separator: ",")[1] }).count == 8)

        // Teachers of BCE are shared by all techniques; a shuffle has its own.
        let stages = try FileManager.default.contentsOfDirectory(atPath: settings.output + "/stages")
        let macula = stages.filter { $0.hasPrefix("teacher-region-macula") }
        #expect(macula.count == 1 && stages.count { $0.hasPrefix("teacher-random-region-macula") } == 1)

        let means = try table("means.csv")
        #expect(
            try column("Arm", of: means)
                == Array(repeating: ["plain", "plain, long", "RSKD(region)", "random(region)"], count: 2).flatMap {
                    $0
                })
        let student = try #require(metrics("phantoms/seed-0/asl/rskd-region").student)
        let shown = try #require(Double(column("mAP", of: means)[6]))
        let expected = try #require(student.groups.all.averagePrecision.mean)
        #expect(abs(shown - expected) < 1e-9)

        // Each arm against plain, and RSKD against its controls.
        let differences = try table("differences.csv")
        #expect(differences.rowCount == 2 * 5 + 2)
        for row in 0..<differences.rowCount {
            let p = try #require(Double(column("p", of: differences)[row]))
            let holm = try #require(Double(column("p (Holm)", of: differences)[row]))
            // Two techniques, of which only one is compared with the other.
            let isOfTechniques = try column("Difference", of: differences)[row].hasSuffix("that of bce")
            #expect(p <= holm && holm <= min(1, 2 * p) + 1e-12 && (!isOfTechniques || holm == p))
        }
        try techniquesAreCompared()
        for name in [
            "comparison.md", "comparison.json", "comparison.yaml", "costs.csv", "cells.csv", "groups.csv",
            "decisions.csv",
            "plots/long-tail-phantoms-bce-rskd-region.svg", "plots/teachers-phantoms-bce-rskd-region.svg",
            "plots/gain-phantoms-rskd-region-minus-plain.svg",
        ] {
            #expect(FileManager.default.fileExists(atPath: settings.output + "/" + name), "\(name) is missing")
        }
        let page = try String(contentsOfFile: settings.output + "/comparison.md", encoding: .utf8)
        #expect(page.contains("RSKD(region) minus plain, long") && !page.contains("Not finished"))

        // Nothing is run again.
        lines = []
        let outcome = try execute(settings, log: { lines.append($0) })
        #expect(lines == ["8 cells, 8 of them finished"])
        #expect(outcome.summary(for: Terminal()).contains("p (Holm)"))
        try aPageIsWritten(outcome)
        #expect(try comparison(settings).forecast().table().text().contains("0 of 8 to do"))
    }

    /// The page has the numbers of `comparison.json`, and links to pages of runs.
    private func aPageIsWritten(_ outcome: ComparisonOutcome) throws {
        let cell = settings.output + "/cells/phantoms/seed-0/bce/plain"
        try "a page".write(toFile: cell + "/report.html", atomically: true, encoding: .utf8)
        let paths = try outcome.writePage()
        #expect(paths == ["report.html", "report.json"].map { settings.output + "/" + $0 })
        let text = try String(contentsOfFile: paths[0], encoding: .utf8)
        #expect(text.components(separatedBy: "./cells/phantoms/seed-0/bce/plain/report.html").count == 2)
        #expect(text.contains("At equal compute, RSKD(region) on phantoms with bce: ") && text.utf8.count < 2_000_000)
        func document(_ name: String) throws -> [String: Any] {
            let data = try Data(contentsOf: URL(fileURLWithPath: settings.output + "/" + name))
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }
        let (page, numbers) = (try document("report.json"), try document("comparison.json"))
        for key in numbers.keys {
            let texts = try [page, numbers].map {
                try JSONSerialization.data(withJSONObject: [try #require($0[key])], options: .sortedKeys)
            }
            #expect(texts[0] == texts[1], "\(key)")
        }
        #expect((page["cells"] as? [Any])?.count == 8)
        // Again, but not over a file of someone else.
        _ = try outcome.writePage()
        // Until it is, there is no page of earlier results.
        _ = try comparison(settings).report()
        #expect(!paths.contains(where: FileManager.default.fileExists))
        try "mine".write(toFile: paths[0], atomically: true, encoding: .utf8)
        let error = foveaError { _ = try outcome.writePage() }
        #expect(error?.message.contains("report.html is there already and was not written by") == true)
    }

    @Test func whatIsForecastIsWhatIsTrained() throws {
        settings.techniques = [settings.techniques[1]]
        settings.arms = [.plain, .plainLong, .rskd, .ensemble]
        let forecast = try comparison(settings).forecast().table()
        try execute(settings)
        let cells = ["plain", "plain-long", "rskd-region", "ensemble-region"]
        func trained(_ cell: String) throws -> (images: Int, views: Int) {
            let cost = try metrics("phantoms/seed-0/asl/" + cell).cost
            return (cost.reduce(0) { $0 + $1.images }, cost.reduce(0) { $0 + $1.views })
        }
        let costs = try cells.map(trained)
        var images: [Int] = []
        for row in forecast.rows.prefix(4) {
            if case .count(let count?) = row[2] { images.append(count) }
        }
        let plain = try metrics("phantoms/seed-0/asl/plain").cost[0].images
        // What is shared is counted where it comes first: the plain model, then that of BCE, where teachers begin.
        #expect(images == [plain, costs[1].images, costs[2].images - plain, costs[3].images - 2 * plain])
        // The long plain model costs what RSKD costs, to within half an epoch.
        let work = Double(costs[2].images) + Double(costs[2].views) / 3
        #expect(abs(Double(costs[1].images) - work) <= Double(plain) / 2 + 1)
        // As many teachers of all classes as RSKD has of subsets.
        let stages = try metrics("phantoms/seed-0/asl/ensemble-region").cost.filter {
            $0.stage.hasPrefix("teacher single")
        }
        let teachers = try metrics("phantoms/seed-0/asl/rskd-region").cost.filter {
            $0.stage.hasPrefix("teacher region")
        }
        #expect(stages.count == teachers.count && stages.count > 1)

        // Second stages of ten epochs, whose images pass forward only: RSKD makes two, the plain model's and the
        // student's, of which the long plain model has the one too. The work of the other is all that it gets.
        settings.techniques[0].settings.append("technique.second_stage=crt")
        settings.arms = [.plain, .plainLong]
        settings.output += "-crt"
        guard case .count(let long?) = try comparison(settings).forecast().table().rows[1][2] else {
            Issue.record("no number of images")
            return
        }
        #expect(abs(Double(long) - work - Double(10 * plain) / 3) <= Double(plain) / 2 + 1)
    }

    @Test func headsOnOneTrunkCostWhatIsForecast() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain, .rskd]
        settings.settings.append("distillation.teachers.backbone_rate=0")
        let row = try comparison(settings).forecast().table().rows[1]
        guard case .count(let images?) = row[2], case .count(let views?) = row[3] else {
            Issue.record("no number of images or views: \(row)")
            return
        }
        try execute(settings)
        let costs = try metrics("phantoms/seed-0/bce/rskd-region").cost
        let teachers = costs.filter { $0.stage.hasPrefix("teacher ") }
        #expect(teachers.count > 1 && teachers.allSatisfy { $0.images == 0 && $0.views > 0 })
        #expect(images == costs.first { $0.stage == "student" }?.images)
        #expect(views == costs.reduce(0) { $0 + $1.views })
        // Each saw all images once; all are evaluated together on the two views of each.
        #expect(costs.first { $0.stage == "view bank" }?.views == 2 * teachers[0].views)
    }

    /// Teachers that are measured have an inner split, and a plain model of it, whose second stage is theirs.
    @Test func innerModelsAndSecondStagesCostWhatIsForecast() throws {
        settings.techniques = [Self.technique("crt", "technique.second_stage=crt", "technique.second_epochs=2")]
        settings.arms = [.plain, .rskd]
        settings.settings.append("distillation.weights=teacher_quality")
        var forecast = (images: 0, views: 0)
        for row in try comparison(settings).forecast().table().rows.prefix(2) {
            guard case .count(let images?) = row[2], case .count(let views?) = row[3] else {
                Issue.record("no number of images or views: \(row)")
                return
            }
            forecast = (forecast.images + images, forecast.views + views)
        }
        try execute(settings)
        let costs = try metrics("phantoms/seed-0/crt/rskd-region").cost
        #expect(costs.contains { $0.stage == "plain-inner" } && costs.contains { $0.stage == "student crt" })
        #expect(forecast.images == costs.reduce(0) { $0 + $1.images }, "\(costs)")
        #expect(forecast.views == costs.reduce(0) { $0 + $1.views }, "\(costs)")
    }

    /// The later technique against the first, as the evaluation of their predictions finds it.
    private func techniquesAreCompared() throws {
        let document = try JSONFormat.decoded(
            Document.self, from: Data(contentsOf: URL(fileURLWithPath: settings.output + "/comparison.json")))
        let found = document.differences.filter { $0.technique != $0.referenceTechnique }
        #expect(found.map(\.technique) == ["asl", "asl"] && found.map(\.referenceTechnique) == ["bce", "bce"])
        #expect(
            found.map(\.candidate) == ["plain", "RSKD(region)"] && found.map(\.reference) == found.map(\.candidate))
        for (difference, arm) in zip(found, ["plain", "rskd-region"]) {
            let cells = ["asl", "bce"].map {
                settings.output + "/cells/phantoms/seed-0/\($0)/\(arm)/predictions.csv"
            }
            var alone = PredictionEvaluation(predictions: [cells[0]], labels: folder.path + "/phantoms/labels.csv")
            (alone.versus, alone.filter, alone.settings.bootstrap) = ([cells[1]], RowFilter("split=val"), 0)
            (alone.trainingLabels, alone.trainingFilter) = (alone.labels, RowFilter("split=train"))
            let expected = try #require(alone.run(threads: 1).difference)
            let values = expected.classes.map(\.averagePrecision.difference)
            #expect(difference.result.classes.map(\.averagePrecision.difference) == values)
            #expect(values.contains { $0 != nil && $0 != 0 })
        }
        #expect(
            FileManager.default.fileExists(atPath: settings.output + "/plots/gain-phantoms-plain-minus-that-of-bce.svg")
        )
    }

    @Test func nearSynonymsAreJudgedAsOne() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain, .rskd]
        try execute(settings)
        let decisions = try table("decisions.csv").rowCount
        let merge = try folder.write("merge: {pale_or_large: [disc_pallor, enlarged_cup]}", to: "merge.yaml")
        let outcome = try comparison(settings).report(merge: merge)
        #expect(outcome.folder == settings.output + "/merged")
        // The same by the evaluation of one table.
        let cell = settings.output + "/cells/phantoms/seed-0/bce/rskd-region"
        var alone = PredictionEvaluation(
            predictions: [cell + "/predictions.csv"], labels: folder.path + "/phantoms/labels.csv")
        alone.filter = RowFilter("split=val")
        alone.trainingLabels = alone.labels
        alone.trainingFilter = RowFilter("split=train")
        (alone.merge, alone.settings.bootstrap) = (merge, 0)
        let expected = try alone.run(threads: 1).evaluation
        let document = try JSONFormat.decoded(
            Document.self, from: Data(contentsOf: URL(fileURLWithPath: outcome.folder + "/comparison.json")))
        let found = try #require(document.arms.last).evaluation
        #expect(found.classes.map(\.name) == expected.classes.map(\.name))
        #expect(found.classes.contains { $0.name == "pale_or_large" })
        #expect(found.classes.map(\.trainingImages) == expected.classes.map(\.trainingImages))
        #expect(found.classes.map(\.averagePrecision.value) == expected.classes.map(\.averagePrecision.value))
        // Thresholds and teachers are of the classes as they were trained; what was reported of those stays.
        #expect(!FileManager.default.fileExists(atPath: outcome.folder + "/decisions.csv"))
        #expect(try table("decisions.csv").rowCount == decisions)
        #expect(outcome.summary(for: Terminal()).contains("treated as one class, as \(merge) says"))
        let page = try String(contentsOfFile: outcome.folder + "/comparison.md", encoding: .utf8)
        #expect(page.contains("classes merged by \(merge)") && !page.contains("teachers against the student"))

        let wrong = try folder.write("merge: {x: [no_such_class]}", to: "wrong.yaml")
        let error = foveaError { _ = try comparison(settings).report(merge: wrong) }
        #expect(error?.message.contains("there is no such class") == true, "\(String(describing: error))")
        #expect(error?.message.contains(wrong) == true)
        // Predictions that were altered since are not those of the run.
        let text = try String(contentsOfFile: cell + "/predictions.csv", encoding: .utf8)
        try AtomicFile.write(text.replacing(",0.", with: ",1.0e-"), to: cell + "/predictions.csv")
        let altered = foveaError { _ = try comparison(settings).report() }
        #expect(
            altered?.kind == .data && altered?.message == "\(cell)/predictions.csv is not the file that the run wrote")
    }

    @Test func foldsAreJudgedTogetherAndApart() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain, .plainLong]
        settings.seeds = [3, 4]
        settings.minimumPositivePatients = 6
        settings.settings = ["data.split={method: make, folds: 3}"]
        settings.datasets[0].folds = [0, 1]
        let outcome = try execute(settings)
        #expect(outcome.summary(for: Terminal()).contains("Out of fold"))
        let means = try table("means.csv")
        #expect(try column("Models", of: means) == ["2", "2"])
        let cells = try table("cells.csv")
        #expect(cells.rowCount == 8)
        // Every seed is evaluated on the same images.
        func images(_ fold: Int, _ seed: Int) throws -> [String] {
            try column(
                "image",
                of: CSVTable(
                    path: settings.output + "/cells/phantoms/fold-\(fold)/seed-\(seed)/bce/plain/predictions.csv"))
        }
        #expect(try images(0, 3) == images(0, 4) && Set(images(0, 3)).isDisjoint(with: images(1, 3)))

        let part = try comparison(settings).report(folds: [1])
        #expect(part.folder.hasSuffix("/folds-1"))
        let alone = try CSVTable(path: part.folder + "/means.csv")
        let both = try ["3", "4"].map { seed in
            try #require(metrics("phantoms/fold-1/seed-\(seed)/bce/plain").plain.groups.all.averagePrecision.mean)
        }
        let shown = try #require(Double(column("mAP", of: alone)[0]))
        #expect(abs(shown - (both[0] + both[1]) / 2) < 1e-9)
        let error = foveaError { _ = try comparison(settings).report(folds: [2]) }
        #expect(error?.description.contains("no fold 2") == true)

        // Where an arm lacks a seed, it is compared over the others.
        try FileManager.default.removeItem(
            atPath: settings.output + "/cells/phantoms/fold-1/seed-4/bce/plain-long")
        _ = try comparison(settings).report()
        #expect(try column("Models", of: table("means.csv")) == ["2", "1"])
        let document = try JSONFormat.decoded(
            Document.self, from: Data(contentsOf: URL(fileURLWithPath: settings.output + "/comparison.json")))
        let result = try #require(document.differences.first).result
        #expect(result.candidateSeeds == 1 && result.referenceSeeds == 1)
        #expect(try column("Models", of: table("differences.csv")) == ["1 / 1"])

        // Where no seed is shared there is no difference, and without the plain model no cost in its terms.
        let cells4 = settings.output + "/cells/phantoms/fold-0/seed-3/bce/"
        try FileManager.default.removeItem(atPath: cells4 + "plain")
        _ = try comparison(settings).report()
        #expect(try table("differences.csv").rowCount == 0)
        try FileManager.default.removeItem(atPath: cells4.replacing("seed-3", with: "seed-4") + "plain")
        _ = try comparison(settings).report()
        #expect(try column("Work, times plain", of: table("costs.csv")) == [""])
    }

    /// Finished cells are evaluated with the labels that they were made with.
    @Test func changedLabelsAreNoticed() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain]
        try execute(settings)
        for (file, words) in [("labels.csv", "labels.csv changed"), ("attributes.yaml", "the attribute file changed")] {
            let path = folder.path + "/phantoms/" + file
            let before = try String(contentsOfFile: path, encoding: .utf8)
            // A comment in YAML, an empty line in CSV: nothing that is read differs, but who knows.
            try (before + (file.hasSuffix("csv") ? "\n" : "# changed\n")).write(
                toFile: path, atomically: true, encoding: .utf8)
            let error = foveaError { _ = try comparison(settings).report() }
            #expect(error?.message.contains(words) == true, "\(String(describing: error))")
            try before.write(toFile: path, atomically: true, encoding: .utf8)
        }
        _ = try comparison(settings).report()
    }

    /// Two photographs that are exchanged between cells would count as an effect of seed or arm.
    @Test func exchangedPhotographsAreNoticed() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain]
        var said: [String] = []
        try execute(settings, log: { said.append($0) })
        #expect(!said.contains { $0.contains("sources.json is missing") }, "no cell had begun: \(said)")
        let images = folder.path + "/phantoms/images/"
        let names = try FileManager.default.contentsOfDirectory(atPath: images).sorted().prefix(2)
        func exchange() throws {
            for (one, other) in [(names[0], "kept"), (names[1], names[0]), ("kept", names[1])] {
                try FileManager.default.moveItem(atPath: images + one, toPath: images + other)
            }
        }
        try exchange()
        settings.seeds = [0, 1]
        func requireRefusal(_ words: String, _ body: () throws -> Void) {
            let error = foveaError(body)
            #expect(
                error?.kind == .configuration && error?.message.contains(words) == true, "\(String(describing: error))")
            for name in names { #expect(error?.message.contains(name) == true, "\(String(describing: error))") }
        }
        requireRefusal("have changed since") { try execute(settings) }
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/cells/phantoms/seed-1"))

        // A cell that was made of them elsewhere.
        var other = settings
        (other.seeds, other.output) = ([1], folder.path + "/other")
        try execute(other)
        try exchange()
        let cell = "/cells/phantoms/seed-1"
        try FileManager.default.moveItem(atPath: other.output + cell, toPath: settings.output + cell)
        requireRefusal("were made of different photographs") { _ = try comparison(settings).report() }
        requireRefusal("were made of different photographs") { _ = try comparison(settings).forecast() }
        try FileManager.default.removeItem(atPath: settings.output + cell)
        try execute(settings)
    }

    /// Cells that began from different weights would show the difference of these as an effect of seed or arm.
    @Test func exchangedWeightsAreNoticed() throws {
        let weights = folder.path + "/begin/" + ModelBundle.weightsName
        func replaceWeights(seed: UInt64) throws {
            try Engine.seed(seed)
            let description = ModelDescription(
                architecture: .mobilenetv1Short, classes: ["a"], image: .init(resolution: 32, crop: .none))
            try Folder.make(folder.path + "/begin")
            try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/begin")
        }
        try replaceWeights(seed: 1)
        let first = try Data(contentsOf: URL(fileURLWithPath: weights))
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain]
        settings.settings = ["model.weights=\(weights)"]
        try execute(settings)
        try replaceWeights(seed: 2)
        settings.seeds = [0, 1]
        for use: () throws -> Void in [
            { try self.execute(self.settings) }, { _ = try self.comparison(self.settings).report() },
            { _ = try self.comparison(self.settings).forecast() },
        ] {
            let error = foveaError(use)
            #expect(error?.kind == .configuration && error?.message.contains(weights) == true)
            #expect(error?.message.contains("/cells/phantoms/seed-0/bce/plain") == true)
        }
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/cells/phantoms/seed-1"))
        try first.write(to: URL(fileURLWithPath: weights))
        try execute(settings)
    }

    @Test func excludedFoldsStayExcluded() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain]
        func images(_ split: String, folds: [Int], excluded: [Int]) throws -> Int {
            settings.settings = ["data.split={method: make, folds: 4" + split + "}", "distillation=null"]
            (settings.datasets[0].folds, settings.datasets[0].excludedFolds) = (folds, excluded)
            let forecast = try comparison(settings).forecast().table()
            guard case .count(let images?) = forecast.rows[0][2] else { return -1 }
            return images
        }
        let whole = try images("", folds: [0], excluded: [])
        let less = try images("", folds: [0], excluded: [1])
        #expect(less > 0 && less < whole)
        // By the configuration, and without folds of the comparison's own.
        #expect(try images(", excluded_folds: [1]", folds: [0], excluded: []) == less)
        #expect(try images(", validation_folds: [0]", folds: [], excluded: [1]) == less)
    }

    private struct Document: Decodable {
        struct Arm: Decodable { var evaluation: EvaluationResult }
        struct Contrast: Decodable {
            var technique: String
            var candidate: String
            var reference: String
            var referenceTechnique: String
            var result: PairedResult
        }
        var arms: [Arm]
        var differences: [Contrast]
    }

    @Test func aCellOfOtherSettingsIsRefusedAndAnotherProcessIsLeftAlone() throws {
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain]
        let nothing = foveaError { _ = try comparison(settings).report() }
        #expect(nothing?.description.contains("no arm of the comparison") == true)

        let unit = settings.output + "/cells/phantoms/seed-0"
        try Folder.make(unit)
        do {
            let lock = try #require(try Claim(unit + "/.claim"))
            let busy = foveaError { try execute(settings) }
            #expect(busy?.kind == .busy && busy?.message.hasSuffix("; it holds \(unit)/.claim-1") == true)
            // One of several jobs leaves it to the others.
            try comparison(settings).work(configuration: ConfigurationWriter.yaml(settings), asOneOf: 2)
            #expect(!FileManager.default.fileExists(atPath: unit + "/bce/plain/config.yaml"))
            #expect(try comparison(settings).openWork().units == 1)
            withExtendedLifetime(lock) {}
        }
        // A name that no claim has.
        try Data().write(to: URL(fileURLWithPath: unit + "/.claim-9223372036854775807"))
        try execute(settings)
        #expect(try comparison(settings).openWork().units == 0)
        let noFolds = foveaError { _ = try comparison(settings).report(folds: [3]) }
        #expect(noFolds?.remedy?.hasPrefix("It has none") == true)
        // What decides nothing may change.
        settings.settings = ["checkpoints.keep_last=5", "training.momentum=0.5"]
        try execute(settings)
        settings.settings = ["training.rate=0.5"]
        let error = foveaError { try execute(settings) }
        #expect(error?.kind == .configuration)
        let message = error?.message.replacing(settings.output, with: "")
        #expect(
            message
                == "/cells/phantoms/seed-0/bce/plain holds a run with other settings than the comparison has for it "
                + "now: training.rate is 0.02 there and 0.5 now")
        // What was refused leaves no trace.
        let kept = try String(contentsOfFile: settings.output + "/comparison.yaml", encoding: .utf8)
        #expect(!kept.contains("training.rate=0.5"))
    }

    /// A run folder may be held by a `fovea train` that somebody began in it.
    @Test(arguments: [true, false]) func aCellThatIsHeldIsLeftForLater(_ isLetGo: Bool) throws {
        settings.arms = [.plain]
        settings.settings = ["distillation=null"]
        let cells = settings.output + "/cells/phantoms/seed-0/"
        try Folder.make(cells + "bce/plain")
        var holder = try FileLock(cells + "bce/plain/.lock")
        #expect(holder != nil)
        func isFinished(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: cells + name + "/plain/metrics.json")
        }
        let log = { (line: String) in
            if isLetGo, line.contains("asl/plain") { holder = nil }
        }
        if isLetGo {
            try execute(settings, log: log)
        } else {
            #expect(foveaError { try execute(settings, log: log) }?.kind == .busy)
        }
        #expect(isFinished("asl") && isFinished("bce") == isLetGo)
        withExtendedLifetime(holder) {}
    }

    /// What cells share is counted once, what is stored not at all; checkpoints only of one cell at a time.
    @Test func theRoomThatAllCellsNeedIsKnown() throws {
        settings.settings = ["distillation=null"]
        settings.arms = [.plain]
        let two = try comparison(settings).missingBytes()
        settings.techniques = [settings.techniques[0]]
        let one = try comparison(settings).missingBytes()
        let model = one[0]
        #expect(model > 1 << 20 && two[0] == 2 * model)
        // A model in each run folder, and once the checkpoints: weights with two moments; the one that is written, one
        // that is kept, and the state before a failed step.
        #expect(one[1] == model + 3 * 3 * model)
        #expect(two[1] - one[1] == model)
        try execute(settings)
        #expect(try comparison(settings).missingBytes() == [])
        settings.techniques.append(Self.technique("asl", "technique.loss=asymmetric"))
        #expect(try comparison(settings).missingBytes() == one)
        // The plain model of BCE, where teachers begin, and that of the other cell are not made twice.
        settings.seeds = [0, 1]
        #expect(try comparison(settings).missingBytes() == [3 * model, one[1] + 2 * model])
    }

    @Test func aCellThatDivergesIsNamedAndTheOthersGoOn() throws {
        settings.techniques = [
            Self.technique(
                // Each step multiplies the weights by about -99.
                "wild", "training.rate=10", "training.weight_decay=10", "training.schedule=constant",
                "training.epochs=20"), settings.techniques[0],
        ]
        settings.arms = [.plain]
        settings.settings = ["distillation=null"]
        let error = foveaError { try execute(settings) }
        #expect(error?.kind == .numerical)
        #expect(error?.message.contains("phantoms/seed-0/wild/plain") == true, "\(String(describing: error))")
        #expect(
            FileManager.default.fileExists(atPath: settings.output + "/cells/phantoms/seed-0/bce/plain/metrics.json"))
        let outcome = try comparison(settings).report()
        #expect(outcome.summary(for: Terminal()).contains("Not finished, so not counted: phantoms/seed-0/wild/plain"))
        let page = try String(contentsOfFile: try #require(outcome.writePage().first), encoding: .utf8)
        #expect(page.contains("Not finished: 1 of 2 runs.") && page.contains("<td>interrupted: "))
    }

    @Test(arguments: [
        ("groupings: [region + shot, shot+region]", "groupings has \"region+shot\" twice"),
        ("arms: [rskd]", "arms has no plain"), ("seeds: [1, 1]", "seeds has \"1\" twice"),
        ("groupings: [\"random:region\"]", "groupings has \"random:region\", of which random:region is a control"),
        ("groupings: [shot + single*3]", "of which single*3 is a control"),
        ("groupings: [single]", "single is a control"),
        ("groupings: [random]", "of which random is a control"),
        ("groupings: [\(String(repeating: "r", count: 201))]", "which has 201 bytes"),
        ("techniques: [{name: ASL}, {name: asl}]", "\"ASL\" and \"asl\", which differ in case only"),
        ("techniques: [{name: \(String(repeating: "x", count: 101))}]", "at most 100 letters"),
        ("techniques: [{name: a/b}]", "techniques has the name \"a/b\""),
        ("techniques: [{name: a}, {name: a}]", "techniques has \"a\" twice"),
        ("datasets: []", "datasets is an empty list"),
        ("set: [seed=3]", "set has seed, which the comparison sets"),
        ("techniques: [{name: a, set: [evaluation.bootstrap=7]}]", "technique \"a\" has evaluation.bootstrap"),
        ("datasets: [{name: d, config: run.yaml, set: [\"output = x\"]}]", "Use the comparison's own key output."),
    ])
    func whatCannotBeComparedIsRefused(key: String, words: String) throws {
        let basis = [
            "datasets": "datasets: [{name: d, config: run.yaml}]", "techniques": "techniques: [{name: bce}]",
        ]
        let given = String(key.prefix { $0 != ":" })
        let yaml = (basis.filter { $0.key != given }.map(\.value) + [key]).joined(separator: "\n")
        let error = foveaError {
            _ = try ConfigurationReader.read(ComparisonSettings.self, yaml: yaml, source: "c.yaml")
        }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    /// Attributes may be called as they like, also with the words that groupings of their own have.
    @Test(arguments: ["random_region", "single-lesion", "random", "singles", "learned-by-heart", "shotgun", "plain"])
    func attributesMayHaveTheWordsOfOtherGroupings(_ name: String) throws {
        let attributes = try #require(try configuredAttributes())
        let text = try String(contentsOfFile: attributes, encoding: .utf8).replacing("region:", with: name + ":")
        let file = try folder.write(text, to: "attributes.yaml")
        settings.settings.append("data.attributes=\(file)")
        settings.techniques = [settings.techniques[0]]
        settings.arms = [.plain, .plainLong, .rskd, .random, .ensemble]
        settings.groupings = [name, "shot+" + name]
        func forecast() throws -> String { try comparison(settings).forecast().table().csv() }
        guard name != "random" else {
            #expect(foveaError { try settings.validate() }?.message.contains("is a control") == true)
            return
        }
        try settings.validate()
        let cells = try forecast()
        for cell in ["rskd-\(name)", "random-\(name)-0", "ensemble-shot+\(name)", "random-shot+\(name)-0"] {
            #expect(cells.contains("/bce/\(cell)"), "\(cell) in \(cells)")
        }
    }

    /// The attribute file of the configuration that the comparison names.
    private func configuredAttributes() throws -> String? {
        try ConfigurationReader.read(RunSettings.self, file: settings.datasets[0].configuration).data.attributes
    }

    @Test func techniquesAreJudgedOnTheSameData() throws {
        settings.techniques[1].settings = ["data.classes=[drusen]"]
        let data = foveaError { _ = try comparison(settings).forecast() }
        #expect(data?.message.contains("phantoms, asl: its data are others than those of bce") == true)
        settings.techniques[1].settings = ["technique.lsos=bce"]
        let typo = foveaError { _ = try comparison(settings).forecast() }
        #expect(typo?.message.contains("phantoms, asl: ") == true, "\(String(describing: typo))")
        settings.techniques = [Self.technique("bce", "training.epochs=9000")]
        let long = foveaError { _ = try comparison(settings).forecast() }
        #expect(long?.message.contains("epochs of the plain model") == true, "\(String(describing: long))")
    }

    @Test func whatARunWouldRefuseIsSaidBeforeAnythingIsTrained() throws {
        settings.groupings = ["regoin"]
        let error = foveaError { try execute(settings) }
        #expect(error?.description.contains("phantoms, bce, ") == true && error?.description.contains("region") == true)
        #expect(!FileManager.default.fileExists(atPath: settings.output))
    }
}
