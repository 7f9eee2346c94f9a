import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import Torch

/// A folder of its own for a test, removed at the end.
final class TemporaryFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "/fovea-models-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        Basics.Progress.isSilent = true
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A bundle whose batch norms have seen something, so that evaluation differs from training.
func bundle(classes: Int = 3, thresholds: [Double?]? = nil) throws -> ModelBundle {
    let description = ModelDescription(
        architecture: .mobilenetv1Short, classes: (0..<classes).map { "class \($0)" },
        image: ImageSettings(resolution: 32), dropout: 0.2, thresholds: thresholds,
        trainingImages: (0..<classes).map { $0 * 7 })
    let classifier = try description.makeClassifier()
    try Autograd.withoutGrad {
        try classifier.head.weight.value.copy(from: .normal([classes, 1024]))
        // Until the batch norms' statistics fit, next to nothing passes through so many layers.
        for _ in 0..<40 { _ = try classifier(.normal([8, 3, 32, 32])) }
    }
    classifier.setTraining(false)
    return ModelBundle(description, classifier)
}

/// Pixels of some pictures, all different.
func pixels(_ count: Int, resolution: Int = 32) -> [UInt8] {
    var random = SeededRandom(seed: 4)
    return (0..<count * resolution * resolution * 3).map { _ in UInt8(random.index(below: 256)) }
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}
