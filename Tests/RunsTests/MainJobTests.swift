import Backbones
import Basics
import ConfigurationFile
import Distillation
import Evaluation
import Foundation
import FundusImaging
import Models
import NN
import Phantoms
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch
import Weights

/// The main job end to end on a few phantoms: plain model, teachers, bank, student, evaluation, run folder.
@Suite(.serialized) struct MainJobTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func settings(_ changes: (inout RunSettings) -> Void = { _ in }) throws -> RunSettings {
        var settings = try SmallJob(in: folder.path).settings
        changes(&settings)
        return settings
    }

    private func execute(_ settings: RunSettings, isResuming: Bool = false) throws -> RunOutcome {
        try SmallJob(settings).execute(isResuming: isResuming)
    }

    @Test func aRunLeavesAllThatItPromises() throws {
        let settings = try settings()
        let outcome = try execute(settings)
        for name in [
            "config.yaml", "config.json", "model.safetensors", "metrics.json", "predictions.csv", "history.csv",
            "report.md", "plain/predictions.csv", "plots/gain.svg", "plots/long-tail.svg",
        ] {
            #expect(FileManager.default.fileExists(atPath: settings.output + "/" + name), "\(name) is missing")
        }
        let description = try ModelBundle.description(in: settings.output)
        #expect(description.normal.map { description.titles[$0] } == "No finding")
        let table = try CSVTable(path: settings.output + "/predictions.csv")
        #expect(table.rowCount == 32)
        #expect(table.header.count == 1 + outcome.plainResult.classes.count)
        for row in 0..<table.rowCount {
            for column in 1..<table.header.count {
                let probability = try #require(Float(table[row, column]))
                #expect(probability >= 0 && probability <= 1)
            }
        }
        let student = try #require(outcome.studentResult)
        #expect(student.classes.count { $0.averagePrecision.value != nil } == student.classes.count)
        #expect(outcome.difference != nil)
        #expect(outcome.summary(for: Terminal()).contains("Student minus plain"))
        let report = try String(contentsOfFile: settings.output + "/report.md", encoding: .utf8)
        for part in [
            "# Distillation by region against the plain model", "## The student model, class by class",
            "## What distillation changed, class by class", "Sensitivity at 0.95", "## Cost",
            "times the seconds of the plain model", "view bank",
        ] {
            #expect(report.contains(part), "\(part) is not in the report")
        }
        let bundle = try ModelBundle.load(from: settings.output)
        #expect(bundle.description.thresholds?.count == bundle.description.classes.count)
        let history = try HistoryFile(path: settings.output + "/history.csv")
        #expect(Set(history.rows.map(\.stage)).isSuperset(of: ["plain", "student", "teacher-region-macula"]))

        // The configuration written is the configuration that ran.
        let written = try ConfigurationReader.read(RunSettings.self, file: settings.output + "/config.yaml")
        #expect(written == settings)

        // A folder that holds a run is refused; resuming reuses what is finished and gives the same.
        let refusal = foveaError { _ = try execute(settings) }
        #expect(refusal?.description.contains("already holds a run") == true)
        let predictions = try Data(contentsOf: URL(fileURLWithPath: settings.output + "/predictions.csv"))
        _ = try execute(settings, isResuming: true)
        #expect(try Data(contentsOf: URL(fileURLWithPath: settings.output + "/predictions.csv")) == predictions)
        let again = try HistoryFile(path: settings.output + "/history.csv")
        #expect(again.rows.count == history.rows.count, "a finished stage was trained again")
    }

    @Test(arguments: ["teacher_quality", "self_paced", "confidence", "membership", "effective_number"])
    func everyRuleOfWeightsTrains(rule: String) throws {
        let settings = try settings {
            $0.distillation?.weights = .init(rawValue: rule) ?? .uniform
            $0.distillation?.grouping = "feature+single"
            $0.stages = folder.path + "/stages"
        }
        let outcome = try execute(settings)
        #expect(outcome.studentResult != nil)
        // What teachers were trained without, and what that cost, is said.
        let report = try String(contentsOfFile: settings.output + "/report.md", encoding: .utf8)
        let isMeasured = rule == "teacher_quality" || rule == "self_paced"
        #expect(report.contains("The weights measure teachers on an inner part") == isMeasured)
        #expect(report.contains("| plain-inner |") == isMeasured)
        #expect(report.contains("With self-paced weights the student") == (rule == "self_paced"))
    }

    /// Runs that differ in the second stage alone share plain model, teachers, views and the student before it.
    @Test func secondStagesShareTheTrainingBeforeThem() throws {
        func run(_ name: SecondStageSettings.Name) throws -> (outcome: RunOutcome, job: SmallJob, lines: [String]) {
            let settings = try settings {
                // Enough steps for the statistics of the batch norms, without which all images look alike.
                $0.model.architecture = .resnet18
                $0.training.epochs = 4
                $0.training.batchSize = 8
                $0.technique.second.name = name
                $0.technique.second.epochs = 2
                $0.distillation?.grouping = "single"
                $0.stages = folder.path + "/stages"
                $0.output = folder.path + "/run-\(name)"
            }
            var lines: [String] = []
            let outcome = try SmallJob(settings).execute(log: { lines.append($0) })
            return (outcome, SmallJob(settings), lines)
        }
        /// The model of a stage in the store.
        func stored(_ stage: String) throws -> ModelBundle {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/stages")
            // The name, a hyphen and sixteen digits of the hash.
            let name = names.first { $0.hasPrefix(stage + "-") && $0.count == stage.count + 17 }
            return try ModelBundle.load(from: folder.path + "/stages/" + #require(name))
        }
        let none = try run(.none)
        for name in SecondStageSettings.Name.allCases.dropFirst() {
            let found = try run(name)
            let shared = ["plain", "teacher-single", "student"]
            #expect(shared.allSatisfy { name in found.lines.contains { $0.hasPrefix(name + ": finished before") } })
            // Where a class's weights get one positive factor and its bias stays, its logit rises with the old one, so ranks
            // stay. Ranks themselves could differ: the new products are rounded again, and images may be that near.
            let keepsRanks = name != .retraining
            for stage in ["plain", "student"] {
                let (old, new) = (try stored(stage).classifier, try stored("\(stage)-\(name.rawValue)").classifier)
                #expect(try trunk(of: old) == trunk(of: new), "\(name)")
                let keepsBias = try old.head.bias?.value.array() as [Float]? == new.head.bias?.value.array()
                #expect(try (keepsBias && hasPositiveFactors(from: old.head, to: new.head)) == keepsRanks, "\(name)")
            }
            for (old, new) in [
                (none.outcome.plainResult, found.outcome.plainResult),
                (none.outcome.studentResult, found.outcome.studentResult),
            ] as [(EvaluationResult?, EvaluationResult?)] {
                #expect(old?.calibrationError != new?.calibrationError, "\(name)")
            }
            let report = String(decoding: try found.job.file("report.md"), as: UTF8.self)
            for part in ["| plain \(name.rawValue) |", "| student \(name.rawValue) |", "then \(name.rawValue)"] {
                #expect(report.contains(part), "\(part)")
            }
            let history = try HistoryFile(path: found.job.settings.output + "/history.csv").rows
            let epochs = history.count { $0.stage == "student-" + name.rawValue }
            #expect(epochs == (name == .tau ? 0 : 2))
            // The model of the run is an ordinary one.
            let bundle = try ModelBundle.load(from: found.job.settings.output)
            #expect(bundle.classifier.head.ownParameters.count == 2)
        }
    }

    /// The values of everything but the head.
    private func trunk(of network: Classifier) throws -> [String: [Float]] {
        let parameters = network.namedParameters.filter { !$0.name.hasPrefix(network.backbone.headName + ".") }
        return Dictionary(uniqueKeysWithValues: try parameters.map { ($0.name, try $0.parameter.value.array()) })
    }

    /// Whether each row of one head is that of the other times a positive factor of its own, each number rounded once or
    /// twice to float32.
    private func hasPositiveFactors(from old: Linear, to new: Linear) throws -> Bool {
        let width = old.weight.value.shape[1]
        let (old, new) = (try old.weight.value.array() as [Float], try new.weight.value.array() as [Float])
        return stride(from: 0, to: old.count, by: width).allSatisfy { start in
            let row = (start..<start + width).map { (old: Double(old[$0]), new: Double(new[$0])) }
            let factor = row.reduce(0) { $0 + $1.old * $1.new } / row.reduce(0) { $0 + $1.old * $1.old }
            return factor > 0 && row.allSatisfy { abs($0.new - factor * $0.old) <= 0x1p-23 * abs(factor * $0.old) }
        }
    }

    @Test(arguments: ["mixup", "cutmix"]) func aStudentOfMixedImagesAsksItsTeachersLive(mixing: String) throws {
        let settings = try settings {
            $0.technique.mixing.kind = .init(rawValue: mixing) ?? .none
            $0.technique.second.name = .retraining
            $0.technique.second.epochs = 1
            $0.distillation?.weights = .membership
            $0.distillation?.teachers.technique = mixing == "mixup" ? .same : .bce
            $0.training.epochs = 2
        }
        let outcome = try execute(settings)
        #expect(outcome.studentResult != nil)
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/stages/banks"), "nothing reads a bank")
        let report = try String(contentsOfFile: settings.output + "/report.md", encoding: .utf8)
        #expect(report.contains("The student saw mixed images") && report.contains(mixing))
        #expect(!report.contains("| view bank |"))
        let metrics = try #require(
            try JSONSerialization.jsonObject(with: SmallJob(settings).file("metrics.json")) as? [String: Any])
        let costs = try #require(metrics["cost"] as? [[String: Any]])
        let teachers = costs.count { ($0["stage"] as? String ?? "").wholeMatch(of: /teacher region\S*/) != nil }
        for stage in ["student", "student crt"] {
            let cost = try #require(costs.first { $0["stage"] as? String == stage })
            let (images, views) = (cost["images"] as? Int ?? 0, cost["views"] as? Int ?? 0)
            // A head alone is trained on images that pass forward only, as they pass the teachers.
            let isWhole = stage == "student"
            #expect(teachers > 1 && views > 0 && (images > 0) == isWhole)
            #expect(isWhole ? views == teachers * images : views.isMultiple(of: teachers + 1))
        }
    }

    @Test func teachersHaveTheSecondStageOfTheTechniqueToo() throws {
        let settings = try settings {
            $0.technique.second.name = .scaling
            $0.technique.second.epochs = 1
            $0.distillation?.teachers.technique = .same
            $0.distillation?.weights = .teacherQuality
            $0.distillation?.grouping = "shot"
        }
        _ = try execute(settings)
        let history = try HistoryFile(path: settings.output + "/history.csv")
        let stages = Set(history.rows.map(\.stage))
        #expect(
            stages.isSuperset(of: ["plain-lws", "plain-inner", "plain-inner-lws", "student-lws"])
                && stages.contains { $0.hasPrefix("teacher-shot") && $0.hasSuffix("-lws") }, "\(stages)")
    }

    @Test func aTransformerTrainsFromWeightsForAnotherResolution() throws {
        let weights = folder.path + "/weights.safetensors"
        let pretrained = try Architecture.vitTinyMean.makeBackbone(resolution: 64)
        try SafetensorsWriter.write(
            pretrained.namedParameters.map { try $0.parameter.value.source(named: "module." + $0.name) }, to: weights)
        let settings = try settings {
            $0.distillation = nil
            $0.model.architecture = .vitTinyMean
            $0.model.weights = weights
            $0.model.dropPath = 0.1
        }
        var lines: [String] = []
        try SmallJob(settings).execute(log: { lines.append($0) })
        #expect(lines.contains { $0.contains("1 resampled: pos_embed (4 x 4 patches to 2 x 2)") })
        let bundle = try ModelBundle.load(from: settings.output)
        #expect(bundle.description.architecture == .vitTinyMean && bundle.description.dropPath == 0.1)
    }

    @Test func plainTrainingNeedsNoTeachers() throws {
        let settings = try settings { $0.distillation = nil }
        let outcome = try execute(settings)
        #expect(outcome.studentResult == nil)
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/plain"))
    }

    @Test func aStopIsHeardAndTheFinishedStagesStay() throws {
        let settings = try settings()
        // Stops once the plain model is stored.
        let stages = settings.output + "/stages"
        #expect(throws: CancellationError.self) {
            try SmallJob(settings).execute(shouldStop: {
                let found = (try? FileManager.default.contentsOfDirectory(atPath: stages)) ?? []
                return found.contains { name in
                    name.hasPrefix("plain-") && FileManager.default.fileExists(atPath: stages + "/\(name)/stage.json")
                }
            })
        }
        #expect(!FileManager.default.fileExists(atPath: settings.output + "/metrics.json"))
        let outcome = try execute(settings, isResuming: true)
        #expect(outcome.studentResult != nil)
    }
}
