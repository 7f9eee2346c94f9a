/// Comma-separated text as Fovea writes it.
enum CSVText {
    /// One line with its line feed; fields with commas, quotes or line ends are quoted (RFC 4180).
    static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") + "\n" }

    /// The shortest decimal that reads back as the same number; empty for what is undefined or not finite.
    static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "" }
        return "\(value)"
    }

    private static func field(_ text: String) -> String {
        let needsQuotes = text.unicodeScalars.contains { ",\"\n\r".unicodeScalars.contains($0) }
        return needsQuotes ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
}
