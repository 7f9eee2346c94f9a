import Basics
import ConfigurationFile
import Execution
import Foundation
import Models
import Prediction
import Reports
import RunFiles
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

/// Files of a run folder that were altered, emptied or lost since the run wrote them.
@Suite(.serialized) struct RunFileTests {
    private let folder: TemporaryFolder
    private var job: SmallJob

    init() throws {
        folder = try TemporaryFolder()
        job = try SmallJob(in: folder.path)
        job.settings.evaluation.bootstrap = 0
    }

    private var context: ExecutionContext { ExecutionContext(device: .cpu, threads: 1) }

    private func evaluate(_ evaluation: ModelEvaluation, part: ModelEvaluation.Part? = nil) throws -> EvaluationOutcome
    {
        var evaluation = evaluation
        evaluation.evaluation.bootstrap = 0
        if let part { evaluation.part = part }
        return try evaluation.run(context)
    }

    /// A check must not be switched off by a file that is there and cannot be opened, as without permission.
    @Test func aFileThatCannotBeOpenedIsNotTakenForMissing() throws {
        try job.execute()
        let run = job.settings.output
        _ = try CalibrationFit(ModelEvaluation(run: run), context)
        let images = Array(try ImageArguments.expand([job.settings.data.images]).prefix(1))
        let familiarity = try #require(
            try FileManager.default.contentsOfDirectory(atPath: run).first { $0.hasPrefix("familiarity-") })
        let stage = try #require(
            try FileManager.default.contentsOfDirectory(atPath: run + "/stages").first { $0.hasPrefix("student-") })
        func predict() throws {
            _ = try ModelPrediction(InferenceModel(run, takesAnyImage: true, context), images: images, context)
        }
        func judge() throws { _ = try evaluate(ModelEvaluation(run: run)) }
        func report() throws { _ = try ModelReporting(run: run, context).write() }
        func resume() throws { try job.execute(isResuming: true) }
        for (name, uses) in [
            ("calibration.json", [predict, judge, report]), (familiarity, [predict, judge]),
            ("metrics.json", [predict, judge, report]), ("config.json", [predict, judge, report]),
            ("sources.json", [judge, report, resume]), ("split.csv", [judge, report]),
            ("config.yaml", [judge, report]), ("stages/\(stage)/stage.json", [resume]),
            ("history.csv", [resume]), ("sessions.json", [resume]),
        ] {
            let path = run + "/" + name
            try FileManager.default.moveItem(atPath: path, toPath: path + ".kept")
            #expect(symlink(PathName.last(of: path), path) == 0)
            for (number, use) in uses.enumerated() {
                let error = foveaError(use)
                #expect(error != nil && [.data, .configuration].contains(error?.kind), "\(name), use \(number)")
                let message = error?.message ?? "none"
                #expect(message.contains(name) && message.contains("symbolic links"), "\(number): \(message)")
            }
            unlink(path)
            try FileManager.default.moveItem(atPath: path + ".kept", toPath: path)
        }
        try report()
    }

    // MARK: Models

    /// Changes something that the file can be read with all the same.
    private func alter(_ path: String) throws {
        if path.hasSuffix(".json") {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let other = text.replacing("\"dropout\" : 0", with: "\"dropout\" : 0.25")
            #expect(other != text, "the test shows nothing")
            try AtomicFile.write(other, to: path)
        } else {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[bytes.count - 2] ^= 1
            try bytes.write(to: URL(fileURLWithPath: path))
        }
    }

    @Test func aModelThatWasAlteredInItsRunFolderIsRefused() throws {
        try job.execute()
        let run = job.settings.output
        let images = Array(try ImageArguments.expand([job.settings.data.images]).prefix(1))
        let stage = try #require(
            try FileManager.default.contentsOfDirectory(atPath: run + "/stages").first { $0.hasPrefix("student-") })
        func predict(_ model: String) throws {
            _ = try ModelPrediction(InferenceModel(model, takesAnyImage: true, context), images: images, context)
        }
        func judge(_ model: String) throws {
            _ = try evaluate(ModelEvaluation(model: model, table: job.settings.data.table, images: nil))
        }
        for model in [run, run + "/plain", run + "/stages/" + stage] {
            for name in [ModelBundle.weightsName, ModelBundle.configurationName] {
                try predict(model)
                let path = model + "/" + name
                let before = try Data(contentsOf: URL(fileURLWithPath: path))
                try alter(path)
                for use in [predict, judge] {
                    let error = foveaError { try use(model) }
                    #expect(error?.kind == .data, "\(path)")
                    #expect(
                        error?.message.contains(path + " is not the file that") == true, "\(String(describing: error))")
                }
                try before.write(to: URL(fileURLWithPath: path))
            }
        }
        // Where the hashes themselves cannot be read, nothing vouches for the model.
        let metrics = try job.file("metrics.json")
        try folder.write("{", to: "run/metrics.json")
        #expect(
            foveaError { try predict(run) }?.message.contains("metrics.json is not the file that the run wrote") == true
        )
        try folder.write(metrics, to: "run/metrics.json")
        // A model alone has no hashes.
        for name in [ModelBundle.weightsName, ModelBundle.configurationName] {
            try folder.write(try job.file(name), to: "alone/" + name)
        }
        try alter(folder.path + "/alone/" + ModelBundle.weightsName)
        try predict(folder.path + "/alone")
        // A resumed run writes what was altered again.
        try alter(run + "/" + ModelBundle.weightsName)
        try job.execute(isResuming: true)
        try predict(run)
    }

    // MARK: The history

    private enum Damage: CaseIterable {
        case emptied
        case cut
        case altered
    }

    private func damage(_ kind: Damage, _ path: String) throws {
        var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        switch kind {
        case .emptied: lines.removeSubrange(1...)
        case .cut: lines.removeLast()
        case .altered: lines[1] = lines[1].replacing("plain,1,", with: "plain,1,9")
        }
        try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: path)
    }

    @Test func aHistoryThatWasCutOrChangedIsWrittenAgain() throws {
        var job = job
        job.settings.distillation = nil
        job.settings.training.epochs = 4
        let path = job.settings.output + "/history.csv"
        func rows() throws -> [HistoryRow] { try HistoryFile(path: path).rows }
        // In a training that resumes from a checkpoint.
        #expect(throws: CancellationError.self) {
            try job.execute(shouldStop: { ((try? HistoryFile(path: path).rows.count) ?? 0) >= 2 })
        }
        let begun = try rows()
        #expect(begun.count == 2)
        for kind in Damage.allCases {
            try damage(kind, path)
            #expect(try rows() != begun, "the test shows nothing")
            var lines: [String] = []
            #expect(throws: CancellationError.self) {
                try job.execute(
                    isResuming: true, shouldStop: { ((try? HistoryFile(path: path).rows) ?? []) == begun },
                    log: { lines.append($0) })
            }
            #expect(lines.contains { $0.hasPrefix("warning: \(path) does not have the 2 epochs of plain") }, "\(lines)")
            #expect(try rows() == begun)
        }
        try job.execute(isResuming: true)
        // In one whose stages are finished.
        let whole = try rows()
        #expect(whole.count == 4 && Array(whole.prefix(2)) == begun)
        for kind in Damage.allCases {
            try damage(kind, path)
            var lines: [String] = []
            try job.execute(isResuming: true, log: { lines.append($0) })
            #expect(try rows() == whole)
            // Without any epoch it is as if the stage were another run's.
            #expect(
                kind == .emptied || lines.contains { $0.contains("does not have the 4 epochs of plain") }, "\(lines)")
        }
        try AtomicFile.write("", to: path)
        let error = foveaError { try job.execute(isResuming: true) }
        #expect(
            error?.kind == .data && error?.remedy?.contains("writes it again") == true, "\(String(describing: error))")
        unlink(path)
        var lines: [String] = []
        try job.execute(isResuming: true, log: { lines.append($0) })
        #expect(try rows() == whole)
        #expect(!lines.contains { $0.contains("does not have the") }, "\(lines)")
    }

    // MARK: Records

    @Test func recordsThatAreMissingAreNamed() throws {
        var job = job
        job.settings.distillation = nil
        try job.execute()
        let run = job.settings.output
        unlink(run + "/sources.json")
        let notes = try evaluate(ModelEvaluation(run: run)).notes
        #expect(notes.contains { $0.hasPrefix(run + "/sources.json is missing: the relative paths") }, "\(notes)")
        var lines: [String] = []
        try job.execute(isResuming: true, log: { lines.append($0) })
        #expect(lines.contains { $0.hasPrefix("warning: \(run)/sources.json is missing") }, "\(lines)")

        unlink(run + "/split.csv")
        let error = foveaError { _ = try evaluate(ModelEvaluation(run: run)) }
        #expect(error?.kind == .data && error?.message.hasPrefix(run + "/split.csv is missing") == true)
        #expect(error?.remedy?.contains("fovea train --resume \(run)") == true)
        let all = try evaluate(ModelEvaluation(run: run), part: .all)
        #expect(all.trainedImages == nil)
        #expect(
            all.notes.contains { $0.contains("\(run)/split.csv is missing, though its run wrote it") }, "\(all.notes)")
        try job.execute(isResuming: true)
        #expect(try evaluate(ModelEvaluation(run: run)).trainedImages == 0)
    }

    @Test func anotherTableThanTheRunsIsNamed() throws {
        var job = job
        job.settings.distillation = nil
        try job.execute()
        let run = job.settings.output
        let text = try String(contentsOfFile: job.settings.data.table, encoding: .utf8)
        let same = try folder.write(text, to: "same.csv")
        let other = try folder.write(text + "\n", to: "other.csv")
        func notes(_ table: String) throws -> [String] {
            try evaluate(ModelEvaluation(run: run, settings: ["data.table=" + table])).notes
        }
        #expect(try !notes(same).contains { $0.contains("is not the file that the run was made with") })
        let hashes = try [other, job.settings.data.table].map { try Digest.sha256(fileAt: $0).prefix(12) }
        let said = try notes(other)
        #expect(
            said.contains {
                $0.hasPrefix("\(other) (data.table) is not the file that the run was made with, which was ")
                    && $0.contains(job.settings.data.table) && $0.contains("is \(hashes[0])...")
                    && $0.contains("was \(hashes[1])...")
            }, "\(said)")
    }

    /// `--set` cannot reach into a list, so it is not advised.
    @Test func adviceForATableOfSeveralNamesTheFile() throws {
        var job = job
        job.settings.distillation = nil
        job.settings.data.tables = [TableSettings(path: job.settings.data.table, images: job.settings.data.images)]
        job.settings.data.table = ""
        job.settings.data.images = ""
        try job.execute()
        try FileManager.default.removeItem(atPath: job.settings.data.tables[0].path)
        let error = foveaError { _ = try ModelEvaluation(run: job.settings.output) }
        #expect(error?.message.contains("data.tables[0].path of the run in") == true, "\(String(describing: error))")
        #expect(error?.remedy?.contains("--set") == false)
        #expect(error?.remedy?.contains("write where it is now into \(job.settings.output)/config.yaml") == true)
    }

    // MARK: Folders

    @Test func aRunThatAnotherProcessTrainsIsBusyWhateverLiesThere() throws {
        let held = try RunFolder(job.settings.output, isResuming: false)
        // What makes it a used folder.
        try folder.write("seed: 0\n", to: "run/config.yaml")
        try folder.write("x", to: "run/checkpoints/x")
        #expect(foveaError { try job.execute() }?.kind == .busy)
        withExtendedLifetime(held) {}
    }

    @Test func aModelFolderThatDoesNotExistIsSaidNotTo() throws {
        for path in [folder.path + "/nowhere", folder.path + "/nowhere/model.safetensors"] {
            for error in [
                foveaError { _ = try ModelEvaluation(run: path) },
                foveaError { _ = try ModelPrediction(InferenceModel(path, context), images: [], context) },
            ] {
                #expect(
                    error?.kind == .data && error?.message.hasSuffix("/nowhere does not exist") == true,
                    "\(String(describing: error))")
            }
        }
        let file = try folder.write("x", to: "file")
        #expect(foveaError { _ = try ModelEvaluation(run: file) }?.message.hasSuffix("is not a folder") == true)
    }
}
