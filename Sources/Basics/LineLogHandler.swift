import Logging

/// Hands messages on as plain lines: warnings begin with "warning: ", errors and details alike, and news with nothing.
///
/// A message is one line: line ends of names in it are escaped. Metadata is not shown.
public struct LineLogHandler: LogHandler {
    /// The level from which messages are handed on.
    public var logLevel: Logger.Level
    /// What a logger attaches to its messages.
    public var metadata: Logger.Metadata = [:]
    private let write: @Sendable (String) -> Void

    /// - Parameter write: called with each line, without its end, on the thread that logs it.
    public init(level: Logger.Level = .info, write: @escaping @Sendable (String) -> Void) {
        logLevel = level
        self.write = write
    }

    /// One value of the metadata.
    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Hands a message on.
    public func log(event: LogEvent) {
        let prefix =
            switch event.level {
            case .trace, .debug: "debug: "
            case .info, .notice: ""
            case .warning: "warning: "
            case .error, .critical: "error: "
            }
        write(prefix + Printable.line(event.message.description))
    }
}

extension Logger.Message {
    /// Joins two parts of a long message.
    public static func + (first: Self, second: Self) -> Self { "\(first)\(second)" }
}

extension Logger {
    /// Keeps every message back.
    public static let silent = Logger(label: "fovea") { _ in SwiftLogNoOpLogHandler() }

    /// Writes messages to the standard error stream, made safe for a terminal.
    public static func terminal(level: Logger.Level) -> Logger {
        Logger(label: "fovea") { _ in
            LineLogHandler(level: level) { line in
                ProgressReporter.endLine()
                StandardStream.message(line)
            }
        }
    }

    /// The same, which also keeps each message in a file: everything from `info` on, and more where this shows more.
    public func keeping(in file: LogFile) -> Logger {
        let handlers = [handler, file.handler(level: min(logLevel, .info))]
        return Logger(label: label) { _ in MultiplexLogHandler(handlers) }
    }
}
