import Synchronization

/// Warnings of modules that have no journal, on any thread.
public enum Warning {
    /// Whether warnings are left out; `--log-level error` does that.
    public static var isSilent: Bool {
        get { silence.load(ordering: .relaxed) }
        set { silence.store(newValue, ordering: .relaxed) }
    }
    private static let silence = Atomic(false)

    /// Writes a line to the standard error stream.
    public static func show(_ text: String) {
        guard !isSilent else { return }
        Progress.endLine()
        StandardStream.message("warning: \(text)")
    }
}
