import Foundation

/// A line through a class's logits whose logistic function is a calibrated probability: p = sigmoid(slope z + offset)
/// (Platt, 1999).
public struct PlattScaling: Equatable, Sendable {
    /// Factor on the logit; above 0, so that the ranking stays.
    public var slope: Double
    /// Added to the scaled logit.
    public var offset: Double

    /// What leaves every probability as it is.
    public static let identity = PlattScaling(slope: 1, offset: 0)
    /// The smallest slope.
    static let leastSlope = 0.01
    /// Pulls the slope to 1.
    private static let slopePenalty = 25.0
    /// Pulls the offset to 0.
    private static let offsetPenalty = 4.0

    /// Puts a line together.
    public init(slope: Double, offset: Double) {
        self.slope = slope
        self.offset = offset
    }

    /// The line with the least sum of negative log-likelihoods plus 25 (slope - 1)^2 + 4 offset^2, slope at least 0.01.
    ///
    /// The penalty keeps classes of few images near the identity. The objective is strictly convex: Newton's method
    /// with halved steps finds its minimum.
    ///
    /// - Parameters:
    ///   - logits: one for each image.
    ///   - labels: 1 and 0 for each image; other images take no part.
    /// - Returns: the identity without a positive or without a negative image.
    public init(fitting logits: [Double], labels: [Int8]) {
        let known = zip(logits, labels).filter { $1 == 0 || $1 == 1 }.map { (z: $0, y: Double($1)) }
        self = .identity
        guard known.contains(where: { $0.y == 1 }), known.contains(where: { $0.y == 0 }) else { return }
        self = PlattScaling(slope: Self.leastSlope, offset: 0)
        minimize(known, fixesSlope: true)
        // Convex: where the objective rises at the least slope, the minimum over all lines has a smaller one.
        guard derivatives(known).gradient.slope < 0 else { return }
        self = .identity
        minimize(known, fixesSlope: false)
    }

    /// The calibrated probability of a logit.
    public func probability(_ logit: Double) -> Double { 1 / (1 + exp(-(slope * logit + offset))) }

    private mutating func minimize(_ known: [(z: Double, y: Double)], fixesSlope: Bool) {
        var value = objective(known)
        for _ in 0..<100 {
            let (gradient, hessian) = derivatives(known)
            var step: (slope: Double, offset: Double)
            if fixesSlope {
                step = (0, -gradient.offset / hessian.offset)
            } else {
                let determinant = hessian.slope * hessian.offset - hessian.mixed * hessian.mixed
                step = (
                    -(hessian.offset * gradient.slope - hessian.mixed * gradient.offset) / determinant,
                    -(hessian.slope * gradient.offset - hessian.mixed * gradient.slope) / determinant
                )
            }
            guard max(abs(step.slope), abs(step.offset)) > 1e-12 else { return }
            let start = self
            var (share, reached) = (1.0, value)
            repeat {
                self = PlattScaling(slope: start.slope + share * step.slope, offset: start.offset + share * step.offset)
                reached = objective(known)
                share /= 2
            } while reached > value && share > 1e-9
            // Rounding: no step improves any more.
            guard reached <= value else {
                self = start
                return
            }
            value = reached
        }
    }

    private func objective(_ known: [(z: Double, y: Double)]) -> Double {
        let penalty = Self.slopePenalty * (slope - 1) * (slope - 1) + Self.offsetPenalty * offset * offset
        return known.reduce(penalty) { sum, cell in
            let t = slope * cell.z + offset
            return sum + max(t, 0) + log1p(exp(-abs(t))) - cell.y * t
        }
    }

    private func derivatives(
        _ known: [(z: Double, y: Double)]
    ) -> (gradient: (slope: Double, offset: Double), hessian: (slope: Double, mixed: Double, offset: Double)) {
        var gradient = (slope: 2 * Self.slopePenalty * (slope - 1), offset: 2 * Self.offsetPenalty * offset)
        var hessian = (slope: 2 * Self.slopePenalty, mixed: 0.0, offset: 2 * Self.offsetPenalty)
        for cell in known {
            let p = probability(cell.z)
            let weight = p * (1 - p)
            gradient.slope += (p - cell.y) * cell.z
            gradient.offset += p - cell.y
            hessian.slope += weight * cell.z * cell.z
            hessian.mixed += weight * cell.z
            hessian.offset += weight
        }
        return (gradient, hessian)
    }
}
