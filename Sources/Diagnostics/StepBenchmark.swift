import Backbones
import Basics
import Execution
import Foundation
import Torch

/// Times training steps on one ready batch: forward, BCE, backward, fused AdamW, as `benchmarks/step_torch.py` does.
public struct StepBenchmark: Sendable, Codable {
    /// The network: resnet18, resnet34, resnet50 or mobilenetv1.
    public let model: String
    /// channels_last or default.
    public let layout: String
    /// bf16 or f32.
    public let precision: String
    /// Threads of the engine.
    public let threads: Int
    /// Images per step.
    public let batch: Int
    /// Side of an image.
    public let size: Int
    /// Timed steps.
    public let steps: Int
    /// The batch over the median step.
    public let imagesPerSecond: Double
    /// The median step, in seconds.
    public let medianStep: Double

    enum CodingKeys: String, CodingKey {
        case model, layout, precision, threads, batch, size, steps
        case imagesPerSecond
        case medianStep = "medianStepS"
    }

    /// The networks with the pixels and batch that are timed.
    public static let models: [(name: String, architecture: Architecture, size: Int, batch: Int)] = [
        ("resnet18", .resnet18, 224, 16), ("resnet34", .resnet34, 224, 16), ("resnet50", .resnet50, 224, 16),
        ("mobilenetv1", .mobilenetv1, 128, 64), ("efficientnet_lite0", .efficientNetLite0, 224, 16),
    ]

    /// The network of a name, with its pixels and batch.
    static func entry(_ name: String) throws -> (name: String, architecture: Architecture, size: Int, batch: Int) {
        guard let entry = models.first(where: { $0.name == name }) else {
            throw FoveaError(
                .configuration, "\"\(name)\" is not timed",
                remedy: FoveaError.suggestion(for: name, among: models.map(\.name)))
        }
        return entry
    }

    /// Runs the benchmark.
    ///
    /// - Parameters:
    ///   - batch: images per step; nil: as many as `models` says, few enough for a processor.
    ///   - shouldStop: called before each step; true ends the work with `CancellationError`.
    public static func run(
        model name: String, isChannelsLast: Bool, precision: Precision, batch: Int? = nil, steps: Int, warmUp: Int,
        device: Device, shouldStop: () -> Bool = { false }
    ) throws -> StepBenchmark {
        let entry = try entry(name)
        let batch = batch ?? entry.batch
        let training = try BenchmarkedTraining(
            entry.architecture, size: entry.size, batch: batch, isChannelsLast: isChannelsLast,
            precision: precision, device: device)
        var seconds: [Double] = []
        for step in 0..<warmUp + steps {
            if shouldStop() { throw CancellationError() }
            let start = ContinuousClock.now
            _ = try training.gradients(training.readyImages)
            try training.update(measuresNorm: false)
            try device.synchronize()
            if step >= warmUp { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
        }
        let median = seconds.sorted()[seconds.count / 2]
        return StepBenchmark(
            model: name, layout: isChannelsLast ? "channels_last" : "default",
            precision: precision == .bfloat16 ? "bf16" : "f32", threads: Engine.threads, batch: batch,
            size: entry.size, steps: steps, imagesPerSecond: Double(batch) / median, medianStep: median)
    }
}
