import Basics

/// Red, green, blue from 0 to 1; the fourth lane is unused and lets the processor work on whole vectors.
typealias Colour = SIMD4<Float>

/// A place in the field of view: its centre is (0, 0), its radius 1, x to the nasal side, y down.
typealias Point = SIMD2<Float>

func rgb(_ red: Float, _ green: Float, _ blue: Float) -> Colour { Colour(red, green, blue, 0) }

@inline(__always)
func smoothstep(_ low: Float, _ high: Float, _ x: Float) -> Float {
    let t = max(0, min(1, (x - low) / (high - low)))
    return t * t * (3 - 2 * t)
}

extension SIMD4<Float> {
    /// This colour with `share` (0 to 1) of it replaced by another.
    @inline(__always)
    func mixed(with other: Colour, _ share: Float) -> Colour { self + (other - self) * share }

    /// The mean of red, green and blue.
    @inline(__always)
    var brightness: Float { (x + y + z) / 3 }
}

extension SIMD2<Float> {
    @inline(__always)
    var length: Float { (x * x + y * y).squareRoot() }

    /// Turned by an angle in radians.
    func turned(by angle: Float) -> Point {
        let (c, s) = (cosine(angle), sine(angle))
        return Point(c * x - s * y, s * x + c * y)
    }
}

extension SeededRandom {
    mutating func float(_ low: Float, _ high: Float) -> Float { Float(uniform(Double(low), Double(high))) }

    mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

    /// Standard normal, as the sum of twelve uniforms: bounded by 6, and no logarithm whose last bit differs by machine.
    mutating func normal() -> Float {
        var sum = 0.0
        for _ in 0..<12 { sum += uniform() }
        return Float(sum - 6)
    }

    /// A direction with a length of 1.
    mutating func direction() -> Point { Point(1, 0).turned(by: float(0, 2 * .pi)) }
}
