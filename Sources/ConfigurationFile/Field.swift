/// One key of a section: its name, the property that it sets, what may stand there and what it means.
public struct Field<Section: ConfigurationSection>: Sendable {
    /// The key as it is in the file; without dots.
    public let key: String
    /// What the key means, in one line; becomes the comment in a written configuration.
    let help: String

    let read: @Sendable (_ tree: Tree?, _ parent: KeyPosition, inout Section, inout Reading) -> Void
    var entry: @Sendable (Section) -> YAMLValue.Entry
}

extension Field {
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

/// What the value of a key decides about results; the later case wins over that of a section around it.
public enum FieldUse: Int, Sendable {
    /// The value itself decides them.
    case decides
    /// They do, as they did in the versions that did not have the key: stages of these stay stored.
    case implied
    /// They follow from what is made of it: the content of a file, an automatic choice, another stage.
    case resolved
    /// Nothing, with the values that the other keys have.
    case unused
}

extension Field {
    /// What its value decides, given those of the other keys.
    public func use(in section: Section) -> FieldUse { entry(section).use }

    /// The same key, whose value decides something only under a condition.
    public func used(when condition: @escaping @Sendable (Section) -> Bool) -> Field {
        using { [entry] in condition($0) ? entry($0).use : .unused }
    }

    /// The same key, whose value decides nothing about results.
    public var unused: Field { used { _ in false } }

    /// The same key, younger than stored stages, which were made as one value of it says.
    public func implied(when condition: @escaping @Sendable (Section) -> Bool) -> Field {
        using { [entry] in condition($0) ? .implied : entry($0).use }
    }

    /// The same key, where results follow from what is made of its value.
    public var resolved: Field { using { _ in .resolved } }

    /// The same key in the section that holds this one's values in a property.
    public func within<Outer>(_ property: any WritableKeyPath<Outer, Section> & Sendable) -> Field<Outer> {
        Field<Outer>(
            key: key, help: help, read: { read($0, $1, &$2[keyPath: property], &$3) },
            entry: { entry($0[keyPath: property]) })
    }

    /// The same key, whose value decides what `use` says, whatever was said before.
    public func using(_ use: @escaping @Sendable (Section) -> FieldUse) -> Field {
        var field = self
        field.entry = { section in
            var entry = self.entry(section)
            entry.use = use(section)
            return entry
        }
        return field
    }
}
