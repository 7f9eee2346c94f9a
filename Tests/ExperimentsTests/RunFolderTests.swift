import Basics
import Configuration
import Experiments
import Foundation
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
        "report.md", "metrics.json", "config.yaml", "config.json", "history.csv", "predictions.csv", "split.csv",
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

    @Test func aComparisonOverwritesNothingEither() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        var settings = ComparisonSettings()
        var dataset = ComparedDataset()
        dataset.name = "phantoms"
        dataset.configuration = try folder.write(ConfigurationWriter.yaml(job.settings), to: "run.yaml")
        settings.datasets = [dataset]
        var technique = ComparedTechnique()
        technique.name = "bce"
        settings.techniques = [technique]
        settings.arms = [.plain]
        settings.output = folder.path + "/project"
        for name in ["comparison.yaml", "comparison.md", "means.csv", "plots/mine.png"] {
            try folder.write("mine\n", to: "project/" + name)
            let before = try contents()
            let error = foveaError {
                _ = try Comparison(settings, Surroundings(device: .cpu, threads: 1)) { _ in }.execute(
                    configuration: "new")
            }
            #expect(error?.kind == .configuration && error?.message.contains("would overwrite") == true, "\(name)")
            #expect(try contents() == before)
            try FileManager.default.removeItem(atPath: folder.path + "/project")
        }
    }
}
