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
        oneOf(Value.allCases.map(\.rawValue), read: Value.init, write: \.rawValue)
    }
}

extension ValueRule {
    /// One of the cases of an enumeration, by its raw value, or a word that leaves the choice open, such as `auto`.
    public static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        or word: String
    ) -> ValueRule where Value == Choice? {
        oneOf(
            [word] + Choice.allCases.map(\.rawValue),
            read: { $0 == word ? .some(nil) : Choice(rawValue: $0).map { .some($0) } },
            write: { $0?.rawValue ?? word })
    }

    private static func oneOf(
        _ allowed: [String], read: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) -> ValueRule {
        ValueRule(
            expected: "one of " + allowed.joined(separator: ", "),
            read: { tree, spot, _, reading in
                guard case .scalar(let scalar) = tree.content, let text = scalar.asText else {
                    reading.mismatch(tree, spot)
                    return nil
                }
                guard let value = read(text) else {
                    let hint = FoveaError.suggestion(for: text, among: allowed)
                    reading.report(spot.place, "\(spot.path) is \(tree.words); \(hint)")
                    return nil
                }
                return value
            },
            write: { .scalar(Scalar.text(write($0))) })
    }
}
