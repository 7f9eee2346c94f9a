import Backbones
import Basics
import Foundation
import NN
import TestSupport
import Testing
import Torch
import Weights

/// The networks that `parity.py` computed whole; other transformers differ from these in numbers only.
let compared: [Architecture] = [
    .resnet18, .resnet34, .resnet50, .mobilenetv1, .mobilenetv1Short, .mobilenetv1Symmetric, .efficientNetLite0,
    .vitSmall,
    .vitTinyMean,
]

/// What `Golden/parity.py` computed with torchvision and timm.
struct Golden: Decodable {
    struct Evaluation: Decodable {
        let batch, size: Int
        let logits: [[Double]]
    }
    struct Gradients: Decodable {
        /// The name that the images are drawn from.
        let input: String
        let batch, size: Int
        let loss: Double
        /// L2 norm, first, second, third and last element of each gradient; fewer for small parameters.
        let parameters: [String: [Double]]
    }
    struct Sequence: Decodable {
        let optimiser, dtype: String
        let momentum, beta1, beta2, epsilon: Double?
        let learningRate, weightDecay: Double
        let batch, size: Int
        let losses: [Double]
        let runningNorms: [String: Double]
    }
    let classes: Int
    let eval: [Evaluation]
    let gradients: [String: Gradients]
    let sequences: [Sequence]

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden"

    static func read(_ architecture: Architecture) throws -> Golden {
        let name = architecture.rawValue.replacing("_100", with: "")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Golden.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/\(name).json")))
    }
}

/// Numbers in [0, 1) that depend on a name and the flat index only, as in `parity.py`.
func uniform(_ name: String, _ count: Int) -> [Double] {
    let key = SeededRandom.key(name)
    return (1...UInt64(count)).map { i in
        Double(SeededRandom.mix(key &+ i &* 0x9E37_79B9_7F4A_7C15) >> 11) * 0x1p-53
    }
}

/// The value of a parameter by the formula of `parity.py`.
func hashed(_ name: String, _ shape: [Int]) throws -> Tensor {
    let u = uniform(name, shape.reduce(1, *))
    let values: [Double]
    if ["cls_token", "pos_embed"].contains(name) {
        values = u.map { 0.5 * (2 * $0 - 1) }
    } else if shape.count >= 2 {
        let gain = shape[1] == 1 ? 1.4 : 0.7
        let bound = (6 / Double(shape.dropFirst().reduce(1, *))).squareRoot()
        values = u.map { (2 * $0 - 1) * gain * bound }
    } else if name.hasSuffix(".running_var") || name.hasSuffix(".weight") {
        values = u.map { 0.5 + $0 }
    } else {
        let gain = ["fc.bias", "classifier.bias", "head.bias"].contains(name) ? 0.1 : 0.3
        values = u.map { gain * (2 * $0 - 1) }
    }
    return try Tensor(values.map { Float($0) }, shape: shape)
}

/// A network with the weights of the formula.
func hashedClassifier(_ architecture: Architecture, classes: Int = 33, dtype: DType = .float32) throws -> Classifier {
    let network = try Classifier(architecture.makeBackbone(), classes: classes)
    for (name, parameter) in network.namedParameters {
        try parameter.replace(hashed(name, parameter.value.shape).to(dtype: dtype))
    }
    return network
}

/// The images of `parity.py`.
func images(_ batch: Int, _ size: Int, name: String = "input", dtype: DType = .float32) throws -> Tensor {
    let values = uniform(name, batch * 3 * size * size).map { Float(2 * $0 - 1) }
    return try Tensor(values, shape: [batch, 3, size, size]).to(dtype: dtype)
}

/// The labels of `parity.py`.
func targets(_ batch: Int, _ classes: Int, dtype: DType = .float32) throws -> Tensor {
    let values = uniform("target", batch * classes).map { $0 < 0.2 ? Float(1) : 0 }
    return try Tensor(values, shape: [batch, classes]).to(dtype: dtype)
}

/// Binary cross-entropy, summed over classes, averaged over the batch.
func objective(_ logits: Tensor, _ labels: Tensor) throws -> Tensor {
    try (logits.softplus() - labels * logits).sum() / Double(labels.shape[0])
}

/// The largest difference over max(1, the largest value); infinite when the numbers of elements differ.
func scaledDifference(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count, found.allSatisfy(\.isFinite) else { return .infinity }
    let largest = expected.map(abs).max() ?? 0
    return (zip(found, expected).map { abs($0 - $1) }.max() ?? 0) / max(1, largest)
}
