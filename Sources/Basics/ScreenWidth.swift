import Foundation

/// How wide a terminal is.
public enum ScreenWidth {
    /// Columns of the terminal behind a file descriptor; nil where it is not a terminal, or its width is unknown.
    public static func columns(of descriptor: Int32) -> Int? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
