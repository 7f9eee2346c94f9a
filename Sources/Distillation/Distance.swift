import Torch

/// How far a student's logits z are from a teacher's logits t, term by term (METHOD: section 4).
public enum Distance: String, Sendable, Codable, CaseIterable {
    /// T^2 KL(Bern(sigmoid(t / T)) || Bern(sigmoid(z / T))): 0 at z = t, gradient T (sigmoid(z/T) - sigmoid(t/T)),
    /// which tends to (z - t) / 4 as T grows (Hinton, Vinyals and Dean 2015, for independent binary outcomes).
    case bernoulliKL = "bernoulli_kl"
    /// (z - t)^2 / 8, the limit of the above for large T.
    case mse

    /// The distances, in the shape of both inputs.
    public func terms(student z: Tensor, teacher t: Tensor, temperature: Double) throws -> Tensor {
        switch self {
        case .mse:
            let difference = try z - t
            return try difference * difference / 8
        case .bernoulliKL:
            // With a = t / T, b = z / T the divergence is softplus(b) - softplus(a) - sigmoid(a) (b - a): the
            // Bregman form, in which no logarithm of a vanishing probability appears.
            let a = try t / temperature
            let b = try z / temperature
            let divergence = try b.softplus() - a.softplus() - a.sigmoid() * (b - a)
            return try divergence * (temperature * temperature)
        }
    }

    /// T^2 KL(softmax(t / T) || softmax(z / T)) over the last dimension, for single-label data; [B].
    public static func softmaxKL(student z: Tensor, teacher t: Tensor, temperature: Double) throws -> Tensor {
        let a = try (t / temperature).logSoftmax(1)
        let b = try (z / temperature).logSoftmax(1)
        return try (a.exp() * (a - b)).sum([1]) * (temperature * temperature)
    }
}
