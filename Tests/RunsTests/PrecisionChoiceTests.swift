import Backbones
import Basics
import Comparisons
import ConfigurationFile
import Diagnostics
import Execution
import Foundation
import FundusImaging
import RunTestSupport
import Runs
import Settings
import Synchronization
import TestSupport
import Testing
import Torch

/// Which arithmetic `training.precision: auto` comes to: measured once, kept, and never mixed within a run or comparison.
@Suite(.serialized) final class PrecisionChoiceTests {
    /// Stands in for a measurement, and counts how often it was called.
    private final class Meter: Sendable {
        let asked = Atomic(0)
        let times: PrecisionTimes

        init(_ float32: Double, _ bfloat16: Double) { times = PrecisionTimes(float32: float32, bfloat16: bfloat16) }

        func choice(_ folder: String, isWorthMeasuring: Bool = true) -> PrecisionChoice {
            PrecisionChoice(folder: folder, isWorthMeasuring: isWorthMeasuring) { _ in
                self.asked.add(1, ordering: .relaxed)
                return self.times
            }
        }

        var count: Int { asked.load(ordering: .relaxed) }
    }

    private let folder: TemporaryFolder
    private var cache: String { folder.path + "/user cache" }

    init() throws { folder = try TemporaryFolder() }

    private func precision(
        _ meter: Meter, threads: Int = 2, device: Device = .cpu, isWorthMeasuring: Bool = true,
        _ change: (inout RunSettings) -> Void = { _ in }
    ) throws -> Precision {
        var settings = RunSettings()
        change(&settings)
        return try meter.choice(cache, isWorthMeasuring: isWorthMeasuring)
            .precision(for: settings, on: device, threads: threads, logger: .silent)
    }

    @Test func theFasterOneIsChosenAndFloat32WhereTheyAreAlike() {
        for (float32, bfloat16, best) in [
            (1.0, 0.5, Precision.bfloat16), (1, 0.94, .bfloat16), (1, 0.96, .float32), (1, 1, .float32),
            (1, 2, .float32),
        ] {
            #expect(PrecisionTimes(float32: float32, bfloat16: bfloat16).best == best)
        }
    }

    @Test func itIsMeasuredOnceForEachMachineAndNetwork() throws {
        let (first, second) = (Meter(2, 1), Meter(1, 2))
        #expect(try precision(first) == .bfloat16)
        // What is kept holds, whatever a second measurement would say.
        #expect(try precision(second) == .bfloat16)
        #expect(first.count == 1 && second.count == 0)
        let others: [(inout RunSettings) -> Void] = [
            { $0.model.architecture = .mobilenetv1 }, { $0.image.resolution += 32 }, { $0.training.batchSize += 1 },
        ]
        for change in others { #expect(try precision(second, change) == .float32) }
        #expect(try precision(second, threads: 1) == .float32)
        #expect(second.count == 4)
        #expect(try precision(second) == .bfloat16 && precision(second, threads: 1) == .float32)
        #expect(second.count == 4)
        #expect(PrecisionFile(folder: cache).entries.count == 5)
    }

    @Test func nothingIsMeasuredWithoutNeed() throws {
        let meter = Meter(2, 1)
        #expect(try precision(meter) { $0.training.precision = .float32 } == .float32)
        #expect(try precision(meter) { $0.training.precision = .bfloat16 } == .bfloat16)
        #expect(try precision(meter, isWorthMeasuring: false) == .float32)
        #expect(try precision(meter, device: .cuda(0)) == .bfloat16)
        #expect(meter.count == 0 && !FileManager.default.fileExists(atPath: cache))
    }

    @Test(arguments: [
        "", "{", "[]", "{\"format\": 2, \"measurements\": []}", "{\"format\": 1, \"measurements\": [{}]}",
        String(repeating: "x", count: 5 << 20),
    ])
    func aDamagedFileCountsAsEmpty(_ text: String) throws {
        try FileManager.default.createDirectory(atPath: cache, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: cache + "/precision.json"))
        let meter = Meter(2, 1)
        #expect(try precision(meter) == .bfloat16 && precision(meter) == .bfloat16)
        #expect(meter.count == 1)
    }

    @Test func timesThatCannotBeAreMeasuredAgain() throws {
        let meter = Meter(2, 1)
        _ = try precision(meter)
        let path = cache + "/precision.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try AtomicFile.write(text.replacing("\"bfloat16\" : 1", with: "\"bfloat16\" : -1"), to: path)
        #expect(try precision(meter) == .bfloat16)
        #expect(meter.count == 2)
    }

    @Test func aCacheThatCannotBeWrittenStopsNothing() throws {
        try folder.write("a file", to: "user cache")
        let meter = Meter(2, 1)
        #expect(try precision(meter) == .bfloat16 && precision(meter) == .bfloat16)
        #expect(meter.count == 2)
    }

    @Test(.enabled(if: Engine.hasNativeBFloat16 && Device.best == .cpu, "skipped: this machine measures no arithmetic"))
    func doctorShowsWhatIsKept() throws {
        _ = try precision(Meter(0.2, 0.1)) { $0.image.resolution = 96 }
        let found = MachineCheck(threads: 2, cacheFolder: cache).findings.map(\.text)
        #expect(found.contains { $0.hasSuffix("kept for this processor: 1") })
        #expect(
            found.contains {
                $0
                    == "resnet18, 96 px, batch 64, 2 threads: bfloat16 (a step takes 200 ms in float32, 100 ms in bfloat16)"
            }, "\(found)")
    }

    /// The real one, on a step of a few milliseconds.
    @Test func theStepIsTimedInBoth() throws {
        var settings = RunSettings()
        settings.model.architecture = .vitTiny
        settings.image.resolution = 32
        settings.training.batchSize = 2
        let times = try PrecisionTimes(measuring: settings)
        #expect(times.float32 > 0 && times.bfloat16 > 0)
    }

    private func context(
        _ choice: PrecisionChoice, isResuming: Bool = false, log: @escaping (String) -> Void = { _ in }
    ) -> ExecutionContext {
        ExecutionContext(
            device: .cpu, threads: Engine.threads, isResuming: isResuming, logger: .telling(log), precision: choice)
    }

    private func recorded(_ run: String) throws -> (configuration: Precision?, metrics: String?) {
        let settings = try ConfigurationReader.read(RunSettings.self, file: run + "/config.yaml")
        let data = try Data(contentsOf: URL(fileURLWithPath: run + "/metrics.json"))
        let metrics = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return (settings.training.precision, metrics?["precision"] as? String)
    }

    @Test func aRunRecordsItAndKeepsItWhenResumed() throws {
        var settings = try SmallJob(in: folder.path).settings
        settings.training.precision = nil
        settings.distillation = nil
        let run = Run(settings, context(Meter(2, 1).choice(cache)))
        _ = try run.execute(configuration: ConfigurationWriter.yaml(settings))
        #expect(try recorded(settings.output) == (.bfloat16, "bfloat16"))
        // Resumed as `fovea train --resume` does, where the cache is gone and the other one is now faster.
        let kept = try ConfigurationReader.read(RunSettings.self, file: settings.output + "/config.yaml")
        let other = Meter(1, 2)
        var lines: [String] = []
        let again = Run(
            kept, context(other.choice(folder.path + "/new"), isResuming: true, log: { lines.append($0) }))
        _ = try again.execute(configuration: ConfigurationWriter.yaml(kept))
        #expect(try recorded(settings.output) == (.bfloat16, "bfloat16"))
        #expect(other.count == 0)
        #expect(lines.contains { $0.hasPrefix("plain: finished before") }, "\(lines)")
        // Another run with shared stages and the other arithmetic is another training.
        settings.stages = settings.output + "/stages"
        settings.output = folder.path + "/other"
        lines = []
        let third = Run(settings, context(other.choice(folder.path + "/new"), log: { lines.append($0) }))
        _ = try third.execute(configuration: ConfigurationWriter.yaml(settings))
        #expect(try recorded(settings.output) == (.float32, "float32"))
        #expect(!lines.contains { $0.hasPrefix("plain: finished before") }, "\(lines)")
    }

    @Test func allCellsOfAComparisonHaveOne() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.training.precision = nil
        job.settings.evaluation.every = 0
        var dataset = ComparedDataset()
        dataset.name = "phantoms"
        dataset.configuration = try folder.write(ConfigurationWriter.yaml(job.settings), to: "run.yaml")
        var settings = ComparisonSettings()
        settings.datasets = [dataset]
        settings.techniques = ["a", "b"].map { name in
            var technique = ComparedTechnique()
            technique.name = name
            // Another batch size is another question.
            technique.settings = name == "a" ? [] : ["training.batch_size=8"]
            return technique
        }
        settings.arms = [.plain]
        settings.output = folder.path + "/comparison"
        settings.bootstrap = 20
        settings.minimumPositivePatients = 2
        func execute(_ meter: Meter, _ cache: String) throws {
            let comparison = Comparison(settings, context(meter.choice(cache)))
            _ = try comparison.execute(configuration: ConfigurationWriter.yaml(settings))
        }
        func cells() -> [String] {
            let cells = settings.output + "/cells/phantoms"
            let files = (try? FileManager.default.subpathsOfDirectory(atPath: cells)) ?? []
            return files.filter { $0.hasSuffix("plain/metrics.json") }.map {
                cells + "/" + String($0.dropLast("/metrics.json".count))
            }
        }
        let first = Meter(2, 1)
        try execute(first, cache)
        #expect(first.count == 1 && cells().count == 2)
        #expect(try cells().allSatisfy { try recorded($0) == (.bfloat16, "bfloat16") })
        // Continued with another seed, where the other one is now faster.
        settings.seeds = [0, 1]
        let second = Meter(1, 2)
        try execute(second, folder.path + "/new")
        #expect(second.count == 0 && cells().count == 4)
        #expect(try cells().allSatisfy { try recorded($0) == (.bfloat16, "bfloat16") })
    }
}
