import Foundation

/// How the learning rate goes over the steps of a training: a factor on the base rate.
public struct Schedule: Sendable, Equatable, Codable {
    /// The form after the warm-up.
    public enum Form: String, Sendable, Codable, CaseIterable {
        case constant
        /// Half a cosine from 1 to 0 (Loshchilov and Hutter, ICLR 2017, without restarts).
        case cosine
        /// The same twice, the second time from the middle on (warm restarts, one of them).
        case cosineTwice = "cosine_twice"
        /// Times `stepFactor` at each third of the remaining steps.
        case step
    }

    /// The form after the warm-up.
    public var form: Form
    /// Steps over which the factor rises linearly to 1.
    public var warmUpSteps: Int
    /// All steps of the training, warm-up included.
    public var totalSteps: Int
    /// The factor at each step of form `step`.
    public var stepFactor: Double

    /// Makes a schedule.
    public init(_ form: Form = .cosine, warmUpSteps: Int = 0, totalSteps: Int, stepFactor: Double = 0.1) {
        self.form = form
        self.warmUpSteps = warmUpSteps
        self.totalSteps = totalSteps
        self.stepFactor = stepFactor
    }

    /// The factor for step number `step`, counted from 0.
    ///
    /// Warm-up: (step + 1) / warmUpSteps. Cosine: (1 + cos(pi t)) / 2 with t from 0 to (nearly) 1.
    public func factor(at step: Int) -> Double {
        if step < warmUpSteps { return Double(step + 1) / Double(warmUpSteps) }
        let remaining = max(1, totalSteps - warmUpSteps)
        let t = min(1, Double(step - warmUpSteps) / Double(remaining))
        switch form {
        case .constant: return 1
        case .cosine: return 0.5 * (1 + cos(.pi * t))
        case .cosineTwice: return 0.5 * (1 + cos(2 * .pi * (t < 0.5 ? t : t - 0.5)))
        case .step: return pow(stepFactor, min(2, (3 * t).rounded(.down)))
        }
    }
}
