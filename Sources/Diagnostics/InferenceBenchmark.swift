import Backbones
import Basics
import FundusImaging
import Models
import NN
import Torch

/// Times predictions of one ready batch of pixels by the predictor of `fovea predict`.
public struct InferenceBenchmark: Sendable, Codable {
    /// The network.
    public let model: String
    /// Threads of the engine.
    public let threads: Int
    /// Images per prediction.
    public let batch: Int
    /// Side of an image.
    public let size: Int
    /// Timed predictions.
    public let steps: Int
    /// The batch over the median time.
    public let imagesPerSecond: Double
    /// The median time of a prediction, in seconds.
    public let medianStep: Double

    enum CodingKeys: String, CodingKey {
        case model, threads, batch, size, steps
        case imagesPerSecond
        case medianStep = "medianStepS"
    }

    /// A model of 33 classes with random weights, the same each time, whose signals are about as large in each layer.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a name that is not an architecture's.
    public static func bundle(_ name: String, size: Int) throws -> ModelBundle {
        guard let architecture = Architecture(rawValue: name) else {
            throw FoveaError(
                .configuration, "\"\(name)\" is not an architecture",
                remedy: FoveaError.suggestion(for: name, among: Architecture.allCases.map(\.rawValue)))
        }
        try Engine.seed(0)
        let description = ModelDescription(
            architecture: architecture, classes: (0..<33).map { "class \($0)" }, image: ImageSettings(resolution: size))
        let bundle = ModelBundle(description, try description.makeClassifier())
        try Autograd.withoutGrad {
            for (name, parameter) in bundle.classifier.namedParameters {
                // From PyTorch's initialisation to He's for ReLU.
                if parameter.value.rank == 4 { try parameter.replace(parameter.value * 6.0.squareRoot()) }
                // Otherwise nothing would come from folding.
                if name.hasSuffix("running_mean") {
                    try parameter.replace(.normal(parameter.value.shape, deviation: 0.1))
                }
            }
        }
        return bundle
    }

    /// Runs the benchmark.
    ///
    /// - Parameter shouldStop: called before each prediction; true ends the work with `CancellationError`.
    public static func run(
        _ bundle: ModelBundle, precision: Precision, batch: Int, steps: Int, warmUp: Int, device: Device,
        shouldStop: () -> Bool = { false }
    ) throws -> InferenceBenchmark {
        let size = bundle.description.image.resolution
        let predictor = try bundle.predictor(device: device, precision: precision)
        var random = SeededRandom(seed: 0)
        let pixels = (0..<batch * size * size * 3).map { _ in UInt8(random.index(below: 256)) }
        var seconds: [Double] = []
        for step in 0..<warmUp + steps {
            if shouldStop() { throw CancellationError() }
            let start = ContinuousClock.now
            _ = try predictor.logits(pixels, count: batch, resolution: size)
            if step >= warmUp { seconds.append((ContinuousClock.now - start) / .seconds(1)) }
        }
        let median = seconds.sorted()[seconds.count / 2]
        return InferenceBenchmark(
            model: bundle.description.architecture.rawValue, threads: Engine.threads, batch: batch, size: size,
            steps: steps, imagesPerSecond: Double(batch) / median, medianStep: median)
    }
}
