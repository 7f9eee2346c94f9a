import Basics

extension ValueRule<Bool> {
    /// `true` or `false`. The yes, no, on and off of old YAML are errors, not guesses.
    public static var flag: ValueRule {
        .scalar(
            "true or false",
            read: { scalar in
                guard scalar.isPlain else { return nil }
                return switch scalar.text {
                case "true", "True", "TRUE": true
                case "false", "False", "FALSE": false
                default: nil
                }
            },
            write: { $0 ? "true" : "false" })
    }
}

extension ValueRule<String> {
    /// Any text; taken as it is written, so that 2024, on and no stay text.
    public static var text: ValueRule {
        .scalar("a text", read: \.asText, write: Scalar.text)
    }
}

extension ValueRule where Value: RawRepresentable<String> & CaseIterable & Sendable {
    /// One of the cases of an enumeration, by its raw value.
    public static var choice: ValueRule {
        let allowed = Value.allCases.map(\.rawValue)
        return ValueRule(
            expected: "one of " + allowed.joined(separator: ", "),
            read: { tree, spot, _, reading in
                guard case .scalar(let scalar) = tree.content, let text = scalar.asText else {
                    reading.mismatch(tree, spot)
                    return nil
                }
                guard let value = Value(rawValue: text) else {
                    let hint = FoveaError.suggestion(for: text, among: allowed)
                    reading.report(spot.place, "\(spot.path) is \(tree.words); \(hint)")
                    return nil
                }
                return value
            },
            write: { .scalar(Scalar.text($0.rawValue)) })
    }
}
