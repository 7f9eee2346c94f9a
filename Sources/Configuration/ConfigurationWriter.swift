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
    public static func values<Section: ConfigurationSection>(_ section: Section) -> [String: String] {
        var values: [String: String] = [:]
        func add(_ entries: [YAMLValue.Entry], _ parent: String) {
            for entry in entries {
                if case .section(let inner) = entry.value {
                    add(inner, parent + entry.key + ".")
                } else {
                    values[parent + entry.key] = entry.value.flow
                }
            }
        }
        add(section.written, "")
        return values
    }
}
