import Basics
import ConfigurationFile
import Distillation
import Foundation
import Reports
import RunFiles
import RunTestSupport
import Runs
import Settings
import Synchronization
import TestSupport
import Testing
import Torch

/// The whole job, stopped again and again in all of its stages, comes to the same bits as one that was left alone.
@Suite struct InterruptedJobTests {
    @Test(arguments: Precision.allCases) func theJobGoesOnExactly(_ precision: Precision) async {
        // In a process of its own: other tests draw from the engine's random numbers too.
        await #expect(processExitsWith: .success) { [precision = precision as Precision] in
            let folder = try TemporaryFolder()
            var job = try SmallJob(in: folder.path)
            job.settings.training.precision = precision
            job.settings.training.epochs = 2
            job.settings.training.averageDecay = 0.9
            job.settings.distillation?.weights = .selfPaced
            job.settings.evaluation.every = 2
            job.settings.technique.second.name = .retraining
            job.settings.technique.second.epochs = 1
            job.settings.distillation?.teachers.technique = .same
            try job.execute()
            var straight = job
            job.settings.output = folder.path + "/interrupted"
            // Nothing is reused from the first run.
            straight.settings.output = folder.path + "/run"

            var stops = 0
            var limit = 3
            var lines: [String] = []
            while stops < 40 {
                let asked = Atomic(0)
                let most = limit
                do {
                    try job.execute(
                        isResuming: stops > 0,
                        shouldStop: { asked.add(1, ordering: .relaxed).newValue > most }, log: { lines.append($0) })
                    break
                } catch is CancellationError {
                    stops += 1
                    limit += limit / 2
                }
            }
            #expect((5..<40).contains(stops), "\(stops)")
            #expect(lines.contains { $0.contains("resumes from") }, "no stop fell into a training")
            for name in ["predictions.csv", "plain/predictions.csv", "model.safetensors", "plain/model.safetensors"] {
                #expect(try job.file(name) == straight.file(name), "\(name)")
            }
            func rows(_ job: SmallJob) throws -> [HistoryRow] {
                try HistoryFile(path: job.settings.output + "/history.csv").rows.map {
                    var row = $0
                    (row.seconds, row.imagesPerSecond) = (nil, nil)
                    return row
                }
            }
            #expect(try rows(job) == rows(straight))
            let left = try FileManager.default.contentsOfDirectory(atPath: job.settings.output + "/checkpoints")
            #expect(left.isEmpty, "a finished stage keeps no checkpoints: \(left)")
        }
    }

    @Test func aResumedRunWithOtherDataSaysWhyItBeginsAnew() throws {
        let folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.training.epochs = 3
        let history = job.settings.output + "/history.csv"
        #expect(throws: CancellationError.self) {
            try job.execute(shouldStop: { FileManager.default.fileExists(atPath: history) })
        }
        let stages = try FileManager.default.contentsOfDirectory(atPath: job.settings.output + "/checkpoints")
        #expect(stages.count == 1)
        var table = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        let train = try #require(table.firstIndex { $0.contains(",train") })
        table.remove(at: train)
        try AtomicFile.write(table.joined(separator: "\n") + "\n", to: job.settings.data.table)
        var lines: [String] = []
        try job.execute(isResuming: true, log: { lines.append($0) })
        #expect(lines.contains { $0.hasPrefix("warning: ") && $0.contains("checkpoints/" + stages[0]) }, "\(lines)")
        #expect(!lines.contains { $0.contains("resumes from") })
    }

    @Test func twoTrainingsInOneFolder() throws {
        let folder = try TemporaryFolder()
        let held = try RunFolder(folder.path + "/run", isResuming: false)
        let error = foveaError { _ = try RunFolder(held.path, isResuming: true) }
        #expect(error?.kind == .busy)
        #expect(error?.message.contains("another process is training in \(held.path)") == true)
        withExtendedLifetime(held) {}
    }

    @Test func whatAKilledProcessHadBegunToWriteIsRemoved() throws {
        let folder = try TemporaryFolder()
        let hash = "0123456789abcdef"
        let leftOver = [
            "run/stages/plain-\(hash)/model.safetensors.12.34.partial", "run/report.md.12.34.partial",
            "run/calibration.json.12.34.partial",
            "run/plain/config.json.12.34.partial", "run/plots/gain.svg.12.34.partial",
            "run/checkpoints/plain-\(hash)/epoch-00001-batch-0000000.partial/state.json",
            "run/nonfinite/plain-\(hash)/epoch-00001-batch-0000000.partial/state.json",
            "shared/student-\(hash)/stage.json.12.34.partial", "shared/banks/disc-\(hash).safetensors.12.34.partial",
        ]
        let kept = [
            "run/history.csv", "run/split.csv", "run/stages/plain-\(hash)/config.json.partial",
            "run/mine/report.md.12.34.partial",
            "run/checkpoints/mine/epoch-00001-batch-0000000.partial/state.json",
            "run/checkpoints/plain-\(hash)/epoch-of-mine.partial/state.json",
            "shared/mine/stage.json.12.34.partial", "shared/mine.12.34.partial",
        ]
        for name in leftOver + kept { try folder.write("stage,epoch,step\n", to: name) }
        try folder.write("seed: 0\n", to: "run/config.yaml")
        // A process that is at work on a stage.
        let place = folder.path + "/shared/student-\(hash)/model.safetensors"
        try AtomicFile.write(to: place) { _ in
            let run = try RunFolder(folder.path + "/run", isResuming: true)
            run.removeLeftOver(StageStore(folder: run.file("stages")))
            run.removeLeftOver(StageStore(folder: folder.path + "/shared"))
        }
        let left = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
        for name in leftOver { #expect(!left.contains(name), "\(name)") }
        for name in kept { #expect(left.contains(name), "\(name)") }
        #expect(FileManager.default.fileExists(atPath: place), "what is being written was removed")
    }

    @Test func aRunRecordsWhatItWasMadeOf() throws {
        let folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        try job.execute()
        let metrics = try #require(
            try JSONSerialization.jsonObject(with: job.file("metrics.json")) as? [String: Any])
        #expect(metrics["fovea"] as? String == Program.version)
        #expect(metrics["engine"] as? String == Engine.version)
        #expect(
            metrics["configuration"] as? String == (try Digest.sha256(fileAt: job.settings.output + "/config.yaml")))
        let table = job.settings.data.table
        #expect((metrics["label_tables"] as? [String: String]) == [table: try Digest.sha256(fileAt: table)])
    }
}
