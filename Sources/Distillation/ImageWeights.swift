import Basics
import Cohorts
import FundusImaging
import Torch

/// Weights of teachers that vary over images, divided by their mean over the training set, teacher by teacher.
public struct ImageWeights {
    private enum Form {
        /// From the teachers' logits.
        case confidence(temperature: Double)
        /// One row for each of the training rows, [rows, columns].
        case table(Tensor, positions: [Int: Int])
    }

    private let form: Form
    private let inverseMean: Tensor

    /// 1 - H(sigmoid(t / T)) / log 2.
    public static func confidence(_ bank: ViewBank, temperature: Double) throws -> ImageWeights {
        let means = try bank.meanWeights { try confidence(of: $0, temperature: temperature) }.array(as: Double.self)
        let ofTeacher = bank.columns.subsets.indices.map { k -> Double in
            let range = bank.columns.columns(of: k)
            return means[range].reduce(0, +) / Double(max(1, range.count))
        }
        let inverse = bank.columns.teachers.map { Float(1 / max(1e-6, ofTeacher[$0])) }
        let device = bank.device
        return ImageWeights(
            form: .confidence(temperature: temperature), inverseMean: try Tensor(inverse).to(device: device))
    }

    /// 1 + gain for images that carry a positive of the teacher's subset, 1 otherwise.
    ///
    /// - Parameter rows: the training rows.
    public static func membership(
        _ columns: TeacherOutputs, rows: [Int], cohort: Cohort, gain: Double, device: Device
    ) throws -> ImageWeights {
        var values: [Float] = []
        for row in rows {
            let member = columns.subsets.map { subset in
                subset.classes.contains { cohort.label(row, $0) == 1 }
            }
            values += columns.teachers.map { member[$0] ? Float(1 + gain) : 1 }
        }
        let table = try Tensor(values, shape: [rows.count, columns.count]).to(device: device)
        let positions = Dictionary(uniqueKeysWithValues: rows.enumerated().map { ($0.element, $0.offset) })
        return ImageWeights(
            form: .table(table, positions: positions), inverseMean: try table.mean([0]).pow(-1))
    }

    /// The weights of a batch, [B, columns].
    public func weights(items: [BatchItem], teachers: Tensor) throws -> Tensor {
        switch form {
        case .confidence(let temperature):
            return try Self.confidence(of: teachers, temperature: temperature) * inverseMean
        case .table(let table, let positions):
            let indices = try items.map { item -> Int in
                guard let position = positions[item.row] else {
                    throw FoveaError(.engine, "row \(item.row) is none of the training rows")
                }
                return position
            }
            return try table.selecting(Tensor(indices).to(device: teachers.device), in: 0) * inverseMean
        }
    }

    /// With a = t / T the entropy of a Bernoulli variable is softplus(a) - a sigmoid(a).
    private static func confidence(of t: Tensor, temperature: Double) throws -> Tensor {
        let a = try t / temperature
        let entropy = try a.softplus() - a * a.sigmoid()
        return try 1 - entropy / 0.693_147_180_559_945_3
    }
}
