import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Torch

/// Numbers in [-bound, bound) that depend on the name only.
func seeded(_ name: String, _ shape: [Int], _ bound: Double) throws -> Tensor {
    var random = SeededRandom(seed: 1, SeededRandom.key(name))
    return try Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform(-bound, bound)) }, shape: shape)
}

/// A bundle whose batch norms have seen something, so that evaluation differs from training.
func bundle(classes: Int = 3, thresholds: [Double?]? = nil) throws -> ModelBundle {
    let description = ModelDescription(
        architecture: .mobilenetv1Short, classes: (0..<classes).map { "class \($0)" },
        image: ImageSettings(resolution: 32), dropout: 0.2, thresholds: thresholds,
        trainingImages: (0..<classes).map { $0 * 7 })
    let classifier = try description.makeClassifier()
    // The same numbers in every test, whatever was drawn before.
    for (name, parameter) in classifier.namedParameters where parameter.value.rank >= 2 {
        let inputs = parameter.value.shape.dropFirst().reduce(1, *)
        let bound = name.hasPrefix("classifier") ? 1.7 : 1 / Double(inputs).squareRoot()
        try parameter.replace(seeded(name, parameter.value.shape, bound))
    }
    try Autograd.withoutGrad {
        // Until the batch norms' statistics fit, next to nothing passes through the layers.
        for i in 0..<40 { _ = try classifier(seeded("images \(i)", [8, 3, 32, 32], 1.7)) }
    }
    classifier.setTraining(false)
    return ModelBundle(description, classifier)
}

/// Pixels of some images, all different.
func pixels(_ count: Int, resolution: Int = 32) -> [UInt8] {
    var random = SeededRandom(seed: 4)
    return (0..<count * resolution * resolution * 3).map { _ in UInt8(random.index(below: 256)) }
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Float], _ b: [Float]) -> Float {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}
