import Backbones
import Foundation
import NN
import Torch

/// What `Golden/techniques.py` computed.
struct GoldenTechniques: Decodable {
    struct Tau: Decodable {
        let tau: Double
        let weights, logits, withoutBias: [[Double]]
    }
    struct Scaling: Decodable {
        let logScale: [Double]
        let logits: [[Double]]
        let loss: Double
        let gradient: [Double]
    }
    struct Shares: Decodable {
        let alpha: Double
        /// The distribution function at some places.
        let at, below: [Double]
    }
    struct Mixed: Decodable {
        let share: Double
        let partners: [Int]
        /// Image and class.
        let unknown: [[Int]]
        let loss: Double
    }
    let features, weights, labels: [[Double]]
    let bias: [Double]
    let tau: [Tau]
    let scaling: Scaling
    let shares: [Shares]
    let cutmixMeanShare: Double
    let mixed: Mixed

    static func read() throws -> GoldenTechniques {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return try decoder.decode(
            GoldenTechniques.self, from: Data(contentsOf: folder.appendingPathComponent("Golden/techniques.json")))
    }

    /// A network whose head has the golden weights.
    func network() throws -> Classifier {
        let network = try Classifier(TinyBackbone(features: 3), classes: bias.count)
        try network.head.weight.replace(matrix(weights))
        try network.head.bias?.replace(Tensor(bias.map { Float($0) }))
        return network
    }
}

/// A float32 matrix.
func matrix(_ rows: [[Double]]) throws -> Tensor {
    try Tensor(flat(rows), shape: [rows.count, rows.first?.count ?? 0])
}

func flat(_ rows: [[Double]]) -> [Float] { rows.flatMap { $0.map { Float($0) } } }
