/// One key of a section: its name, the property that it sets, what may stand there and what it means.
public struct Field<Section: ConfigurationSection>: Sendable {
    /// The key as it is in the file; without dots.
    let key: String
    /// What the key means, in one line; becomes the comment in a written configuration.
    let help: String

    let read: @Sendable (_ tree: Tree?, _ parent: KeyPosition, inout Section, inout Reading) -> Void
    let entry: @Sendable (Section) -> YAMLValue.Entry

    /// Makes a field.
    ///
    /// - Parameters:
    ///   - key: the name in the file.
    ///   - property: the property that holds the value.
    ///   - rule: what may stand there, such as `.integer(1...10)` or `.optional(.section)`.
    ///   - required: true when the file (or `--set`) must give the value.
    ///   - help: what it means, in one line.
    public init<Value>(
        _ key: String, _ property: any WritableKeyPath<Section, Value> & Sendable, _ rule: ValueRule<Value>,
        required: Bool = false, _ help: String
    ) {
        self.key = key
        self.help = help
        read = { tree, parent, section, reading in
            let spot = KeyPosition(path: parent.child(key), place: parent.place, expected: rule.expected)
            if let tree {
                let value = rule.read(tree, spot.at(tree.place), section[keyPath: property], &reading)
                if let value { section[keyPath: property] = value }
            } else if required {
                reading.report(spot.place, "\(spot.path) is missing; \(rule.expected) is expected")
            } else if rule.isSection {
                // An absent section is read as an empty one: its required keys must not go unnoticed.
                let empty = Tree(content: .mapping([]), place: spot.place)
                let value = rule.read(empty, spot, section[keyPath: property], &reading)
                if let value { section[keyPath: property] = value }
            }
        }
        entry = { section in
            let allowed = rule.hasKeys ? nil : rule.expected
            return YAMLValue.Entry(
                key: key, help: help, allowed: allowed, value: rule.write(section[keyPath: property]))
        }
    }
}
