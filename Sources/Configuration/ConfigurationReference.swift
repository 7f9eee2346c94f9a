/// One key of the reference.
struct ReferenceRow: Sendable {
    let path: String
    let wanted: String
    /// The default as YAML; empty for a section, nil for a key that must be given.
    let normal: String?
    let help: String
}

/// Lists all keys of a configuration.
public enum ConfigurationReference {
    /// A table in Markdown: key, what is allowed, default, meaning; one row per key in the order of the tables.
    public static func markdown<Section: ConfigurationSection>(_ type: Section.Type) -> String {
        let rows = Section().rows("").map { row in
            let normal = row.normal.map { $0.isEmpty ? "" : "`\($0)`" } ?? "*must be given*"
            return line(["`\(row.path)`", row.wanted, normal, row.help])
        }
        return ([line(["key", "value", "default", "meaning"]), "|---|---|---|---|"] + rows).joined(separator: "\n")
            + "\n"
    }

    private static func line(_ cells: [String]) -> String {
        "| " + cells.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ") + " |"
    }
}
