import Basics
import Cohorts
import FundusImaging
import NN
import Torch

/// Distillation of pooled features, in addition to that of logits:
///
///     lambda / B sum_i (1/K) sum_k [ 1 - cos(P_k f(x_i), f_k(x_i)) ]
///
/// with the student's feature f, that of teacher k, and a matrix P_k for each teacher, without bias, that is learnt with the
/// student and not kept afterwards: the cosine compares directions, in axes that the student may choose.
public final class FeatureDistillation {
    /// P_k, one for each teacher.
    public let projections: [Linear]
    private let teachers: [TeacherFeatures]
    private let bank: ViewBank
    private let lambda: Double
    /// Below it a norm counts as this, as in PyTorch's `cosine_similarity`.
    private static let epsilon = 1e-8

    /// Makes the loss.
    ///
    /// - Parameters:
    ///   - teachers: one for each teacher of `bank`, on its views and rows.
    ///   - studentLength: numbers of the student's feature.
    ///   - seed: decides where the projections begin (uniform, PyTorch's bounds), and nothing else.
    /// - Throws: `FoveaError` of kind `engine` where features and bank do not belong together.
    public init(
        _ teachers: [TeacherFeatures], bank: ViewBank, studentLength: Int, lambda: Double, seed: UInt64
    ) throws {
        guard teachers.count == bank.columns.subsets.count,
            teachers.allSatisfy({ $0.count == bank.views * bank.rows.count })
        else {
            throw FoveaError(
                .engine,
                "features of \(teachers.map(\.count)) views for a bank of \(bank.columns.subsets.count) teachers, "
                    + "\(bank.views) views, \(bank.rows.count) rows")
        }
        self.teachers = teachers
        self.bank = bank
        self.lambda = lambda
        let bound = 1 / Double(max(1, studentLength)).squareRoot()
        projections = try zip(teachers, bank.columns.subsets).map { teacher, subset in
            let projection = try Linear(studentLength, teacher.length, bias: false)
            var random = SeededRandom(seed: seed, SeededRandom.key("projection " + subset.name))
            let values = (0..<projection.weight.value.count).map { _ in Float(random.uniform(-bound, bound)) }
            try projection.weight.replace(Tensor(values, shape: projection.weight.value.shape))
            return projection
        }
    }

    /// The projections, by the names of the subsets.
    public var modules: [(name: String, module: any Module)] {
        zip(bank.columns.subsets, projections).map { ("projection-" + $0.name, $1) }
    }

    /// The loss of a batch, a scalar; in float32, also under autocast.
    ///
    /// - Parameter features: the student's, [B, studentLength].
    public func callAsFunction(features: Tensor, items: [BatchItem]) throws -> Tensor {
        let places = try bank.places(of: items)
        return try Autocast.run(.float32, on: features.device) {
            let student = try features.to(dtype: .float32)
            var sum = try Tensor.zeros([], device: features.device)
            for (teacher, projection) in zip(teachers, projections) {
                let target = try teacher.features(at: places).to(device: features.device)
                sum = try sum + Self.cosineDistance(projection(student), target).sum()
            }
            return try sum * (lambda / Double(max(1, places.count * teachers.count)))
        }
    }

    /// 1 - cos(a, b) of each row, [B].
    static func cosineDistance(_ a: Tensor, _ b: Tensor) throws -> Tensor {
        let norms = try a.norm([1]).clamped(epsilon, nil) * b.norm([1]).clamped(epsilon, nil)
        return try 1 - (a * b).sum([1]) / norms
    }
}
