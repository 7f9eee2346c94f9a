/// A small random generator whose whole stream is a function of its seed, the same on every machine.
///
/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Use `init(seed:_:)` to derive independent streams by name or
/// number, so that what is drawn for one epoch or image never depends on how much was drawn for another.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    /// The whole state; saving it and restoring it continues the stream.
    public var state: UInt64

    /// A stream that is a pure function of `seed` and the given keys, in order.
    public init(seed: UInt64, _ keys: UInt64...) {
        state = Self.mix(seed)
        for key in keys { state = Self.mix(state ^ Self.mix(key &+ 0x9E37_79B9_7F4A_7C15)) }
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// A number in [0, 1) with 53 random bits.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A number in [low, high).
    public mutating func uniform(_ low: Double, _ high: Double) -> Double {
        low + (high - low) * uniform()
    }

    /// An integer in 0 ..< bound, without bias. `bound` must be positive.
    public mutating func index(below bound: Int) -> Int {
        Int(next(upperBound: UInt64(bound)))
    }

    /// The finaliser of SplitMix64: a bijection of 64-bit words that scatters every bit.
    public static func mix(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// A number for a name, the same on every machine and in every run (FNV-1a, 64 bits).
    public static func key(_ name: String) -> UInt64 {
        name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
