import Basics
import Foundation
import Logging
import Synchronization
import Testing

/// Messages on the terminal and in files.
@Suite struct LogFileTests {
    private let folder = NSTemporaryDirectory() + "fovea-log-\(UUID().uuidString)"

    init() throws { try Folder.make(folder) }

    /// Keeps the lines that a terminal would show.
    private final class Lines: Sendable {
        private let kept = Mutex<[String]>([])
        var all: [String] { kept.withLock { $0 } }
        func logger(_ level: Logger.Level) -> Logger {
            Logger(label: "test") { _ in
                LineLogHandler(level: level) { [self] line in kept.withLock { $0.append(line) } }
            }
        }
    }

    private func sayAll(_ logger: Logger) {
        logger.debug("a detail")
        logger.info("news")
        logger.warning("take care")
        logger.error("it failed")
    }

    /// A file's lines without their times, which must be in the form of ISO 8601 with a time zone.
    private func lines(_ name: String) throws -> [String] {
        let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        #expect(text.isEmpty || text.hasSuffix("\n"))
        return try text.split(separator: "\n").map { line in
            if line.hasPrefix("  ") { return String(line) }
            let time = /[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})[ ]/
            return String(line[try #require(line.prefixMatch(of: time), "\(line)").range.upperBound...])
        }
    }

    private static let all = ["debug: a detail", "news", "warning: take care", "error: it failed"]

    @Test(arguments: zip([Logger.Level.debug, .info, .warning, .error], 0...3))
    func theTerminalShowsALevelAndThoseAbove(_ level: Logger.Level, _ leftOut: Int) {
        let terminal = Lines()
        sayAll(terminal.logger(level))
        #expect(terminal.all == Array(Self.all.dropFirst(leftOut)))
    }

    @Test(arguments: zip([Logger.Level.debug, .info, .warning, .error], 0...3))
    func aFileKeepsNewsWhateverTheTerminalShows(_ level: Logger.Level, _ leftOut: Int) throws {
        let terminal = Lines()
        let file = LogFile(warning: terminal.logger(level))
        let logger = terminal.logger(level).keeping(in: file)
        logger.info("before the file")
        file.open(folder + "/a.log")
        sayAll(logger)
        #expect(terminal.all.suffix(4 - leftOut) == Self.all.suffix(4 - leftOut))
        #expect(terminal.all.count == 4 - leftOut + (level <= .info ? 1 : 0))
        let details = level == .debug ? ["debug a detail"] : []
        #expect(
            try lines("a.log") == ["info before the file"] + details
                + ["info news", "warning take care", "error it failed"])
    }

    @Test func linesAreAddedToThoseOfAProcessBefore() throws {
        for number in 1...2 {
            let file = LogFile(warning: .silent)
            file.open(folder + "/a.log")
            file.add(.info, "process \(number)")
        }
        #expect(try lines("a.log") == ["info process 1", "info process 2"])
        // One that ended within a line.
        try Data((try String(contentsOfFile: folder + "/a.log", encoding: .utf8) + "2026-01-01T00:00:00Z info cu").utf8)
            .write(to: URL(fileURLWithPath: folder + "/a.log"))
        let file = LogFile(warning: .silent)
        file.open(folder + "/a.log")
        file.add(.info, "process 3")
        file.add(.info, "more")
        #expect(
            try lines("a.log") == ["info process 1", "info process 2", "info cu", "info process 3", "info more"])
    }

    /// A name cannot pretend to be another line, nor steer the terminal on which the file is shown.
    @Test func theErrorThatEndedTheLastProcessIsFound() {
        let path = folder + "/run.log"
        #expect(LogFile.lastError(in: path) == nil)
        let file = LogFile(warning: Lines().logger(.info))
        file.open(path)
        file.add(.info, "begun")
        #expect(LogFile.lastError(in: path) == nil)
        file.add(FoveaError(.numerical, "the loss is NaN", remedy: "Lower the rate."))
        #expect(LogFile.lastError(in: path) == "the loss is NaN")
        file.add(CancellationError())
        #expect(LogFile.lastError(in: path) == nil)
    }

    @Test func aMessageIsOneLine() throws {
        let terminal = Lines()
        let file = LogFile(warning: .silent)
        file.open(folder + "/a.log")
        terminal.logger(.info).keeping(in: file).warning("nl/a\nwarning: all is well\t.jpg is empty")
        #expect(terminal.all == ["warning: nl/a\\u{A}warning: all is well\\u{9}.jpg is empty"])
        #expect(try lines("a.log") == ["warning nl/a\\u{A}warning: all is well\\u{9}.jpg is empty"])
    }

    @Test func whatComesFromFilesIsNotTakenForALine() throws {
        let file = LogFile(warning: .silent)
        file.open(folder + "/a.log")
        file.add(.warning, "a\n2026-01-01T00:00:00Z info b\u{1B}[2J")
        file.add(FoveaError(.data, "broken", remedy: "Repair it."))
        file.add(CancellationError())
        let found = try lines("a.log")
        #expect(found.count == 5 && found[0] == "warning a", "\(found)")
        #expect(found[1] == "  2026-01-01T00:00:00Z info b\\u{1B}[2J")
        #expect(found[2] == "error broken" && found[3] == "    Repair it." && found[4] == "info stopped")
    }

    /// On a full disk, the work and its messages on the terminal continue; one warning says why lines are missing.
    @Test func aFullDiskStopsNothing() throws {
        let full = Foundation.open("/dev/full", O_WRONLY)
        try #require(full >= 0)
        let terminal = Lines()
        let file = LogFile(warning: terminal.logger(.info))
        let logger = terminal.logger(.info).keeping(in: file)
        logger.info("waits")
        file.open(full, folder + "/a.log")
        for number in 1...3 { logger.info("line \(number)") }
        let found = terminal.all.filter { !$0.hasPrefix("line ") && $0 != "waits" }
        #expect(terminal.all.count == 5, "\(terminal.all)")
        #expect(
            found == [
                "warning: cannot write \(folder)/a.log: No space left on device; the work continues without these lines"
            ])
    }

    /// A link could lead out of the folder, and a pipe would wait.
    @Test(arguments: ["link", "dangling", "pipe", "folder", "missing/a.log"])
    func nothingButAFileOfTheFolderIsWritten(_ name: String) throws {
        let other = folder + "/other"
        try Data("mine".utf8).write(to: URL(fileURLWithPath: other))
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: other)
        try FileManager.default.createSymbolicLink(atPath: folder + "/dangling", withDestinationPath: folder + "/new")
        #expect(mkfifo(folder + "/pipe", 0o600) == 0)
        try Folder.make(folder + "/folder")
        let terminal = Lines()
        let file = LogFile(warning: terminal.logger(.info))
        file.add(.info, "waits")
        file.open(folder + "/" + name)
        file.add(.info, "more")
        #expect(terminal.all.count == 1 && terminal.all[0].hasPrefix("warning: cannot write \(folder)/\(name): "))
        #expect(!name.hasPrefix("link") || terminal.all[0].contains("it is a link, which is not followed"))
        #expect(FileManager.default.contents(atPath: other) == Data("mine".utf8))
        #expect(!FileManager.default.fileExists(atPath: folder + "/new"))
    }
}
