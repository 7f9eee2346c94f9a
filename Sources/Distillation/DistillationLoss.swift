import Basics
import Torch

/// The second sum of METHOD's L: lambda / B sum_i sum_c (1 / m_c) sum_k w_kc(x_i) d(z_ic, t^k_ic).
public final class DistillationLoss {
    private let columns: TeacherOutputs
    private let distance: Distance
    private let temperature: Double
    private let lambda: Double
    private let index: Tensor
    private let device: Device
    private var coefficients: Tensor

    /// Makes the loss with a weight for each column that holds for all images; 1 by default.
    public init(
        _ columns: TeacherOutputs, distance: Distance, temperature: Double, lambda: Double, weights: [Double]? = nil,
        device: Device = .cpu
    ) throws {
        self.columns = columns
        self.distance = distance
        self.temperature = temperature
        self.lambda = lambda
        self.device = device
        index = try Tensor(columns.classes).to(device: device)
        coefficients = try Self.coefficients(columns, weights, device)
    }

    /// Changes the weights that hold for all images (`self_paced`, once per epoch).
    public func setWeights(_ weights: [Double]) throws {
        coefficients = try Self.coefficients(columns, weights, device)
    }

    /// The loss of a batch, a scalar in float32.
    ///
    /// - Parameters:
    ///   - logits: the student's, [B, C].
    ///   - teachers: the teachers' logits column by column, prior shifts subtracted, [B, columns].
    ///   - imageWeights: weights that vary over images, [B, columns]; nil for none.
    public func callAsFunction(logits: Tensor, teachers: Tensor, imageWeights: Tensor? = nil) throws -> Tensor {
        let student = try logits.to(dtype: .float32).selecting(index, in: 1)
        var terms = try distance.terms(
            student: student, teacher: teachers.to(dtype: .float32), temperature: temperature)
        if let imageWeights { terms = try terms * imageWeights }
        return try (terms * coefficients).sum() * (lambda / Double(max(1, logits.shape[0])))
    }

    private static func coefficients(_ columns: TeacherOutputs, _ weights: [Double]?, _ device: Device) throws -> Tensor
    {
        let weights = weights ?? columns.shares.map { _ in 1 }
        guard weights.count == columns.count else {
            throw FoveaError(.engine, "\(weights.count) weights for \(columns.count) teacher columns")
        }
        return try Tensor(zip(weights, columns.shares).map { Float($0 * $1) }).to(device: device)
    }
}

/// The single-label form: lambda / B sum_i sum_k w_k T^2 KL(softmax(t^k / T) || softmax(z_S / T)), on all images or on
/// those whose class is in the subset.
public struct SoftmaxDistillationLoss {
    private let columns: TeacherOutputs
    private let temperature: Double
    private let lambda: Double
    private let index: Tensor

    /// Makes the loss.
    public init(_ columns: TeacherOutputs, temperature: Double, lambda: Double, device: Device = .cpu) throws {
        self.columns = columns
        self.temperature = temperature
        self.lambda = lambda
        index = try Tensor(columns.classes).to(device: device)
    }

    /// The loss of a batch.
    ///
    /// - Parameter teacherWeights: w_k for each image and teacher, [B, K]; 0 leaves an image out.
    public func callAsFunction(logits: Tensor, teachers: Tensor, teacherWeights: Tensor) throws -> Tensor {
        let student = try logits.to(dtype: .float32).selecting(index, in: 1)
        let targets = try teachers.to(dtype: .float32)
        var sum = try Tensor.zeros([logits.shape[0]], device: logits.device)
        for k in columns.subsets.indices {
            let range = columns.columns(of: k)
            let divergence = try Distance.softmaxKL(
                student: student.narrowed(1, from: range.lowerBound, length: range.count),
                teacher: targets.narrowed(1, from: range.lowerBound, length: range.count), temperature: temperature)
            sum = try sum + divergence * teacherWeights.narrowed(1, from: k, length: 1).flattened()
        }
        return try sum.sum() * (lambda / Double(max(1, logits.shape[0])))
    }
}
