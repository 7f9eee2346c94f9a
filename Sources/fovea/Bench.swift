import ArgumentParser
import Basics
import Diagnostics
import Evaluation
import Execution
import Foundation
import Models
import Prediction
import Torch

/// `fovea bench`: what `make bench` times inside the program.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Times parts of the program; `make bench` compares them with PyTorch.",
        subcommands: [BenchStep.self, BenchInference.self, BenchLoader.self, BenchEvaluation.self])
}

/// What is timed, and in which arithmetic.
struct BenchmarkNetwork: ParsableArguments {
    @Option(help: "resnet18, resnet34, resnet50, mobilenetv1 or efficientnet_lite0.")
    var model: String

    @Option(help: "bf16 or f32.")
    var precision = "bf16"

    var arithmetic: Precision { precision == "bf16" ? .bfloat16 : .float32 }

    func validate() throws {
        guard ["bf16", "f32"].contains(precision) else { throw ValidationError("--precision is bf16 or f32.") }
    }
}

struct BenchStep: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "step", abstract: "Times training steps on one ready batch.")

    @OptionGroup var network: BenchmarkNetwork

    @Option(help: "channels_last or default.")
    var layout = "channels_last"

    @Option(help: "Images per step; by default few enough for a processor.")
    var batch: Int?

    @Option(help: "Timed steps.")
    var steps = 10

    @Option(help: "Steps before them that are not timed.")
    var warmup = 3

    @Flag(help: "Prints one line of JSON.")
    var json = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard ["channels_last", "default"].contains(layout) else {
            throw ValidationError("--layout is channels_last or default.")
        }
        guard 1...100_000 ~= steps, 0...100_000 ~= warmup else {
            throw ValidationError("--steps is at least 1, --warmup at least 0.")
        }
        guard 1...100_000 ~= batch ?? 1 else { throw ValidationError("--batch is at least 1 and at most 100000.") }
    }

    func run() throws {
        let context = try common.context()
        Engine.threads = context.threads
        let result = try StepBenchmark.run(
            model: network.model, isChannelsLast: layout == "channels_last", precision: network.arithmetic,
            batch: batch, steps: steps, warmUp: warmup, device: context.device,
            shouldStop: context.shouldStop)
        if json { return try showLine(result) }
        try show(
            "\(result.model), batch \(result.batch) at \(result.size) px, \(layout), \(result.precision): "
                + "\(rounded(result.imagesPerSecond)) images/s")
    }
}

struct BenchInference: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inference", abstract: "Times predictions of one ready batch, as `fovea predict` makes them.")

    @Option(help: "An architecture, such as resnet50, which gets random weights.")
    var model: String

    @Option(help: "Side of an image in pixels.")
    var size = 224

    @Option(help: "Images per prediction.")
    var batch = 1

    @Option(help: "float32 or bfloat16.")
    var precision = Precision.float32

    @Option(help: "Timed predictions.")
    var steps = 20

    @Option(help: "Predictions before them that are not timed.")
    var warmup = 5

    @Option(help: ArgumentHelp("A new or empty folder for the model, to be timed elsewhere.", valueName: "folder"))
    var save: String?

    @Flag(help: "Prints one line of JSON.")
    var json = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 1...100_000 ~= steps, 0...100_000 ~= warmup, 1...100_000 ~= batch, 32...4096 ~= size else {
            throw ValidationError(
                "--steps and --batch are at least 1, --warmup at least 0, all at most 100000; --size is 32 to 4096.")
        }
    }

    func run() throws {
        let context = try common.context()
        Engine.threads = context.threads
        let bundle = try InferenceBenchmark.bundle(model, size: size)
        if let save {
            try Folder.requireEmpty(save, named: "--save")
            try Folder.make(save)
            try bundle.save(to: save)
        }
        let result = try InferenceBenchmark.run(
            bundle, precision: precision, batch: batch, steps: steps, warmUp: warmup, device: context.device,
            shouldStop: context.shouldStop)
        if json { return try showLine(result) }
        try show(
            "\(model), batch \(batch) at \(size) px, \(precision.rawValue): \(rounded(result.imagesPerSecond)) images/s"
        )
    }
}

/// Prints a result as one line of JSON.
private func showLine(_ result: some Encodable) throws {
    try StandardStream.exactly(String(decoding: JSONFormat.encoded(result, pretty: false), as: UTF8.self) + "\n")
}

private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }

struct BenchLoader: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "loader",
        abstract: "Times training from image files against the same loop on one ready batch, and watches the memory.")

    @Option(help: "A folder of images.")
    var images: String

    @OptionGroup var network: BenchmarkNetwork

    @Option(help: "Images per epoch; 0 for all.")
    var count = 0

    @Option(help: "Epochs after the cold one.")
    var epochs = 5

    @Flag(help: "Prints one line of JSON.")
    var json = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 1...1000 ~= epochs, 0...10_000_000 ~= count else {
            throw ValidationError("--epochs is 1 to 1000, --count at least 0.")
        }
    }

    func run() throws {
        let context = try common.context()
        Engine.threads = context.threads
        let found = try ImageArguments.expand([images]).map(\.path)
        let cache = NSTemporaryDirectory() + "fovea-bench-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: cache) }
        let result = try LoaderBenchmark.run(
            model: network.model, paths: count > 0 ? Array(found.prefix(count)) : found, epochs: epochs,
            precision: network.arithmetic, device: context.device, cacheFolder: cache,
            shouldStop: context.shouldStop)
        if json { return try showLine(result) }
        try show(
            "\(result.model) from \(result.images) files: cold epoch \(rounded(result.coldSeconds)) s, "
                + "\(rounded(result.cacheSeconds)) s of it decoding into the cache")
        for (number, epoch) in result.epochs.enumerated() {
            try show(
                "  epoch \(number + 2): \(rounded(epoch.loaded)) images/s, ready batch \(rounded(epoch.ready)), "
                    + "memory \(Int(epoch.memory)) MiB")
        }
        try show("\(result.model) from files: \(rounded(result.share * 100)) % of the rate with a ready batch (median)")
    }
}

struct BenchEvaluation: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluation", abstract: "Times average precision, area under the curve and the bootstrap.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let context = try common.context()
        let result = try EvaluationBenchmark.run(
            threads: context.threads, shouldStop: context.shouldStop)
        func line(_ what: String, _ seconds: Double, _ limit: Double) throws {
            try show("\(what): \((seconds * 100).rounded() / 100) s (limit \(limit) s)")
        }
        try line("AP and AUC, 100,000 images x 50 classes", result.rankingSeconds, 1)
        try line("evaluation with 1,000 bootstrap rounds, 5,000 images x 33 classes", result.bootstrapSeconds, 10)
    }
}
