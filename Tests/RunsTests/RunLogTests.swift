import Basics
import Comparisons
import ConfigurationFile
import Execution
import Foundation
import Logging
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// What is kept of the messages of runs and comparisons.
@Suite struct RunLogTests {
    private let folder: TemporaryFolder
    private let job: SmallJob

    init() throws {
        folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.training.epochs = 2
        self.job = job
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    private func execute(_ level: Logger.Level, isResuming: Bool = false, stops: Bool = false) throws -> [String] {
        nonisolated(unsafe) var shown: [String] = []
        let history = job.settings.output + "/history.csv"
        let context = ExecutionContext(
            device: .cpu, threads: Engine.threads, isResuming: isResuming,
            shouldStop: { stops && access(history, F_OK) == 0 },
            logger: Logger(label: "test") { _ in LineLogHandler(level: level) { shown.append($0) } })
        do {
            _ = try Run(job.settings, context).execute(configuration: ConfigurationWriter.yaml(job.settings))
            #expect(!stops)
        } catch is CancellationError {
            #expect(stops)
        }
        return shown
    }

    @Test func aRunThatIsResumedKeepsTheMessagesOfBothProcesses() throws {
        let log = job.settings.output + "/run.log"
        #expect(try execute(.error, stops: true).isEmpty)
        let first = try lines(log)
        #expect(first.contains { $0.contains(" info ") && $0.contains(" training and ") }, "\(first)")
        #expect(first.last?.hasSuffix(" info stopped") == true, "\(first)")
        let shown = try execute(.warning, isResuming: true)
        #expect(shown.allSatisfy { $0.hasPrefix("warning: ") }, "\(shown)")
        let second = try lines(log)
        #expect(Array(second.prefix(first.count)) == first)
        #expect(second.dropFirst(first.count).contains { $0.contains(" info plain resumes from ") }, "\(second)")
        #expect(
            second.allSatisfy { $0.prefixMatch(of: /\S+T\S+(Z|[+-]\d\d:\d\d) (info|warning)[ ]/) != nil }, "\(second)")
        #expect(second.last?.hasSuffix(" info finished") == true, "\(second)")
        // Details are kept where the terminal shows them.
        _ = try execute(.debug, isResuming: true)
        #expect(try lines(log).contains { $0.contains(" debug plain: key ") })
    }

    /// The run is refused before it is accepted: nothing is left in the folder, and the next one may begin there.
    @Test func aRunThatIsRefusedLeavesNone() throws {
        let photographs = try FileManager.default.contentsOfDirectory(atPath: job.settings.data.images)
        for name in photographs { try folder.write("no image", to: "phantoms/images/" + name) }
        #expect(foveaError { try job.execute() } != nil)
        #expect(!FileManager.default.fileExists(atPath: job.settings.output + "/run.log"))
    }

    @Test func whyARunEndedIsKept() throws {
        var job = job
        job.settings.training.rate = 1e30
        let error = try #require(foveaError { try job.execute() })
        let last = try lines(job.settings.output + "/run.log").suffix(2).joined(separator: "\n")
        #expect(last.contains(" error ") && last.contains(error.message), "\(last)")
    }

    @Test func aLinkLeadsNowhereAndTheRunGoesOn() throws {
        let mine = try folder.write("mine", to: "mine.log")
        #expect(try execute(.error, stops: true).isEmpty)
        let log = job.settings.output + "/run.log"
        unlink(log)
        try FileManager.default.createSymbolicLink(atPath: log, withDestinationPath: mine)
        let shown = try execute(.warning, isResuming: true)
        #expect(shown.contains { $0.hasPrefix("warning: cannot write \(log): it is a link") }, "\(shown)")
        #expect(FileManager.default.contents(atPath: mine) == Data("mine".utf8))
        #expect(FileManager.default.fileExists(atPath: job.settings.output + "/metrics.json"))
    }

    @Test func aComparisonKeepsItsOwnMessagesAndEachCellIts() throws {
        let settings = try ComparisonSettings(ofOneCell: job.settings, in: folder, output: "comparison")
        for _ in 0..<2 {
            _ = try Comparison(settings, ExecutionContext(device: .cpu, threads: Engine.threads))
                .execute(configuration: ConfigurationWriter.yaml(settings))
        }
        let own = try lines(settings.output + "/comparison.log").map { $0.split(separator: " ", maxSplits: 1)[1] }
        #expect(
            own == [
                "info 1 cells, 0 of them finished", "info cell 1 of 1, phantoms/seed-0/bce/plain", "info finished",
                "info 1 cells, 1 of them finished", "info finished",
            ], "\(own)")
        let cell = try lines(settings.output + "/cells/phantoms/seed-0/bce/plain/run.log")
        #expect(cell.contains { $0.contains(" training and ") })
    }
}
