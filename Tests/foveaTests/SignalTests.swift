import Foundation
import Phantoms
import RunTestSupport
import Testing

/// Signals to the program itself, in all stages of its long work.
@Suite(.serialized) struct SignalTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        _ = try PhantomDataset(.few(trainingPatients: 40), folder: folder.path + "/p").draw(threads: 2)
    }

    private func configure(_ more: String, epochs: Int) throws {
        try folder.write(
            """
            data:
              table: p/labels.csv
              images: p/images
              attributes: p/attributes.yaml
              split: {method: column}
            image: {resolution: 32, crop: none}
            model: {architecture: mobilenetv1_100_short}
            training: {epochs: \(epochs), batch_size: 16, precision: float32}
            evaluation: {bootstrap: 20, every: 0, minimum_positive_patients: 2}
            output: run
            cache: cache
            \(more)

            """, to: "c.yaml")
    }

    private func train(_ arguments: String...) throws -> RunningProgram {
        try RunningProgram(["train", "--device", "cpu", "--threads", "1"] + arguments, in: folder)
    }

    /// The checkpoints of a stage, those that are being written left out.
    private func checkpoints(_ stage: String) -> [String] {
        let root = folder.path + "/run/checkpoints"
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
        return names.filter { $0.hasPrefix(stage) && $0.hasSuffix("manifest.json") && !$0.contains(".partial") }
    }

    @Test func aStopSavesAndEndsWithItsStatusAndAnAskedForCheckpointDoesNotEnd() throws {
        try configure("checkpoints: {every_epochs: 0}\ndistillation: null", epochs: 10_000)
        let first = try train("c.yaml")
        try first.wait { first.errors.contains("plain: ") }
        #expect(checkpoints("plain").isEmpty)
        first.send(SIGTERM)
        #expect(first.end() == 143)
        #expect(checkpoints("plain").count == 1)
        #expect(first.errors.hasSuffix("`fovea train --resume run` resumes from here.\nstopped\n"), "\(first.errors)")

        let second = try train("--resume", "run")
        try second.wait { second.errors.contains("plain resumes from run/checkpoints/plain-") }
        second.send(SIGUSR1)
        try second.wait { checkpoints("plain").count == 2 }
        // Another training in the same folder.
        let third = try train("--resume", "run")
        #expect(third.end() == 161)
        #expect(third.errors.contains("another process is training in run"))
        second.send(SIGINT)
        #expect(second.end() == 130)
        #expect(checkpoints("plain").count == 2, "the last two stay")
    }

    @Test func theSecondSignalEndsAtOnce() throws {
        try configure("distillation: null", epochs: 10_000)
        let run = try train("c.yaml")
        try run.wait { run.errors.contains("plain: ") }
        for _ in 0..<2 { run.send(SIGTERM) }
        #expect(run.end() == 143)
        let other = try train("--resume", "run")
        try other.wait { other.errors.contains("plain: ") }
        for _ in 0..<2 { other.send(SIGINT) }
        #expect(other.end() == 130)
    }

    /// Killed in each stage, the job still comes to what it comes to when left alone.
    @Test func aKilledJobGoesOnToTheSameResult() throws {
        let more = """
            checkpoints: {every_steps: 1, keep_last: 2}
            distillation: {views: 2, teachers: {epochs: 1, minimum_steps: 1}}
            """
        try configure(more, epochs: 2)
        let straight = try train("c.yaml", "--set", "output=straight")
        #expect(straight.end() == 0, "\(straight.errors)")

        var arguments = ["c.yaml"]
        for stage in ["plain", "teacher", "views", "student"] {
            let run = try RunningProgram(["train", "--device", "cpu", "--threads", "1"] + arguments, in: folder)
            try run.wait {
                stage == "views" ? run.errors.contains("views of ") : !checkpoints(stage).isEmpty
            }
            run.send(SIGKILL)
            #expect(run.end() == -SIGKILL)
            arguments = ["--resume", "run"]
        }
        let last = try train("--resume", "run")
        #expect(last.end() == 0, "\(last.errors)")
        #expect(last.errors.contains("student resumes from"))
        for name in ["predictions.csv", "model.safetensors", "plain/predictions.csv"] {
            let files = try ["straight", "run"].map {
                try Data(contentsOf: URL(fileURLWithPath: folder.path + "/\($0)/" + name))
            }
            #expect(files[0] == files[1], "\(name)")
        }
        #expect(checkpoints("").isEmpty)
    }

    @Test func teachersAndViewBankAreStopped() throws {
        try configure("distillation: {views: 30, teachers: {epochs: 2, minimum_steps: 1}}", epochs: 1)
        var arguments = ["c.yaml"]
        for (stage, number) in [("teacher-", SIGTERM), ("views of ", SIGINT)] {
            let run = try RunningProgram(["train", "--device", "cpu", "--threads", "1"] + arguments, in: folder)
            try run.wait { run.errors.contains("\n" + stage) }
            run.send(SIGUSR1)
            run.send(number)
            #expect(run.end() == 128 + number)
            arguments = ["--resume", "run"]
        }
    }

    @Test func theCacheIsStopped() throws {
        try configure("distillation: null", epochs: 10_000)
        let run = try train("c.yaml", "--set", "image.resolution=512")
        try run.wait {
            let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path + "/cache")) ?? []
            return names.contains { $0.hasSuffix(".partial") || $0.hasSuffix(".pack") }
        }
        run.send(SIGTERM)
        #expect(run.end() == 143)
        // The run has not begun, so there is nothing to resume.
        #expect(run.errors.contains("The same command resumes from here.") || run.errors.contains("--resume run"))
    }

    @Test func twoRunsMayShareACache() throws {
        try configure("distillation: null", epochs: 1)
        let runs = try ["a", "b"].map { try train("c.yaml", "--set", "output=\($0)") }
        for run in runs { #expect(run.end() == 0, "\(run.errors)") }
        let files = try ["a", "b"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/\($0)/predictions.csv"))
        }
        #expect(files[0] == files[1])
        let packs = try FileManager.default.subpathsOfDirectory(atPath: folder.path + "/cache").filter {
            $0.contains(".pack")
        }
        #expect(packs.count == 1)
    }

    /// Work that never comes to the place where it would stop: it waits to write into a pipe that is full.
    @Test func workThatDoesNotStopEndsWithTheGrace() throws {
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "l.csv")
        // No probability, which is warned of when all else is done.
        try folder.write("image,A\n1.png,1.5\n2.png,0.5\n", to: "s.csv")
        let pipe = Pipe()
        let end = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(end, F_SETFL, O_NONBLOCK) == 0)
        while write(end, [0], 1) == 1 {}
        #expect(errno == EAGAIN)
        #expect(fcntl(end, F_SETFL, 0) == 0)
        func start(grace: Int) throws -> RunningProgram {
            try RunningProgram(
                ["evaluate", "--predictions", "s.csv", "--labels", "l.csv", "--grace", "\(grace)"], in: folder,
                standardOutput: pipe.fileHandleForWriting)
        }
        let long = try start(grace: 86_400)
        let short = try start(grace: 1)
        for run in [long, short] {
            try run.wait { run.errors.contains("warning: ") }
            run.send(SIGTERM)
        }
        #expect(short.end() == 143)
        #expect(!short.errors.contains("stopped"), "it ended itself, and not the work")
        #expect(long.isRunning)
        // The second signal ends it, with the status of the first.
        long.send(SIGINT)
        #expect(long.end() == 143)
        withExtendedLifetime(pipe) {}
    }

    /// A terminal that is closed, an alarm that the starting program has set.
    @Test(arguments: [(SIGHUP, 129), (SIGALRM, 142)] as [(Int32, Int32)])
    func otherSignalsThatEndProgramsStopToo(signal: Int32, status: Int32) throws {
        try configure("checkpoints: {every_epochs: 0}\ndistillation: null", epochs: 10_000)
        let run = try train("c.yaml", "--grace", "86400")
        try run.wait { run.errors.contains("plain: ") }
        run.send(signal)
        // A closed terminal may send its signal twice.
        if signal == SIGHUP { run.send(signal) }
        #expect(run.end() == status)
        #expect(checkpoints("plain").count == 1)
        #expect(run.errors.hasSuffix("stopped\n"), "\(run.errors)")
    }

    /// Signals for which nothing is saved end the program at once, without words.
    @Test(arguments: [SIGQUIT, SIGUSR2, SIGXCPU])
    func signalsOfNoUseEndTheProgram(signal: Int32) throws {
        // A shell starts programs in the background with SIGQUIT ignored, and they hand it on.
        _ = Foundation.signal(SIGQUIT, SIG_DFL)
        try configure("distillation: null", epochs: 300)
        let run = try train("c.yaml")
        try run.wait { run.errors.contains("plain: ") }
        let before = run.errors.count
        run.send(signal)
        #expect(run.end() == -signal)
        #expect(!run.errors.dropFirst(before).contains("rash"), "\(run.errors)")
    }

    @Test func aClosedTerminalIsNotHeardUnderNohup() throws {
        try configure("distillation: null", epochs: 1)
        let run = try ProgramRun(
            shell: """
                trap '' HUP
                "$FOVEA" train c.yaml --device cpu --threads 1 2> log &
                until grep -q 'training and' log; do sleep 0.01; done
                kill -HUP $!
                wait $!
                """, in: folder)
        #expect(run.status == 0, "\(run.errors)")
    }

    /// Every command whose work is long hears of a stop while it works, and needs no grace for it.
    @Test(arguments: [
        ("Drawing phantoms", "phantoms drawn --training 20000 --side 64"),
        ("Decoding", "inspect many.csv --images many"),
        ("Predicting", "predict model many --threads 1"),
        ("", "bench step --model mobilenetv1 --steps 100000 --batch 1 --threads 1"),
        ("", "bench inference --model mobilenetv1_100 --steps 100000 --threads 1"),
        ("", "bench loader --images p/images --model mobilenetv1 --epochs 1000 --threads 1"),
    ])
    func longWorkIsStopped(sign: String, arguments: String) throws {
        if arguments.contains("many") { try makeManyImages(20_000) }
        if arguments.contains("model ") {
            try configure("distillation: null", epochs: 1)
            #expect(try train("c.yaml", "--set", "output=model").end() == 0)
        }
        let run = try RunningProgram(
            arguments.split(separator: " ").map(String.init) + ["--grace", "86400"], in: folder)
        try run.waitUntilItListens()
        try run.wait { run.errors.contains(sign) || sign.isEmpty }
        run.send(SIGTERM)
        #expect(run.end() == 143)
        #expect(run.errors.hasSuffix("stopped\n"), "\(run.errors)")
    }

    /// Many copies of one photograph, with a table.
    private func makeManyImages(_ count: Int) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/p/images")
        let one = folder.path + "/p/images/" + (try #require(names.first))
        try FileManager.default.createDirectory(atPath: folder.path + "/many", withIntermediateDirectories: true)
        for number in 0..<count {
            try FileManager.default.copyItem(atPath: one, toPath: folder.path + "/many/\(number).jpg")
        }
        let rows = (0..<count).map { "\($0).jpg,\($0 % 2)\n" }.joined()
        try folder.write("image,A\n" + rows, to: "many.csv")
    }

    @Test func aComparisonIsStoppedAndGoesOn() throws {
        // Enough that it does not end before the signal comes.
        try configure("distillation: null", epochs: 100)
        try folder.write(
            """
            datasets: [{name: p, config: c.yaml}]
            techniques: [{name: bce}, {name: focal, set: [technique.loss=focal]}]
            arms: [plain]
            output: comparison
            minimum_positive_patients: 2
            bootstrap: 20
            """, to: "comparison.yaml")
        func compare() throws -> RunningProgram {
            try RunningProgram(["compare", "comparison.yaml", "--device", "cpu", "--threads", "1"], in: folder)
        }
        let first = try compare()
        try first.wait { first.errors.contains("plain: ") }
        first.send(SIGTERM)
        #expect(first.end() == 143)
        #expect(first.errors.hasSuffix("The same command resumes from here.\nstopped\n"), "\(first.errors)")
        let second = try compare()
        #expect(second.end() == 0, "\(second.errors)")
        #expect(second.errors.contains("plain resumes from comparison/cells/p/seed-0/bce/plain/checkpoints/plain-"))
        let third = try compare()
        #expect(third.end() == 0)
        #expect(third.errors.contains("2 cells, 2 of them finished") && !third.errors.contains("plain: "))
    }

    @Test func theBootstrapIsStopped() throws {
        let rows = (0..<2000).map { "\($0),\($0 % 2)\n" }.joined()
        try folder.write("image,A\n" + rows, to: "l.csv")
        try folder.write("image,A\n" + (0..<2000).map { "\($0),0.\($0 % 997)\n" }.joined(), to: "s.csv")
        let run = try RunningProgram(
            [
                "evaluate", "--predictions", "s.csv", "--labels", "l.csv", "--bootstrap", "1000000", "--grace", "86400",
            ], in: folder)
        try run.waitUntilItListens()
        run.send(SIGUSR1)
        run.send(SIGTERM)
        #expect(run.end() == 143)
        #expect(run.errors.hasSuffix("stopped\n"), "\(run.errors)")
    }
}
