import Foundation
import RunTestSupport
import Testing

/// Workers, each started by itself, that compute one comparison together.
@Suite(.serialized) struct WorkersTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.writeSmallRun(training: "epochs: 6", evaluation: "bootstrap: 0, every: 0")
        try folder.write(
            """
            datasets: [{name: p, config: c.yaml}]
            techniques: [{name: bce}, {name: asl, set: [technique.loss=asymmetric]}]
            arms: [plain]
            seeds: [0, 1, 2]
            minimum_positive_patients: 2
            bootstrap: 20

            """, to: "comparison.yaml")
    }

    private func arguments(_ output: String) -> [String] {
        ["compare", "comparison.yaml", "--device", "cpu", "--threads", "1", "--set", "output=\(output)"]
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    private static let srun = ProcessInfo.processInfo.environment["FOVEA_SRUN"].map { URL(fileURLWithPath: $0) }

    /// Three workers on the two machines of `tools/with_slurm.sh`, one of which waits for a place.
    @Test(.enabled(if: srun != nil, "needs Slurm (FOVEA_SRUN)")) func aSlurmArrayIsAnyNumberOfWorkers() throws {
        let alone = try ProgramRun(arguments("alone"), in: folder)
        #expect(alone.status == 0, "\(alone.errors)")
        let command = ([ProgramRun.program.path] + arguments("out")).joined(separator: " ")
        let sbatch = try #require(Self.srun).deletingLastPathComponent().appendingPathComponent("sbatch")
        let array = try RunningProgram(
            ["--wait", "--array", "0-2", "--output", "log-%a", "--wrap", command], in: folder, program: sbatch)
        // The highest of their statuses; one that finds only units that others hold ends with 161.
        #expect([0, 161].contains(array.end()), "\(array.errors)")
        let logs = try (0..<3).map { try text("log-\($0)") }
        for name in ["means.csv", "differences.csv"] {
            #expect(try text("out/" + name) == text("alone/" + name), "\(logs)")
        }
    }

    /// Of three, one is killed at a random time, again and again, and another one started.
    @Test func workersThatAreKilledLeaveNothingUndoneOrTwice() throws {
        let alone = try ProgramRun(arguments("alone"), in: folder)
        #expect(alone.status == 0, "\(alone.errors)")
        var random = SystemRandomNumberGenerator()
        var workers = try (0..<3).map { _ in try RunningProgram(arguments("out"), in: folder) }
        for _ in 0..<20 {
            usleep(UInt32.random(in: 0..<600_000, using: &random))
            let place = Int.random(in: 0..<3, using: &random)
            workers[place].send(SIGKILL)
            _ = workers[place].end()
            workers[place] = try RunningProgram(arguments("out"), in: folder)
        }
        // One that finds only units that others hold ends with 161.
        let ends = workers.map { $0.end() }
        #expect(ends.allSatisfy { [0, 161].contains($0) }, "\(ends) \(workers.map(\.errors))")
        let last = try ProgramRun(arguments("out"), in: folder)
        #expect(last.status == 0, "\(last.errors)")
        for name in ["means.csv", "differences.csv"] { #expect(try text("out/" + name) == text("alone/" + name)) }
        for seed in 0..<3 {
            for technique in ["bce", "asl"] {
                let cell = "/cells/p/seed-\(seed)/\(technique)/plain/"
                #expect(try text("out\(cell)predictions.csv") == text("alone\(cell)predictions.csv"))
                let ends = try text("out\(cell)run.log").split(separator: "\n").count { $0.hasSuffix(" finished") }
                #expect(ends <= 1, "\(cell) was finished \(ends) times")
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out/cells/p/seed-\(seed)")
            // One that is killed while it claims leaves a mark, which a later claim removes.
            #expect(left.filter { !$0.hasPrefix(".claim-") }.sorted() == ["asl", "bce"])
        }
    }
}
