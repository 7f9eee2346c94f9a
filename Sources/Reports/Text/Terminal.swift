import Basics
import Foundation

/// What the reader's screen can show: its width, block characters, colour.
public struct Terminal: Sendable, Equatable {
    /// Columns available, 40 to 200.
    public var width: Int
    /// Whether block characters, dashes and ellipses may be used; otherwise plain ASCII.
    public var isUnicode: Bool
    /// Whether colour escapes may be used.
    public var hasColour: Bool
    /// Whether the columns of tables are cut to the width; not in files and pipes, where nothing may be lost.
    public var cutsTables: Bool

    /// A screen with given abilities.
    public init(width: Int = 80, isUnicode: Bool = true, hasColour: Bool = false, cutsTables: Bool = true) {
        self.width = max(40, min(width, 200))
        self.isUnicode = isUnicode
        self.hasColour = hasColour
        self.cutsTables = cutsTables
    }

    /// The screen behind a file descriptor, by default standard output.
    ///
    /// The width is `COLUMNS`, else the terminal's own, else 80; in a file or a pipe only `COLUMNS` cuts tables. Unicode
    /// needs a UTF-8 locale (`LC_ALL`, `LC_CTYPE`, `LANG`, the first that is set). Colour needs a terminal that is not
    /// `dumb`, and no `NO_COLOR` (no-color.org).
    public static func current(
        descriptor: Int32 = STDOUT_FILENO, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Terminal {
        Terminal(
            environment: environment, isTerminal: isatty(descriptor) == 1,
            measuredWidth: ScreenWidth.columns(of: descriptor) ?? 0)
    }

    /// The decision behind `current`, without looking at the machine.
    package init(environment: [String: String], isTerminal: Bool, measuredWidth: Int) {
        let columns = environment["COLUMNS"].flatMap { Int($0) } ?? 0
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let encoding = locale.lowercased()
        self.init(
            width: columns > 0 ? columns : measuredWidth > 0 ? measuredWidth : 80,
            isUnicode: encoding.contains("utf-8") || encoding.contains("utf8"),
            hasColour: isTerminal && environment["TERM"] != "dumb" && (environment["NO_COLOR"] ?? "").isEmpty,
            cutsTables: isTerminal || columns > 0)
    }

    /// Colours and weights of text on a terminal.
    public enum Style: String, Sendable {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case cyan = "36"
    }

    /// The text in a style, or as it is where there is no colour.
    public func styled(_ text: String, _ style: Style) -> String {
        // Escaped here, since the stream lets styles through.
        let text = Printable.line(text)
        return hasColour && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// What stands for an undefined value here.
    public var undefined: String { isUnicode ? NumberFormat.undefined : "-" }
    /// What stands for text left out.
    public var ellipsis: String { isUnicode ? "…" : "..." }
}
