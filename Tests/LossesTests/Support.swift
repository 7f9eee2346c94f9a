import Foundation
import Losses
import Testing
import Torch

/// What `Golden/losses.py` computed.
struct Golden: Decodable {
    struct Graded: Decodable {
        let value: Double
        let gradient: [[Double]]
        let terms: [[Double]]?
        let weights: [Double]?
    }
    struct Softmax: Decodable {
        let classes: [Int]
        let crossEntropy: Graded
    }
    let images, classes, trainingImages: Int
    let counts: [Double]
    let logits, targets: [[Double]]
    let losses: [String: Graded]
    let softmax: Softmax

    static let shared = Result {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Golden.self, from: Data(contentsOf: folder.appendingPathComponent("Golden/losses.json")))
    }

    var context: LossContext { LossContext(classCounts: counts.map { Int($0) }, imageCount: trainingImages) }
    /// 1 where a label is known and its class has positives in training.
    var mask: [[Double]] { targets.map { zip($0, counts).map { $0 >= 0 && $1 > 0 ? 1 : 0 } } }
    /// 0 where unknown.
    var labels: [[Double]] { targets.map { $0.map { $0 == 1 ? 1 : 0 } } }
}

/// A float32 matrix.
func matrix(_ rows: [[Double]]) throws -> Tensor {
    try Tensor(rows.flatMap { $0.map(Float.init) }, shape: [rows.count, rows.first?.count ?? 0])
}

/// The value and gradient that a loss gives for some logits.
func graded(_ loss: any Loss, logits: [[Double]], labels: [[Double]], mask: [[Double]]?) throws -> (
    value: Double, gradient: [Double]
) {
    let z = try matrix(logits).requiringGrad()
    let value = try loss(logits: z, labels: matrix(labels), mask: mask.map { try matrix($0) })
    try value.backward()
    return (try value.item(), try #require(z.grad).array(as: Double.self))
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}
