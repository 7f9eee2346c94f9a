import Basics
import Foundation
import NN
import Torch

/// What `Golden/optimizers.py` computed.
struct Golden: Decodable {
    struct Clipping: Decodable {
        let limit, norm: Double
        let gradients: [[Double]]
    }
    struct Factors: Decodable {
        let form: Schedule.Form
        let total, warmUp: Int
        let factors: [Double]
    }
    struct Averages: Decodable {
        let decay: Double
        let weights: [[Double]]
    }
    let optimisers: [String: [[[Double]]]]
    let clipping: [Clipping]
    let schedules: [Factors]
    let averages: Averages

    static func read() throws -> Golden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Golden.self, from: Data(contentsOf: folder.appendingPathComponent("Golden/optimizers.json")))
    }
}

/// The parameters and gradients of `optimizers.py`.
struct Pair {
    let weight: Parameter
    let bias: Parameter

    init(dtype: DType = .float64) throws {
        weight = try Parameter(Tensor((0..<6).map { sin(Double($0) + 1) }, shape: [2, 3]).to(dtype: dtype))
        bias = try Parameter(Tensor((0..<2).map { cos(Double($0) + 1) }).to(dtype: dtype))
    }

    var named: [(name: String, parameter: Parameter)] { [("weight", weight), ("bias", bias)] }

    func setGradients(step: Int) throws {
        for (k, (_, parameter)) in named.enumerated() {
            let value = parameter.value
            let phase = 1.7 * Double(step) + 2.3 * Double(k)
            let flat = (0..<value.count).map { i -> Double in
                let x = Double(i)
                return sin(phase + 0.9 * x) * (1 + x / 4)
            }
            try value.setGrad(Tensor(flat, shape: value.shape).to(dtype: value.dtype))
        }
    }

    func values() throws -> [[Double]] { try named.map { try $0.parameter.value.array(as: Double.self) } }
    func gradients() throws -> [[Double]] {
        try named.map { try $0.parameter.value.grad?.array(as: Double.self) ?? [] }
    }
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

/// The largest absolute difference over lists.
func distance(_ a: [[Double]], _ b: [[Double]]) -> Double {
    a.count == b.count ? zip(a, b).map { distance($0, $1) }.max() ?? 0 : .infinity
}
