import Backbones
import Basics
import Foundation
import FundusImaging
import Losses
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

/// What happens to checkpoints that are cut, damaged or cannot be written, and which of them stay.
@Suite struct CheckpointTests {
    /// Three steps per epoch, no draws from the engine, so that trainings may run side by side.
    static let rows = ["100", "010", "001", "110", "011", "101", "000", "111", "100", "010", "001", "000"]

    @Test func aCutAtAnyByteLeavesTheOneBefore() throws {
        let bench = try CheckpointBench()
        let straight = try bench.train("straight")
        try bench.train("whole", stopsAfter: 4) { $0.everySteps = 1 }
        let names = try bench.names("whole")
        #expect(names == ["epoch-00001-batch-0000000", "epoch-00001-batch-0000001"])
        let newest = bench.path("whole") + "/" + names[1]
        // In the order in which they are written.
        let files = try ["state.json", "tensors.safetensors", "manifest.json"].map {
            ($0, try Data(contentsOf: URL(fileURLWithPath: newest + "/" + $0)))
        }
        let total = files.reduce(0) { $0 + $1.1.count }
        var random = SeededRandom(seed: 1)
        for round in 0..<150 {
            var left = random.index(below: total)
            let place = "cut-\(round)"
            // A process that was killed leaves the one name, damage that came later the other.
            let isUnfinished = round % 2 == 0
            try bench.copy("whole/" + names[0], to: place + "/" + names[0])
            let cut = bench.path(place) + "/" + names[1] + (isUnfinished ? ".partial" : "")
            try FileManager.default.createDirectory(atPath: cut, withIntermediateDirectories: true)
            for (name, bytes) in files {
                try bytes.prefix(left).write(to: URL(fileURLWithPath: cut + "/" + name))
                if left < bytes.count { break }
                left -= bytes.count
            }
            let resumed = try bench.train(place)
            #expect(resumed == straight, "cut at \(left)")
            #expect(bench.log.contains("resumes from \(bench.path(place))/\(names[0]), step 3"))
            #expect(bench.log.contains("warning: a checkpoint cannot be used: \(cut)") == !isUnfinished, "\(bench.log)")
        }
    }

    @Test(arguments: [
        ("epoch-99999-batch-0000000", "epoch-100000-batch-0000000"),
        ("epoch-00001-batch-9999999", "epoch-00001-batch-10000000"),
    ]) func theNumbersDecideTheOrder(_ older: String, _ newer: String) throws {
        let bench = try CheckpointBench()
        try bench.train("whole", stopsAfter: 4) { $0.everySteps = 1 }
        let names = try bench.names("whole")
        try bench.copy("whole/" + names[0], to: "named/" + older)
        try bench.copy("whole/" + names[1], to: "named/" + newer)
        // Whatever else lies there is nobody's checkpoint.
        try bench.copy("whole/" + names[0], to: "named/epoch-of-mine")
        try bench.train("named") { $0.keepLast = 1 }
        #expect(bench.log.contains("resumes from \(bench.path("named"))/\(newer), step 4"), "\(bench.log)")
        #expect(try bench.names("named").contains("epoch-of-mine"))
    }

    @Test func aChangedByteIsNoticed() throws {
        let bench = try CheckpointBench()
        let straight = try bench.train("straight")
        try bench.train("whole", stopsAfter: 5) { $0.everySteps = 1 }
        let names = try bench.names("whole")
        var random = SeededRandom(seed: 2)
        for round in 0..<40 {
            let place = "changed-\(round)"
            try bench.copy("whole", to: place)
            let file = URL(
                fileURLWithPath: bench.path(place) + "/" + names[1] + "/"
                    + (round % 2 == 0 ? "tensors.safetensors" : "state.json"))
            var bytes = try Data(contentsOf: file)
            bytes[random.index(below: bytes.count)] ^= UInt8(1 << random.index(below: 8))
            try bytes.write(to: file)
            #expect(try bench.train(place) == straight)
            #expect(bench.log.contains("is not the file that was written"), "\(bench.log)")
            #expect(bench.log.contains(names[0] + ", step 4"))
        }
    }

    @Test func withoutAnyGoodOneTheTrainingBeginsAnewAndSaysSo() throws {
        let bench = try CheckpointBench()
        let straight = try bench.train("straight")
        try bench.train("bad", stopsAfter: 4)
        for name in try bench.names("bad") {
            try FileManager.default.removeItem(atPath: bench.path("bad") + "/\(name)/manifest.json")
        }
        #expect(try bench.train("bad") == straight)
        #expect(bench.log.contains("warning: no checkpoint in \(bench.path("bad")) can be used"))
    }

    /// The system kills the process at the very byte that a limit on the size of files says.
    @Test(arguments: [0, 60, 400, 2000, 5000, 9000]) func aProcessThatIsKilledWhileItWrites(_ limit: Int) async throws {
        let bench = try CheckpointBench()
        let path = bench.folder.path
        await #expect(processExitsWith: .signal(SIGXFSZ)) { [limit, path = path as String] in
            signal(SIGXFSZ, SIG_DFL)
            // Threads of the test library hold signals back.
            var all = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_UNBLOCK, &all, nil)
            try CheckpointBench(in: path).train("killed") { _ in
            } afterEpoch: { epoch in
                if epoch == 2 { limitFiles(to: limit) }
            }
        }
        #expect(try bench.names("killed").contains("epoch-00002-batch-0000000.partial"))
        let straight = try bench.train("straight")
        #expect(try bench.train("killed") == straight)
        #expect(bench.log.contains("epoch-00001-batch-0000000, step 3"), "\(bench.log)")
    }

    @Test(arguments: [0, 60, 2000, 9000]) func aFullDiskLeavesTheOneBeforeAndAClearMessage(_ limit: Int) async throws {
        let bench = try CheckpointBench()
        let path = bench.folder.path
        await #expect(processExitsWith: .success) { [limit, path = path as String] in
            signal(SIGXFSZ, SIG_IGN)
            let bench = try CheckpointBench(in: path)
            let error = try #require(throws: FoveaError.self) {
                try bench.train("full") { _ in
                } afterEpoch: { epoch in
                    if epoch == 2 { limitFiles(to: limit) }
                }
            }
            #expect(error.kind == .storage && error.message.contains("cannot write"), "\(error)")
            #expect(error.message.contains("the checkpoints before it are whole"))
            #expect(error.remedy?.contains("--resume") == true)
        }
        #expect(try bench.names("full") == ["epoch-00001-batch-0000000"])
        let straight = try bench.train("straight")
        #expect(try bench.train("full") == straight)
    }

    @Test func theNewestAndTheBestStay() throws {
        let bench = try CheckpointBench(epochs: 6)
        let scores = [0.2, 0.9, 0.3, 0.8, 0.1, 0.4]
        func names(keepLast: Int, keepBest: Int, _ place: String) throws -> [Int] {
            try bench.train(place, stopsAfter: 17) {
                $0.keepLast = keepLast
                $0.keepBest = keepBest
            } score: {
                scores[$0 - 1]
            }
            // The epoch that each begins with; that within the last epoch is written by the stop.
            return try bench.names(place).map { try #require(Int($0.dropFirst(6).prefix(5))) }
        }
        #expect(try names(keepLast: 2, keepBest: 0, "a") == [5, 5])
        #expect(try names(keepLast: 1, keepBest: 2, "b") == [2, 4, 5])
        #expect(try names(keepLast: 0, keepBest: 0, "c") == [5], "never fewer than one")
        // The finished training keeps the best alone.
        try bench.train("b") {
            $0.keepLast = 1
            $0.keepBest = 2
        } score: {
            scores[$0 - 1]
        }
        try bench.checkpoints("b") { $0.keepBest = 2 }.finish()
        #expect(try bench.names("b") == ["epoch-00002-batch-0000000", "epoch-00004-batch-0000000"])
        try bench.checkpoints("c") { _ in }.finish()
        #expect(!FileManager.default.fileExists(atPath: bench.path("c")))
    }

    @Test func oneIsWrittenWhenAskedForAndTheTrainingGoesOn() throws {
        let bench = try CheckpointBench()
        bench.asksAtStep = 2
        let asked = try bench.train("asked") { $0.everyEpochs = 0 }
        #expect(try bench.names("asked") == ["epoch-00000-batch-0000002"])
        #expect(try bench.train("straight") == asked)
    }

    @Test func oneOfAnotherTrainingIsRefused() throws {
        let bench = try CheckpointBench()
        try bench.train("one", stopsAfter: 2)
        let error = try #require(throws: FoveaError.self) { try bench.train("one", recipe: "other") }
        #expect(error.kind == .data && error.message.contains("belongs to another training"))
        let manifest = bench.path("one") + "/epoch-00000-batch-0000002/manifest.json"
        let text = try String(contentsOfFile: manifest, encoding: .utf8)
        try AtomicFile.write(
            text.replacingOccurrences(of: "\"format\" : 1", with: "\"format\" : 2"), to: manifest)
        let later = try #require(throws: FoveaError.self) { try bench.train("one") }
        #expect(later.message.contains("has format 2") && later.remedy == "Update Fovea.")
    }

    @Test func aRecordOfAnEarlierVersionIsRead() throws {
        let text = """
            {"epoch": 2, "gradientNorm": 1.5, "images": 12, "loss": 0.5, "rate": 0.01, "seconds": 3, "steps": 6,
             "validationMAP": 0.25, "validationMAUC": 0.75, "skippedSteps": 1}
            """
        let record = try JSONFormat.decoded(EpochRecord.self, from: Data(text.utf8))
        #expect(record.validationMAP == 0.25 && record.validationMAUC == 0.75)
        #expect(record.gradientNorm == 1.5 && record.skippedSteps == 1 && record.epoch == 2)
        let written = try JSONFormat.encoded(record)
        #expect(try JSONFormat.decoded(EpochRecord.self, from: written) == record)
        let again = String(decoding: written, as: UTF8.self)
        #expect(again.contains("\"validation_map\" : 0.25") && again.contains("\"validation_mauc\" : 0.75"))
    }

    /// Written by version 0.1.0; `FOVEA_UPDATE_GOLDEN=1` writes it again, which a new format alone may need.
    @Test func aCheckpointOfAnEarlierVersionIsLoaded() throws {
        let bench = try CheckpointBench()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/checkpoint"
        if ProcessInfo.processInfo.environment["FOVEA_UPDATE_GOLDEN"] != nil {
            try bench.train("new", stopsAfter: 4) { $0.everyEpochs = 0 }
            try? FileManager.default.removeItem(atPath: golden)
            try FileManager.default.createDirectory(
                atPath: (golden as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: bench.path("new"), toPath: golden)
        }
        try FileManager.default.copyItem(atPath: golden, toPath: bench.path("old"))
        let resumed = try bench.train("old")
        #expect(
            bench.log.contains("resumes from \(bench.path("old"))/epoch-00001-batch-0000001, step 4"), "\(bench.log)")
        // Other processors may round differently.
        #expect(try distance(resumed.weights, bench.train("straight").weights) < 1e-4)
    }
}

/// Lets no file of this process grow beyond a number of bytes.
func limitFiles(to bytes: Int) {
    var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
}

/// Trainings of a tiny network in folders of checkpoints.
final class CheckpointBench {
    struct Outcome: Equatable {
        var weights: [Float]
        var losses: [Double]
    }

    let folder: TemporaryFolder
    private let epochs: Int
    private let data: TrainingData
    /// What the checkpoints said in the last training.
    private(set) var log = ""
    /// Requests a checkpoint after this step.
    var asksAtStep: Int?

    init(in path: String? = nil, epochs: Int = 3) throws {
        folder = try path.map { TemporaryFolder(at: $0) } ?? TemporaryFolder()
        self.epochs = epochs
        data = try folder.data(CheckpointTests.rows)
    }

    func path(_ place: String) -> String { folder.path + "/" + place }

    func names(_ place: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path(place)).sorted()
    }

    func copy(_ from: String, to: String) throws {
        let parent = (path(to) as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: path(from), toPath: path(to))
    }

    func checkpoints(
        _ place: String, recipe: String = "r", _ change: (inout CheckpointPolicy) -> Void
    ) -> Checkpoints {
        var policy = CheckpointPolicy()
        change(&policy)
        var step = 0
        return Checkpoints(
            folder: path(place), dumps: path(place) + "-dumps", recipe: recipe, policy: policy,
            isRequested: { [self] in
                step += 1
                return step == asksAtStep
            }, logger: .telling { [self] in log += $0 + "\n" })
    }

    /// Trains to the end, or until a number of steps are taken; the weights then are those of that step.
    @discardableResult
    func train(
        _ place: String, recipe: String = "r", stopsAfter limit: Int? = nil,
        _ change: (inout CheckpointPolicy) -> Void = { _ in }, score: (Int) -> Double? = { _ in nil },
        afterEpoch: (Int) throws -> Void = { _ in }
    ) throws -> Outcome {
        var plan = plainPlan(epochs: epochs)
        plan.optimizer = .adamw
        plan.averageDecay = 0.5
        plan.rate = 0.01
        plan.augmentation = AugmentationSettings()
        let network = try tinyNetwork(classes: 3, norm: true)
        log = ""
        var asked = -1
        var history: [EpochRecord] = []
        do {
            history = try makeTrainer(plan, data).train(
                network, .symmetric, objective: LabelObjective(BinaryCrossEntropy()),
                stream: EpochStream(InstanceSampler(rows: Array(0..<12), seed: 1), views: nil),
                checkpoints: checkpoints(place, recipe: recipe, change),
                shouldStop: {
                    asked += 1
                    return asked == limit
                }
            ) { record, _ in
                record.validationMAP = score(record.epoch)
                try afterEpoch(record.epoch)
            }
        } catch is CancellationError {}
        return Outcome(weights: try values(network), losses: history.map(\.loss))
    }
}
