import Basics
import Foundation
import RunTestSupport
import TestSupport
import Testing

/// `fovea train` as several processes, as `torchrun` starts them.
@Suite(.serialized) struct SeveralProcessesTests {
    private let folder: WorkFolder
    /// torchrun of the version of PyTorch that Fovea is written for, mpirun and srun; `make scale` names them.
    private static let torchrun = program("FOVEA_TORCHRUN")
    private static let mpirun = program("FOVEA_MPIRUN")
    private static let srun = program("FOVEA_SRUN")

    private static func program(_ variable: String) -> URL? {
        ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0) }
    }

    init() throws {
        folder = try WorkFolder()
        try folder.writeSmallRun(
            training: "epochs: 2, rate: 0.0001, sync_batch_norm: true", evaluation: "bootstrap: 20, every: 1")
        try folder.write(
            String(contentsOfFile: folder.path + "/c.yaml", encoding: .utf8).replacing(
                "distillation: null",
                with: "distillation: {views: 2, feature_lambda: 1, teachers: {epochs: 1, minimum_steps: 1}}"),
            to: "rskd.yaml")
    }

    private func arguments(_ output: String, _ more: [String] = [], config: String = "c.yaml") -> [String] {
        ["train", config, "--device", "cpu", "--threads", "1", "--set", "output=\(output)"] + more
    }

    private func file(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
    }

    private func text(_ name: String) throws -> String { String(decoding: try file(name), as: UTF8.self) }

    /// Starts the processes of a launch, each with its own arguments.
    private func start(
        _ arguments: [[String]], port: Int = freePort(), environment: [String: String] = [:]
    ) throws -> [RunningProgram] {
        let count = arguments.count
        return try arguments.enumerated().map { rank, arguments in
            let variables = launchVariables(rank, of: count, port: port).merging(environment) { $1 }
            return try RunningProgram(arguments, in: folder, environment: variables)
        }
    }

    /// A column of numbers of the history, and the rows' stages.
    private func history(_ run: String) throws -> [(stage: String, loss: Double)] {
        let rows = try text(run + "/history.csv").split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let column = try #require(rows.first?.firstIndex(of: "training_loss"))
        return rows.dropFirst().map { (String($0[0]), Double($0[column]) ?? .nan) }
    }

    @Test(arguments: ["c.yaml", "rskd.yaml"])
    func twoProcessesTrainWhatOneTrains(_ config: String) throws {
        let alone = try ProgramRun(arguments("alone", config: config), in: folder)
        #expect(alone.status == 0, "\(alone.errors)")
        let both = try start([arguments("both", config: config), arguments("both", config: config)])
        #expect(both.map { $0.end() } == [0, 0], "\(both.map(\.errors))")
        #expect(both[0].errors.contains("process 0 of 2, started by torchrun") && both[1].errors == "")
        let (expected, found) = (try history("alone"), try history("both"))
        #expect(found.map(\.stage) == expected.map(\.stage))
        for (one, other) in zip(found, expected) { #expect(abs(one.loss - other.loss) < 2e-2 * other.loss) }
        // What was measured together is what one process measures.
        let evaluated = try ProgramRun(
            ["evaluate", "both", "--device", "cpu", "--threads", "1", "--output", "one.csv"], in: folder)
        #expect(evaluated.status == 0, "\(evaluated.errors)")
        #expect(try text("one.csv") == text("both/predictions.csv"))
        let (first, second) = (try text("alone/predictions.csv"), try text("both/predictions.csv"))
        #expect(
            first.split(separator: "\n").map { $0.prefix { $0 != "," } }
                == second.split(separator: "\n").map { $0.prefix { $0 != "," } })
    }

    /// Each teacher is trained by one process, and is what one process makes of it.
    @Test func teachersAreTrainedSideBySide() throws {
        let more = [
            "--set",
            "distillation.teachers={epochs: 1, minimum_steps: 1, side_by_side: true, initialization: pretrained}",
        ]
        let alone = try ProgramRun(arguments("alone", more, config: "rskd.yaml"), in: folder)
        #expect(alone.status == 0, "\(alone.errors)")
        let both = try start((0..<2).map { _ in arguments("both", more, config: "rskd.yaml") })
        #expect(both.map { $0.end() } == [0, 0], "\(both.map(\.errors))")
        let teachers = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/alone/stages").filter {
            $0.hasPrefix("teacher-")
        }
        #expect(teachers.count > 1)
        for teacher in teachers {
            let weights = "/stages/\(teacher)/model.safetensors"
            #expect(try file("both" + weights) == file("alone" + weights), "\(teacher)")
        }
        #expect(both[0].errors.contains(": trained beside others, 1 epoch\n"), "\(both[0].errors)")
        #expect(try history("both").map(\.stage) == history("alone").map(\.stage))
        #expect(try !text("both/report.md").contains("| reused"))
    }

    @Test func predictionsAreThoseOfOneProcess() throws {
        let trained = try ProgramRun(arguments("run"), in: folder)
        #expect(trained.status == 0, "\(trained.errors)")
        try folder.write("not an image", to: "p/images/damaged.jpg")
        let images = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/p/images").count
        // Batches of 32, of which the last one is short, and other images than processes.
        #expect(images > 64 && images % 32 > 0)
        func compare(_ command: [String], _ output: String, statuses: [Int32]) throws -> [RunningProgram] {
            let command = command + ["--device", "cpu", "--threads", "1"]
            let alone = try ProgramRun(command + [output, "one"], in: folder)
            #expect(alone.status == statuses[0], "\(alone.errors)")
            let several = try start(statuses.map { _ in command + [output, "several"] })
            #expect(several.map { $0.end() } == statuses, "\(several.map(\.errors))")
            return several
        }
        _ = try compare(["evaluate", "run", "--split", "all"], "--output", statuses: [0, 0])
        #expect(try file("several") == file("one"))
        let three = try compare(["predict", "run", "p/images", "--json"], "--output", statuses: [65, 0, 0])
        #expect(try file("several") == file("one"))
        #expect(three[0].errors.contains("damaged.jpg") && three[1].errors == "" && three[2].errors == "")
        for name in ["one", "several"] { try FileManager.default.removeItem(atPath: folder.path + "/" + name) }
        _ = try compare(["predict", "run", "p/images", "--shard", "40"], "--output-folder", statuses: [65, 0])
        let tables = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/one").filter {
            $0.hasSuffix(".csv")
        }
        #expect(tables.count > 4)
        for table in tables { #expect(try file("several/" + table) == file("one/" + table), "\(table)") }
    }

    @Test func processesWithOtherImagesPredictNothing() throws {
        let trained = try ProgramRun(arguments("run"), in: folder)
        #expect(trained.status == 0, "\(trained.errors)")
        let one = try #require(FileManager.default.contentsOfDirectory(atPath: folder.path + "/p/images").first)
        let both = try start(["p/images", "p/images/" + one].map { ["predict", "run", $0, "--device", "cpu"] })
        #expect(both.map { $0.end() } == [78, 78])
        #expect(both[1].errors.contains("the hash of model and images is "), "\(both[1].errors)")
        let maps = try RunningProgram(
            ["predict", "run", "p/images", "--maps", "m"], in: folder,
            environment: launchVariables(0, of: 2, port: freePort()))
        #expect(maps.end() == 78 && maps.errors.contains("--maps is for one process"))
    }

    @Test func processesWithOtherOptionsPredictAndEvaluateNothing() throws {
        let trained = try ProgramRun(arguments("run"), in: folder)
        #expect(trained.status == 0, "\(trained.errors)")
        for (command, option, words) in [
            (["predict", "run", "p/images"], ["--precision", "bfloat16"], "--precision bfloat16 --top 5 in "),
            (["predict", "run", "p/images"], ["--any-image"], "--any-image --precision float32 --top 5 in "),
            (["predict", "run", "p/images"], ["--output-folder", "o"], "--output-folder o --precision float32"),
            (["evaluate", "run"], ["--precision", "bfloat16"], "none in process 0, --precision bfloat16 in "),
            (["evaluate", "run"], ["--split", "all"], "none in process 0, --split all in process 1"),
        ] {
            let command = command + ["--device", "cpu", "--threads", "1"]
            let both = try start([command, command + option])
            #expect(both.map { $0.end() } == [78, 78], "\(option) \(both.map(\.errors))")
            for process in both {
                #expect(process.errors.contains("do not do the same: the given options are "), "\(process.errors)")
                #expect(process.errors.contains(words), "\(process.errors)")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/o"))
    }

    /// What is waited for is said, and a stop is heard meanwhile; nothing of libtorch's own is printed.
    @Test(arguments: [(0, "127.0.0.1"), (1, "127.0.0.1"), (1, "no\u{1B}[31mhost")])
    func aStopIsHeardWhileOthersAreAwaited(_ rank: Int, _ host: String) throws {
        let port = freePort()
        let waiting = try RunningProgram(
            arguments("out"), in: folder,
            environment: launchVariables(rank, of: 2, port: port).merging(["MASTER_ADDR": host]) { $1 })
        let what = rank == 0 ? "1 of 2 processes" : "process 0"
        let message = "waiting for \(what) at \(host.replacing("\u{1B}", with: "\\u{1B}")):\(port)"
        try waiting.wait { waiting.errors.contains(message) }
        let sent = Date()
        waiting.send(SIGTERM)
        #expect(waiting.end() == 143, "\(waiting.errors)")
        #expect(Date().timeIntervalSince(sent) < 5)
        #expect(waiting.errors == message + (rank == 0 ? " (number 1)" : "") + "\nstopped\n")
    }

    @Test func aKilledProcessIsNamedAndRestartedProcessesComeToTheSame() throws {
        let more = ["--set", "training.epochs=30", "--set", "model.dropout=0.1"]
        let whole = try start([arguments("whole", more), arguments("whole", more)])
        #expect(whole.map { $0.end() } == [0, 0], "\(whole.map(\.errors))")
        let cut = try start([arguments("cut", more), arguments("cut", more)])
        try cut[0].wait {
            let stages = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/cut/checkpoints")) ?? []
            return try stages.contains {
                try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cut/checkpoints/" + $0).count > 1
            }
        }
        cut[1].send(SIGKILL)
        let killed = Date()
        #expect(cut[0].end() == 162)
        #expect(Date().timeIntervalSince(killed) < 30)
        #expect(cut[1].end() == -SIGKILL)
        #expect(
            cut[0].errors.contains("error: Process 1 of 2 has ended or does not answer, so process 0 ends too"),
            "\(cut[0].errors)")
        let again = try start(
            [arguments("cut", more), arguments("cut", more)], environment: ["TORCHELASTIC_RESTART_COUNT": "1"])
        #expect(again.map { $0.end() } == [0, 0], "\(again.map(\.errors))")
        #expect(again[0].errors.contains("plain resumes from cut/checkpoints/plain-"), "\(again[0].errors)")
        for name in ["model.safetensors", "predictions.csv"] {
            #expect(try file("cut/" + name) == file("whole/" + name), "\(name)")
        }
    }

    @Test func aStopSavesOnceAndOneProcessCanGoOn() throws {
        let more = ["--set", "training.epochs=200"]
        let both = try start([arguments("out", more), arguments("out", more)])
        try both[0].wait { FileManager.default.fileExists(atPath: folder.path + "/out/checkpoints") }
        for process in both { process.send(SIGTERM) }
        #expect(both.map { $0.end() } == [143, 143], "\(both.map(\.errors))")
        #expect(
            both[0].errors.hasSuffix("`fovea train --resume out` resumes from here.\nstopped\n"), "\(both[0].errors)")
        let one = try RunningProgram(["train", "--resume", "out", "--device", "cpu", "--threads", "1"], in: folder)
        try one.wait { one.errors.contains(", where 2 processes trained") }
        one.send(SIGTERM)
        #expect(one.end() == 143, "\(one.errors)")
    }

    /// The one that is told to stop has its status; the other one names it.
    @Test(arguments: [(0, SIGTERM, 143), (1, SIGINT, 130)])
    func aStopOfOneProcessStopsAll(_ rank: Int, _ signal: Int32, _ status: Int32) throws {
        let more = ["--set", "training.epochs=200"]
        let both = try start([arguments("out", more), arguments("out", more)])
        try both[0].wait { FileManager.default.fileExists(atPath: folder.path + "/out/checkpoints") }
        both[rank].send(signal)
        let other = 1 - rank
        let words = "error: Process \(rank) of 2 was told to stop, so process \(other) stops too\n"
        #expect(both[rank].end() == status, "\(both[rank].errors)")
        #expect(both[other].end() == 162, "\(both[other].errors)")
        #expect(both[other].errors.contains(words), "\(both[other].errors)")
        let one = try RunningProgram(["train", "--resume", "out", "--device", "cpu", "--threads", "1"], in: folder)
        try one.wait { one.errors.contains(", where 2 processes trained") }
        one.send(SIGTERM)
        #expect(one.end() == 143, "\(one.errors)")
    }

    @Test func otherConfigurationsAreRefused() throws {
        let both = try start([arguments("out"), arguments("out", ["--set", "seed=1"])])
        #expect(both.map { $0.end() } == [78, 78], "\(both.map(\.errors))")
        for process in both {
            #expect(
                process.errors.contains("error: the processes do not do the same: the hash of the configuration is "),
                "\(process.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test func moreProcessesThanImagesOfAStepAreRefused() throws {
        let more = ["--set", "training.batch_size=1"]
        let both = try start([arguments("out", more), arguments("out", more)])
        #expect(both.map { $0.end() } == [78, 78])
        #expect(both[1].errors.contains("training.batch_size is 1, the images of a step of all 2 processes"))
    }

    @Test func aTakenPortIsNamed() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutableBytes(of: &address) { bytes in
            guard let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
            return bind(descriptor, pointer, length) == 0 && listen(descriptor, 1) == 0
                && getsockname(descriptor, pointer, &length) == 0
        }
        #expect(isListening)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let first = try RunningProgram(
            arguments("out"), in: folder, environment: launchVariables(0, of: 2, port: port))
        #expect(first.end() == 69)
        #expect(first.errors.contains(":\(port): another program listens at that port"), "\(first.errors)")
    }

    @Test func anIncompleteEnvironmentIsNamed() throws {
        let run = try RunningProgram(arguments("out"), in: folder, environment: ["RANK": "1"])
        #expect(run.end() == 69)
        #expect(run.errors.contains("(torchrun) is incomplete: WORLD_SIZE is not set"), "\(run.errors)")
        let doctor = try ProgramRun(shell: "RANK=1 exec \"$FOVEA\" doctor", in: folder)
        #expect(doctor.status == 69 && doctor.output.contains("WORLD_SIZE is not set"))
        let good = try ProgramRun(
            shell: "RANK=1 WORLD_SIZE=2 LOCAL_RANK=1 MASTER_ADDR=here MASTER_PORT=1 exec \"$FOVEA\" doctor", in: folder)
        #expect(good.output.contains("process 1 of 2, started by torchrun; they meet at here:1"), "\(good.output)")
    }

    /// What rank 0 cannot write ends all of them.
    @Test func aFullDiskOfTheFirstProcessEndsAll() throws {
        let port = freePort()
        let limited = try RunningProgram(
            ["-c", "ulimit -f 200; exec \"$0\" \"$@\"", ProgramRun.program.path] + arguments("out"), in: folder,
            program: URL(fileURLWithPath: "/bin/bash"), environment: launchVariables(0, of: 2, port: port))
        let other = try RunningProgram(
            arguments("out"), in: folder, environment: launchVariables(1, of: 2, port: port))
        #expect(limited.end() == 160, "\(limited.errors)")
        #expect(other.end() == 162, "\(other.errors)")
        #expect(other.errors.contains("error: Process 0 of 2 has ended"), "\(other.errors)")
    }

    @Test(.enabled(if: torchrun != nil, "needs torchrun (FOVEA_TORCHRUN)"))
    func torchrunStartsAndRestarts() throws {
        let torchrun = try #require(Self.torchrun)
        let more = ["--set", "training.epochs=30"]
        func run(_ output: String) throws -> RunningProgram {
            try RunningProgram(
                [
                    "--no-python", "--nproc-per-node", "2", "--max-restarts", "1", "--master-port", "\(freePort())",
                    ProgramRun.program.path,
                ] + arguments(output, more), in: folder, program: torchrun)
        }
        let whole = try run("whole")
        #expect(whole.end() == 0, "\(whole.errors)")
        let cut = try run("cut")
        try cut.wait {
            let stages = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/cut/checkpoints")) ?? []
            return !stages.isEmpty && cut.children.count == 2
        }
        kill(cut.children[1], SIGKILL)
        #expect(cut.end() == 0, "\(cut.errors)")
        #expect(cut.errors.contains("plain resumes from cut/checkpoints/plain-"), "\(cut.errors)")
        #expect(try file("cut/model.safetensors") == file("whole/model.safetensors"))
    }

    @Test(.enabled(if: mpirun != nil, "needs mpirun (FOVEA_MPIRUN)"))
    func mpirunStarts() throws {
        let port = freePort()
        let run = try RunningProgram(
            [
                "-n", "2", "--bind-to", "none", "--oversubscribe", "--allow-run-as-root", "-x", "MASTER_PORT=\(port)",
                ProgramRun.program.path,
            ] + arguments("out"), in: folder, program: try #require(Self.mpirun))
        #expect(run.end() == 0, "\(run.errors)")
        #expect(run.errors.contains("process 0 of 2, started by mpirun; they meet at 127.0.0.1:\(port)"))
    }

    /// On two machines, which `tools/with_slurm.sh` makes; weights are those of two processes on one.
    @Test(.enabled(if: srun != nil, "needs srun (FOVEA_SRUN)"))
    func srunStartsOnTwoMachines() throws {
        let ends = try start([arguments("here"), arguments("here")]).map { $0.end() }
        #expect(ends == [0, 0])
        let run = try RunningProgram(
            ["--nodes", "2", "--ntasks", "2", ProgramRun.program.path] + arguments("out"), in: folder,
            program: try #require(Self.srun))
        #expect(run.end() == 0, "\(run.errors)")
        #expect(run.errors.contains("process 0 of 2, started by srun; they meet at n1:"), "\(run.errors)")
        #expect(try file("out/model.safetensors") == file("here/model.safetensors"))
    }

    /// What `srun` says on two machines, whose first one is this.
    @Test func processesMeetAsSlurmTellsThem() throws {
        let port = freePort()
        let both = try (0..<2).map { rank in
            try RunningProgram(
                arguments("out"), in: folder,
                environment: [
                    "SLURM_STEP_ID": "0", "SLURM_PROCID": "\(rank)", "SLURM_NTASKS": "2", "SLURM_LOCALID": "0",
                    "SLURM_STEP_NODELIST": "localhost,other", "SLURM_JOB_ID": "7", "MASTER_PORT": "\(port)",
                ])
        }
        #expect(both.map { $0.end() } == [0, 0], "\(both.map(\.errors))")
        #expect(both[0].errors.contains("process 0 of 2, started by srun; they meet at localhost:\(port)"))
    }
}
