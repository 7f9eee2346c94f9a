import Foundation
import RunTestSupport
import Testing

/// `fovea compare --jobs`: processes that divide a comparison among them.
@Suite(.serialized) struct JobTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.writeSmallRun(training: "epochs: 2", evaluation: "bootstrap: 0, every: 0")
    }

    /// Arguments for a comparison of two units.
    private func arguments(_ technique: String, output: String = "out", _ more: String...) throws -> [String] {
        try folder.write(
            """
            datasets: [{name: p, config: c.yaml}]
            techniques: [\(technique)]
            arms: [plain]
            seeds: [0, 1]
            minimum_positive_patients: 2
            bootstrap: 20

            """, to: "comparison.yaml")
        return ["compare", "comparison.yaml", "--device", "cpu", "--set", "output=\(output)"] + more
    }

    private func file(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
    }

    /// Of the processes, those that work: one that nobody waits for remains as a zombie.
    private func working(_ processes: [pid_t]) -> [pid_t] {
        processes.filter {
            let status = (try? String(contentsOfFile: "/proc/\($0)/status", encoding: .utf8)) ?? "State:\tZ"
            return !status.contains("State:\tZ")
        }
    }

    @Test func twoJobsOfOneThreadComeToTheSameAsOneThread() throws {
        let alone = try ProgramRun(arguments("{name: bce}", output: "alone", "--threads", "1"), in: folder)
        #expect(alone.status == 0, "\(alone.errors)")
        let planned = try ProgramRun(
            arguments("{name: bce}", "--threads", "2", "--jobs", "2", "--dry-run"), in: folder)
        #expect(planned.output.hasSuffix("\n2 jobs, with 1 thread each\n"), "\(planned.output)")
        let jobs = try ProgramRun(arguments("{name: bce}", "--threads", "2", "--jobs", "2"), in: folder)
        #expect(jobs.status == 0, "\(jobs.errors)")
        let lines = jobs.errors.split(separator: "\n")
        #expect(lines.first == "2 jobs, with 1 thread each" && lines.last == "2 cells, 2 of them finished")
        #expect(lines.dropFirst().dropLast().allSatisfy { $0.hasPrefix("[1] ") || $0.hasPrefix("[2] ") }, "\(lines)")
        for name in [
            "cells/p/seed-0/bce/plain/model.safetensors", "cells/p/seed-1/bce/plain/model.safetensors",
            "cells/p/seed-1/bce/plain/predictions.csv", "means.csv",
        ] {
            #expect(try file("out/" + name) == file("alone/" + name), "\(name)")
        }
        // Nothing is left to divide.
        let again = try ProgramRun(arguments("{name: bce}", "--jobs", "auto"), in: folder)
        #expect(again.status == 0 && again.errors == "2 cells, 2 of them finished\n", "\(again.errors)")
        #expect(again.output == jobs.output)
    }

    @Test func theStatusIsThatOfAJobThatFails() throws {
        // Each step multiplies the weights by about -99.
        let wild = "training.rate=10, training.weight_decay=10, training.schedule=constant, training.epochs=20"
        let run = try ProgramRun(
            arguments("{name: wild, set: [\(wild)]}, {name: bce}", "--threads", "2", "--jobs", "2"), in: folder)
        #expect(run.status == 76)
        #expect(run.errors.contains("] error: ") && run.errors.contains(" could not be trained: p/seed-"))
        #expect(run.errors.contains("\nerror: job ") && run.errors.contains(" ended with status 76; "), "\(run.errors)")
        for seed in [0, 1] { _ = try file("out/cells/p/seed-\(seed)/bce/plain/metrics.json") }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out/means.csv"))
    }

    @Test func aStopSavesInAllJobsAndTheSameCommandGoesOn() throws {
        let given = try arguments("{name: bce, set: [training.epochs=40]}", "--threads", "2", "--jobs", "2")
        let first = try RunningProgram(given, in: folder)
        try first.wait { ["[1] plain: ", "[2] plain: "].allSatisfy(first.errors.contains) }
        let jobs = first.children
        #expect(jobs.count == 2)
        // As a service manager does it: all processes get it, and the first hands it on.
        for job in jobs { kill(job, SIGTERM) }
        first.send(SIGTERM)
        #expect(first.end() == 143)
        #expect(first.errors.hasSuffix("\nThe same command resumes from here.\nstopped\n"), "\(first.errors)")
        #expect(working(jobs).isEmpty)
        let second = try RunningProgram(given, in: folder)
        #expect(second.end() == 0, "\(second.errors)")
        for seed in [0, 1] {
            #expect(second.errors.contains("plain resumes from out/cells/p/seed-\(seed)/bce/plain/checkpoints/plain-"))
        }
        _ = try file("out/means.csv")
    }

    @Test(arguments: [([SIGTERM, SIGINT], 143), ([SIGKILL], -SIGKILL)] as [([Int32], Int32)])
    func noJobOutlivesTheProcessThatStartedIt(signals: [Int32], status: Int32) throws {
        let given = try arguments("{name: bce, set: [training.epochs=10000]}", "--threads", "2", "--jobs", "2")
        let run = try RunningProgram(given, in: folder)
        try run.wait { ["[1] plain: ", "[2] plain: "].allSatisfy(run.errors.contains) }
        let jobs = run.children
        for signal in signals { run.send(signal) }
        #expect(run.end() == status)
        for _ in 0..<1000 where !working(jobs).isEmpty { usleep(10_000) }
        #expect(jobs.count == 2 && working(jobs).isEmpty)
    }
}
