import Basics
import Comparisons
import ConfigurationFile
import Execution
import Foundation
import RunFiles
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// What a run may touch in a folder where others' files lie.
@Suite struct RunFolderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func contents() throws -> [String: Data] {
        var found: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where !Folder.exists(folder.path + "/" + name) {
            found[name] = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
        }
        return found
    }

    @Test(arguments: [
        "report.md", "metrics.json", "config.yaml", "config.json", "history.csv", "run.log", "predictions.csv",
        "split.csv", "calibration.json",
        "model.safetensors", "plots/mine.png", "plain/notes.txt",
    ]) func nothingThatNoRunWroteIsOverwritten(_ name: String) throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.output = folder.path + "/project"
        try folder.write("mine\n", to: "project/" + name)
        let before = try contents()
        for isResuming in [false, true] where !isResuming || name != "config.yaml" {
            let error = foveaError { try job.execute(isResuming: isResuming) }
            #expect(error?.kind == .configuration)
            let shown = name.split(separator: "/")[0]
            let isWork = error?.message.contains("holds the work of a run but not its config.yaml") == true
            #expect(error?.message.contains(shown) == true || isWork, "\(String(describing: error))")
        }
        let after = try contents().filter { !$0.key.hasSuffix(".lock") && !$0.key.hasPrefix("cache/") }
        #expect(after == before.filter { !$0.key.hasPrefix("cache/") })
    }

    @Test func othersFilesStayBesideARun() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        job.settings.output = folder.path + "/project"
        let others = [
            "downloads/x.pth.partial", "x.12.34.partial", "notes.md", "checkpoints-of-mine/a.partial",
            "plots.md.12.34.partial",
        ]
        for name in others { try folder.write("mine\n", to: "project/" + name) }
        // What a killed run left.
        for name in ["metrics.json.12.34.partial", "stages/plain-0123456789abcdef/stage.json.12.34.partial"] {
            try folder.write("half", to: "project/" + name)
        }
        let before = try contents()
        // Refused: nothing is touched.
        #expect(foveaError { try job.execute() }?.kind == .configuration)
        var wrong = job
        wrong.settings.data.split.validation = ["nowhere"]
        #expect(foveaError { try wrong.execute(isResuming: true) } != nil)
        #expect(try contents().filter { !$0.key.hasSuffix(".lock") } == before)
        try job.execute(isResuming: true)
        let after = try contents()
        for name in others { #expect(after["project/" + name] == Data("mine\n".utf8), "\(name)") }
        #expect(!after.keys.contains { $0.contains("metrics.json.") || $0.contains("stage.json.") })
        #expect(after["project/metrics.json"] != nil)
    }

    @Test func anInterruptedRunKeepsOthersReport() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        job.settings.training.epochs = 3
        let history = job.settings.output + "/history.csv"
        #expect(throws: CancellationError.self) {
            try job.execute(shouldStop: { FileManager.default.fileExists(atPath: history) })
        }
        try folder.write("mine\n", to: "run/report.md")
        let error = foveaError { try job.execute(isResuming: true) }
        #expect(error?.message.contains("report.md") == true)
        #expect(try String(contentsOfFile: folder.path + "/run/report.md", encoding: .utf8) == "mine\n")
        unlink(folder.path + "/run/report.md")
        try job.execute(isResuming: true)
        // A finished one is written again.
        try job.execute(isResuming: true)
    }

    @Test func aRunWithoutItsConfigurationSaysSo() throws {
        try folder.write("x", to: "run/stages/plain-0123456789abcdef/model.safetensors")
        let error = foveaError { _ = try RunFolder(folder.path + "/run", isResuming: false) }
        #expect(error?.message.contains("holds the work of a run but not its config.yaml") == true)
        #expect(error?.remedy?.contains("put the configuration that it was made with there") == true)
    }

    /// One cell, in `project`.
    private func comparisonSettings() throws -> ComparisonSettings {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        return try ComparisonSettings(ofOneCell: job.settings, in: folder, output: "project")
    }

    private func comparison(
        _ settings: ComparisonSettings, shouldStop: @escaping @Sendable () -> Bool = { false }
    ) -> Comparison {
        Comparison(settings, ExecutionContext(device: .cpu, threads: 1, shouldStop: shouldStop))
    }

    @Test func aComparisonOverwritesNothingEither() throws {
        let settings = try comparisonSettings()
        for name in [
            "comparison.yaml", "comparison.log", "comparison.md", "means.csv", "plots/mine.png", "sources.json",
            "cells/mine.csv",
            "stages/mine.txt",
        ] {
            try folder.write("mine\n", to: "project/" + name)
            let before = try contents()
            let error = foveaError {
                _ = try comparison(settings).execute(configuration: "new")
            }
            #expect(error?.kind == .configuration && error?.message.contains("would overwrite") == true, "\(name)")
            #expect(error?.message.contains(name.split(separator: "/")[0]) == true)
            #expect(try contents() == before)
            try FileManager.default.removeItem(atPath: folder.path + "/project")
        }
    }

    /// The record of a run is not that of a comparison, nor the other way round.
    @Test func aRunAndAComparisonDoNotShareAFolder() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        try job.execute()
        var settings = try comparisonSettings()
        settings.output = job.settings.output
        let before = try contents()
        let error = foveaError { _ = try comparison(settings).execute(configuration: "new") }
        #expect(error?.kind == .configuration && error?.message.contains("sources.json") == true)
        try folder.write(#"{"format": 1, "fovea": "0", "made_in": "/"}"#, to: "all/sources.json")
        job.settings.output = folder.path + "/all"
        let other = foveaError { try job.execute() }
        #expect(other?.kind == .configuration && other?.message.contains("sources.json") == true)
        #expect(try contents().filter { !$0.key.hasPrefix("all/") } == before)
    }

    @Test func resultsOfAComparisonOverwriteNothingEither() throws {
        let settings = try comparisonSettings()
        let output = settings.output
        #expect(throws: CancellationError.self) {
            _ = try comparison(
                settings, shouldStop: { FileManager.default.fileExists(atPath: output + "/sources.json") }
            ).execute(configuration: "new")
        }
        // Not written yet, so somebody else's.
        try folder.write("mine\n", to: "project/means.csv")
        let refusal = foveaError { _ = try comparison(settings).execute(configuration: "new") }
        #expect(refusal?.kind == .configuration && refusal?.message.contains("means.csv") == true)
        unlink(output + "/means.csv")
        _ = try comparison(settings).execute(configuration: "new")
        _ = try comparison(settings).report()
        let merge = try folder.write("merge: {pale_or_large: [disc_pallor, enlarged_cup]}", to: "merge.yaml")
        for name in ["means.csv", "comparison.md", "plots/mine.png", "sources.json", "decisions.csv"] {
            try folder.write("mine\n", to: "project/merged/" + name)
            let before = try contents()
            let error = foveaError { _ = try comparison(settings).report(merge: merge) }
            #expect(error?.kind == .configuration && error?.message.contains("would overwrite") == true, "\(name)")
            #expect(try contents() == before)
            try FileManager.default.removeItem(atPath: output + "/merged")
        }
        try folder.write("mine\n", to: "project/merged")
        #expect(foveaError { _ = try comparison(settings).report(merge: merge) }?.kind == .configuration)
        unlink(output + "/merged")
        // What it wrote itself it writes again; what else lies there stays.
        _ = try comparison(settings).report(merge: merge)
        try folder.write("mine\n", to: "project/merged/notes.md")
        try folder.write("half", to: "project/merged/means.csv.12.34.partial")
        _ = try comparison(settings).report(merge: merge)
        let names = try FileManager.default.contentsOfDirectory(atPath: output + "/merged")
        #expect(names.contains("notes.md") && !names.contains { $0.hasSuffix(".partial") })
    }

    /// Found before anything is decoded or trained.
    @Test(arguments: ["plots", "plain", "checkpoints", "nonfinite", "stages", "stages/banks"])
    func aFileWhereAFolderMustBeIsFoundFirst(_ name: String) throws {
        var job = try SmallJob(in: folder.path)
        job.settings.output = folder.path + "/project"
        try folder.write("mine\n", to: "project/" + name)
        for isResuming in [false, true] {
            let error = foveaError { try job.execute(isResuming: isResuming) }
            #expect(error?.kind == .configuration, "\(String(describing: error))")
            #expect(error?.message.contains("project/\(name), which is a file") == true)
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache"))
        #expect(try String(contentsOfFile: folder.path + "/project/" + name, encoding: .utf8) == "mine\n")
    }

    @Test func aRunThatIsResumedWhereNothingCanBeWrittenIsNotSentElsewhere() async throws {
        var settings = RunSettings()
        settings.output = folder.path + "/run"
        try Folder.make(settings.output)
        #expect(chmod(settings.output, 0o555) == 0 && chmod(folder.path, 0o755) == 0)
        settings.cache = folder.path + "/cache"
        let text = ConfigurationWriter.yaml(settings)
        await #expect(processExitsWith: .success) { [text = text as String] in
            // Root may write everywhere.
            if geteuid() == 0 { setuid(65534) }
            let settings = try ConfigurationReader.read(RunSettings.self, yaml: text, source: "c.yaml")
            let error = foveaError { try settings.checkFolders(isResuming: true) }
            exit(
                error?.kind == .configuration && error?.message.contains("not writable: Permission denied") == true
                    && error?.remedy?.contains("another folder") == false
                    && error?.remedy?.contains("copy the whole run") == true ? 0 : 1)
        }
    }

    @Test(arguments: [
        "plots", "cells", "stages", "stages/banks", "cells/phantoms", "cells/phantoms/seed-0/bce/plain/plots",
    ]) func aComparisonFindsAFileWhereAFolderMustBeFirst(_ name: String) throws {
        let settings = try comparisonSettings()
        try folder.write("mine\n", to: "project/" + name)
        // As of a comparison that was begun.
        try folder.write(#"{"format": 1, "fovea": "0", "made_in": "/"}"#, to: "project/sources.json")
        let error = foveaError { _ = try comparison(settings).execute(configuration: "new") }
        #expect(error?.kind == .configuration, "\(String(describing: error))")
        #expect(error?.message.contains("project/\(name)") == true && error?.message.contains("a file") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache"))
    }

    /// `output: .` where somebody has files of these names.
    @Test(arguments: [
        ["stages/a.txt"], ["checkpoints/epoch-1.pt"], ["metrics.json"],
        ["stages/a.txt", "metrics.json", "config.yaml"],
        ["model.safetensors", "config.json"], ["stages/a.txt", "config.yaml", "sources.json"],
    ]) func aProjectFolderIsNotTakenForARun(_ names: [String]) throws {
        var job = try SmallJob(in: folder.path)
        job.settings.output = folder.path + "/project"
        for name in names { try folder.write("{\"accuracy\": 0.5}\n", to: "project/" + name) }
        let before = try contents()
        let error = foveaError { try job.execute() }
        #expect(error?.kind == .configuration)
        for name in names {
            let shown = name.split(separator: "/")
            #expect(error?.message.contains(shown[0] + (shown.count > 1 ? "/" : "")) == true, "\(name)")
        }
        #expect(error?.message.contains("holds a run") == false && error?.message.contains("the work of") == false)
        #expect(error?.remedy?.contains("Choose another folder as `output`") == true)
        #expect(error?.remedy?.contains("elete") == false)
        #expect(try contents() == before)
        guard !names.contains("config.yaml") else { return }
        let resumed = foveaError { _ = try RunFolder.configuration(of: job.settings.output) }
        #expect(resumed?.message.contains("is not a run folder") == true)
    }
}
