import Foundation

extension SeededRandom {
    /// A number in [0, 1] from the distribution Beta(shape, shape), which is uniform at shape 1; `shape` is
    /// at least 0.001.
    ///
    /// X / (X + Y) of two gamma variables, taken in logarithms: with a shape such as 0.01 both would round to 0.
    public mutating func symmetricBeta(shape: Double) -> Double {
        let (x, y) = (logGamma(shape: shape), logGamma(shape: shape))
        return 1 / (1 + exp(y - x))
    }

    /// The logarithm of a number from Gamma(shape, 1): the method of Marsaglia and Tsang (ACM Transactions on
    /// Mathematical Software, 2000) for shape + 1, times U^(1 / shape).
    private mutating func logGamma(shape: Double) -> Double {
        let d = shape + 1 - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            if log(1 - uniform()) < x * x / 2 + d - d * v + d * log(v) {
                return log(d * v) + log(1 - uniform()) / shape
            }
        }
    }

    /// A number from N(0, 1) (Box and Muller, 1958).
    private mutating func normal() -> Double {
        (-2 * log(1 - uniform())).squareRoot() * cos(2 * Double.pi * uniform())
    }
}
