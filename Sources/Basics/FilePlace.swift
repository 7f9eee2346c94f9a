/// A place in a file that a reader found something wrong with.
public struct FilePlace: Sendable, Equatable, CustomStringConvertible {
    /// The file or folder; for what was given on the command line, the argument.
    public var path: String
    /// The line, from 1.
    public var line: Int?
    /// The key of a configuration, the column, class or tensor.
    public var key: String?
    /// Whether the key is one of a table's columns, which the text of the place then names.
    private var isColumn = false

    /// A file, or a line or key of it.
    public init(_ path: String, line: Int? = nil, key: String? = nil) {
        (self.path, self.line, self.key) = (path, line, key)
    }

    /// A cell or row of a table.
    public init(_ path: String, line: Int, column: String?) {
        self.init(path, line: line, key: column)
        isColumn = column != nil
    }

    /// The same place, with another key.
    public func key(_ key: String) -> FilePlace { FilePlace(path, line: line, key: key) }

    /// For messages: `labels.csv:7, column "DR"`.
    public var description: String {
        let column = isColumn ? key.map { ", column \"\($0)\"" } : nil
        return path + (line.map { ":\($0)" } ?? "") + (column ?? "")
    }
}
