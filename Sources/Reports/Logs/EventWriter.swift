import Basics
import Foundation

/// Writes a TensorBoard event file; the folder can be watched by `tensorboard --logdir` while a run continues.
///
/// Records wait in memory until `flush`, once per epoch. A flush that fails leaves the file as it was after the last
/// good one, and the records stay, so that it can be tried again.
public final class EventWriter {
    /// The file, `events.out.tfevents.TIME.HOST` in the folder given.
    public let path: String
    private let descriptor: Int32
    private var pending: [UInt8]
    private var written: off_t = 0

    /// Creates a new event file in a folder that exists.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970, by default now; names the file and its first record.
    ///   - host: the machine's name, by default this one's.
    /// - Throws: `FoveaError` of kind `storage`.
    public init(
        folder: String, time: Double = Date().timeIntervalSince1970,
        host: String = ProcessInfo.processInfo.hostName
    ) throws {
        let safeHost = host.map { $0.isLetter || $0.isNumber || "-._".contains($0) ? $0 : "-" }
        let name = PathName.joined(folder, "events.out.tfevents.\(Int64(time)).\(String(safeHost))")
        var path = name
        var opened: Int32 = -1
        // Two runs may begin within one second: the second file gets a number.
        for attempt in 1...100 {
            path = attempt == 1 ? name : "\(name).\(attempt)"
            opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            if opened >= 0 || errno != EEXIST { break }
        }
        guard opened >= 0 else { throw AtomicFile.failure("create", path) }
        self.path = path
        descriptor = opened
        pending = EventRecord.fileVersion(time: time)
        try flush()
    }

    deinit {
        try? flush()
        close(descriptor)
    }

    /// Notes a number under a tag such as "validation/mAP"; nil (undefined) writes nothing.
    public func scalar(_ tag: String, _ value: Double?, step: Int, time: Double = Date().timeIntervalSince1970) {
        guard let value else { return }
        pending += EventRecord.scalar(tag, Float(value), step: step, time: time)
    }

    /// Notes a text in Markdown under a tag, such as the configuration.
    public func text(_ tag: String, _ text: String, step: Int, time: Double = Date().timeIntervalSince1970) {
        pending += EventRecord.text(tag, text, step: step, time: time)
    }

    /// Writes what waits and makes it last.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    public func flush() throws {
        guard !pending.isEmpty else { return }
        do {
            try pending.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
            guard fsync(descriptor) == 0 else { throw AtomicFile.failure("flush", path) }
        } catch {
            if ftruncate(descriptor, written) == 0 { lseek(descriptor, written, SEEK_SET) }
            throw error
        }
        written += off_t(pending.count)
        pending = []
    }
}
