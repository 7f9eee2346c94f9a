/// Writes a configuration as YAML.
public enum ConfigurationWriter {
    /// The complete configuration: every key with its value, in the order of the tables. Reading it gives an equal
    /// value; only a byte order mark at the beginning of a text and `~` at the beginning of a path do not survive.
    ///
    /// - Parameter commented: whether each key has its help and what is allowed above it.
    public static func yaml<Section: ConfigurationSection>(_ section: Section, commented: Bool = true) -> String {
        let blocks = section.written.map { entry in
            entry.lines(indent: 0, commented: commented).joined(separator: "\n") + "\n"
        }
        return blocks.joined(separator: commented ? "\n" : "")
    }
}

extension ConfigurationWriter {
    /// Every value on one line, as it would be written, by its key with those of the sections around it, such as
    /// "training.rate".
    ///
    /// - Parameter uses: which values are included, by what they decide.
    public static func values<Section: ConfigurationSection>(
        _ section: Section, _ uses: Set<FieldUse> = [.decides, .implied, .resolved, .unused]
    ) -> [String: String] {
        var values: [String: String] = [:]
        func add(_ entries: [YAMLValue.Entry], _ parent: String, _ outer: FieldUse) {
            for entry in entries {
                let use = FieldUse(rawValue: max(outer.rawValue, entry.use.rawValue)) ?? entry.use
                if case .section(let inner) = entry.value {
                    add(inner, parent + entry.key + ".", use)
                } else if uses.contains(use) {
                    values[parent + entry.key] = entry.value.flow
                }
            }
        }
        add(section.written, "", .decides)
        return values
    }
}
