extension ValueRule where Value: FixedWidthInteger & Sendable {
    /// A whole number in a range, in decimal digits; `10_000` is read as 10000.
    public static func integer(_ range: ClosedRange<Value> = .min ... .max) -> ValueRule {
        let expected =
            switch (range.lowerBound == .min && Value.isSigned, range.upperBound == .max) {
            case (true, true): "a whole number"
            case (false, true): "a whole number of at least \(range.lowerBound)"
            case (true, false): "a whole number of at most \(range.upperBound)"
            case (false, false): "a whole number from \(range.lowerBound) to \(range.upperBound)"
            }
        return .scalar(
            expected,
            read: { scalar in
                guard let digits = scalar.digits(allowed: "0123456789+-"), !Scalar.hasLeadingZero(digits) else {
                    return nil
                }
                return Value(digits).flatMap { range.contains($0) ? $0 : nil }
            },
            write: { "\($0)" })
    }

    /// A whole number with a least value.
    public static func integer(_ range: PartialRangeFrom<Value>) -> ValueRule {
        integer(range.lowerBound ... .max)
    }
}

extension ValueRule where Value: BinaryFloatingPoint & LosslessStringConvertible & Sendable {
    /// A finite number; every bound given holds. `1e-3` is a number.
    ///
    /// - Parameters:
    ///   - from: the least number allowed.
    ///   - above: a number below all allowed ones.
    ///   - through: the greatest number allowed.
    ///   - below: a number above all allowed ones.
    public static func number(
        from: Value? = nil, above: Value? = nil, through: Value? = nil, below: Value? = nil
    ) -> ValueRule {
        let bounds = [("of at least", from), ("above", above), ("at most", through), ("below", below)]
        let words = bounds.compactMap { word, bound in bound.map { "\(word) \(Scalar.number($0))" } }
        return .scalar(
            (["a number"] + [words.joined(separator: " and ")]).filter { !$0.isEmpty }.joined(separator: " "),
            read: { scalar in
                guard let digits = scalar.digits(allowed: "0123456789+-.eE"), let value = Value(digits),
                    value.isFinite, from.map({ value >= $0 }) ?? true, above.map({ value > $0 }) ?? true,
                    through.map({ value <= $0 }) ?? true, below.map({ value < $0 }) ?? true
                else { return nil }
                return value
            },
            write: Scalar.number)
    }

    /// A number in a closed range.
    public static func number(_ range: ClosedRange<Value>) -> ValueRule {
        let plain = number(from: range.lowerBound, through: range.upperBound)
        let words = "a number from \(Scalar.number(range.lowerBound)) to \(Scalar.number(range.upperBound))"
        return ValueRule(expected: words, read: plain.read, write: plain.write)
    }
}
