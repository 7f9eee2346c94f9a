/// Warnings of modules that have no journal.
public enum Warning {
    /// Writes a line to the standard error stream.
    public static func show(_ text: String) {
        Progress.endLine()
        StandardStream.message("warning: \(text)")
    }
}
