import Foundation

/// A CSV text under construction, with quotes where RFC 4180 requires them and `\n` at the end of each line.
public struct CSVText: Sendable {
    /// The lines so far.
    public private(set) var text = ""

    /// Begins a table with its column names.
    public init(header: [String]) { append(header) }

    /// Adds a row.
    public mutating func append(_ cells: [String]) { text += Self.line(cells) }

    /// A row with its line end.
    public static func line(_ cells: [String]) -> String {
        // A lone empty cell would be a blank line, so it is quoted.
        (cells == [""] ? "\"\"" : cells.lazy.map(quoted).joined(separator: ",")) + "\n"
    }

    /// A number as a cell: the shortest decimal that reads back as the same number; empty for what is undefined, infinite
    /// or not a number.
    public static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "" }
        return "\(value)"
    }

    /// A cell as it is written: between quotes when it holds a comma, a quote or a line end.
    public static func quoted(_ cell: String) -> String {
        // Bytes, not characters: "\r\n" is one character to Swift.
        let special = cell.utf8.contains { byte in ",\"\n\r".utf8.contains(byte) }
        return special ? "\"" + cell.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : cell
    }
}
