/// What a key may have: how a value of this type is read, checked, described and written.
///
/// Rules are made by the static members: `.integer`, `.number`, `.flag`, `.text`, `.path`, `.choice` for single
/// values, `.section` for a nested section, and `.optional` and `.list` around any of them.
public struct ValueRule<Value>: Sendable {
    /// What is allowed, in words that fit before "is expected": "a whole number from 1 to 10".
    let expected: String
    /// The value, or nil after its problem was reported. `current` is what an incomplete section starts from.
    let read: @Sendable (_ tree: Tree, _ spot: KeyPosition, _ current: Value?, inout Reading) -> Value?
    /// The value as YAML.
    let write: @Sendable (Value) -> YAMLValue
    /// True for a section that is always there.
    var isSection = false
    /// True where keys stand below, each of which says what is allowed there.
    var hasKeys = false
}

extension ValueRule {
    /// A rule for a single value; `read` gives nil for what is not allowed.
    static func scalar(
        _ expected: String, read: @escaping @Sendable (Scalar) -> Value?, write: @escaping @Sendable (Value) -> String
    ) -> ValueRule {
        ValueRule(
            expected: expected,
            read: { tree, spot, _, reading in
                if case .scalar(let scalar) = tree.content, let value = read(scalar) { return value }
                reading.mismatch(tree, spot)
                return nil
            },
            write: { .scalar(write($0)) })
    }
}
