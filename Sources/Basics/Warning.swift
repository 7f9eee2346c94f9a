import Foundation

/// Warnings of modules that have no journal.
public enum Warning {
    /// Writes a line to the standard error stream.
    public static func show(_ text: String) {
        Progress.endLine()
        FileHandle.standardError.write(Data("warning: \(text)\n".utf8))
    }
}
