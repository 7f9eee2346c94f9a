import Foundation
import Logging
import Synchronization

/// A file that keeps the messages of some work, each line with its time and level, such as `run.log` in the folder of a run.
///
/// What is logged before the file is open is kept for it. A line that cannot be written is lost and the work continues.
public final class LogFile: Sendable {
    private struct State {
        var path = ""
        /// -1 where there is none, or none yet.
        var descriptor: Int32 = -1
        /// What was logged before the file is open; nil from then on.
        var waiting: [String]? = []
        /// Whether the file ends within a line.
        var isCut = false
        var hasFailed = false
    }

    private let state = Mutex(State())
    private let others: Logger

    /// - Parameter others: warned once when lines cannot be kept; does not lead to this file.
    public init(warning others: Logger) { self.others = others }

    deinit {
        state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } }
    }

    /// Opens the file, or makes it; lines are added at its end. A link is not followed, and nothing but a regular file is
    /// written to.
    public func open(_ path: String) {
        // Without O_NONBLOCK, opening some devices would wait.
        let descriptor = Foundation.open(path, O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
        var reason = String(cString: strerror(errno))
        if descriptor < 0, errno == ELOOP { reason = "it is a link, which is not followed" }
        var status = stat()
        if descriptor >= 0, fstat(descriptor, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFREG { return open(descriptor, path, length: status.st_size) }
            reason = "it is \(RegularFile.noun(for: status.st_mode))"
            close(descriptor)
        }
        state.withLock {
            $0.waiting = nil
            $0.path = path
        }
        warn(reason)
    }

    /// Writes to an open descriptor from now on, which is closed in the end.
    ///
    /// - Parameter length: of what it holds.
    package func open(_ descriptor: Int32, _ path: String, length: off_t = 0) {
        let waiting = state.withLock { state in
            var last = UInt8(ascii: "\n")
            // A process before may have ended, or found a full disk, within a line.
            if length > 0 { pread(descriptor, &last, 1, length - 1) }
            state.isCut = last != UInt8(ascii: "\n")
            (state.path, state.descriptor) = (path, descriptor)
            defer { state.waiting = nil }
            return state.waiting ?? []
        }
        for line in waiting { write(line) }
    }

    /// Keeps a message.
    public func add(_ level: Logger.Level, _ text: String) {
        let style = Date.ISO8601FormatStyle(timeZoneSeparator: .colon, timeZone: .current)
        // Further lines are indented, so that no text is taken for a line of its own.
        let text = Printable.message(text).replacing("\n", with: "\n  ")
        write("\(Date().formatted(style)) \(level.rawValue) \(text)\n")
    }

    /// Keeps how some work ended.
    public func add(_ error: any Error) {
        switch error {
        case is CancellationError: add(.info, "stopped")
        case let error as FoveaError: add(.error, error.description)
        default: add(.error, "\(error)")
        }
    }

    /// The error with which the last process that wrote to a file ended, without what is to be done; nil where it ended in
    /// another way, or goes on.
    package static func lastError(in path: String) -> String? {
        guard let data = try? RegularFile.contents(of: path, atMost: 1 << 26) else { return nil }
        let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
        // Further lines of a message are indented.
        let words = lines.last { !$0.hasPrefix(" ") }?.split(separator: " ", maxSplits: 2) ?? []
        return words.count == 3 && words[1] == Logger.Level.error.rawValue ? String(words[2]) : nil
    }

    /// Keeps the messages of a logger from a level on.
    func handler(level: Logger.Level) -> any LogHandler { Handler(logLevel: level, file: self) }

    private func write(_ line: String) {
        let code: Int32 = state.withLock { state in
            guard state.waiting == nil else {
                state.waiting?.append(line)
                return 0
            }
            guard state.descriptor >= 0 else { return 0 }
            // In one piece: several processes may write to one file.
            var rest = Array(((state.isCut ? "\n" : "") + line).utf8)[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Foundation.write(state.descriptor, $0.baseAddress, $0.count) }
                if written < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                rest = rest.dropFirst(written)
                state.isCut = rest.first != nil
            }
            return 0
        }
        if code != 0 { warn(String(cString: strerror(code))) }
    }

    private func warn(_ reason: String) {
        let (isFirst, path) = state.withLock { state in
            defer { state.hasFailed = true }
            return (!state.hasFailed, state.path)
        }
        if isFirst { others.warning("cannot write \(path): \(reason); the work continues without these lines") }
    }

    private struct Handler: LogHandler {
        var logLevel: Logger.Level
        var metadata: Logger.Metadata = [:]
        let file: LogFile

        init(logLevel: Logger.Level, file: LogFile) {
            self.logLevel = logLevel
            self.file = file
        }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { file.add(event.level, Printable.line(event.message.description)) }
    }
}
