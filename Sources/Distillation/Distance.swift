import Torch

/// How far a student's logits z are from a teacher's logits t, term by term (METHOD: section 4).
public enum Distance: String, Sendable, Codable, CaseIterable {
    /// T^2 KL(Bern(sigmoid(t / T)) || Bern(sigmoid(z / T))): 0 at z = t, gradient T (sigmoid(z/T) - sigmoid(t/T)),
    /// which tends to (z - t) / 4 as T grows (Hinton, Vinyals and Dean 2015, for independent binary outcomes).
    case bernoulliKL = "bernoulli_kl"
    /// (z - t)^2 / 8, the limit of the above for large T.
    case mse
    /// (u - v)^2 / 2 with u and v the logits z and t of each class standardised over the batch. Its mean over the batch is
    /// 1 - r, Pearson's correlation, so where and how spread a teacher's logits are does not count (Huang et al.,
    /// NeurIPS 2022, for softmax outputs).
    case pearson
    /// `bernoulli_kl` of logits that are standardised in the same way (Sun et al., CVPR 2024, standardise over the classes of
    /// an image for a softmax; classes with a sigmoid each have only the batch in common).
    case standardised

    /// Whether T decides anything.
    package var usesTemperature: Bool { self == .bernoulliKL || self == .standardised }

    /// The distances, in the shape of both inputs: images first, then classes.
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
        case .pearson:
            let difference = try Self.standardised(z) - Self.standardised(t)
            return try difference * difference / 2
        case .standardised:
            return try Self.bernoulliKL.terms(
                student: Self.standardised(z), teacher: Self.standardised(t), temperature: temperature)
        }
    }

    /// Mean 0 and standard deviation 1 over the batch; 0 where all are equal.
    private static func standardised(_ x: Tensor) throws -> Tensor {
        let centred = try x - x.mean([0], keepingDimensions: true)
        let variance = try (centred * centred).mean([0], keepingDimensions: true)
        // The square root has no gradient at 0.
        return try centred / (variance + 1e-6).sqrt()
    }

    /// T^2 KL(softmax(t / T) || softmax(z / T)) over the last dimension, for single-label data; [B].
    public static func softmaxKL(student z: Tensor, teacher t: Tensor, temperature: Double) throws -> Tensor {
        let a = try (t / temperature).logSoftmax(1)
        let b = try (z / temperature).logSoftmax(1)
        return try (a.exp() * (a - b)).sum([1]) * (temperature * temperature)
    }
}
