import Foundation

/// That this process, and no other on any machine, works at something in a folder that machines share.
///
/// A claim is a file that is made by a hard link, which succeeds for one process only on network file systems too, and whose
/// time of modification is renewed every few seconds. Where that stops, or the process is known to have ended, another one
/// may claim the next generation: of the files `NAME-1`, `NAME-2`, ... the last one holds. So nothing is taken away that
/// could be a newer claim by then. Times are those of the file system, whatever the clocks of the machines say; where one lies
/// far ahead, as after a clock was corrected, the claim is watched instead: it is held if it is renewed.
public final class Claim: Sendable {
    /// Seconds between two renewals, and those after which a claim that was not renewed is another's to take.
    public struct Pace: Sendable {
        let renewal: Double
        let patience: Double
        /// Ten seconds, and two minutes.
        public static let usual = Pace(renewal: 10, patience: 120)

        package init(renewal: Double, patience: Double) { (self.renewal, self.patience) = (renewal, patience) }
    }

    private let heart: Heart

    /// Claims what `place` names; nil where another process holds it.
    ///
    /// - Parameter shouldStop: called while a claim whose time lies ahead is watched.
    /// - Throws: `FoveaError` of kind `storage` when a file cannot be made there; of kind `environment` when the file system
    ///   has no links; `CancellationError` when stopped.
    public init?(_ place: String, pace: Pace = .usual, shouldStop: () -> Bool = { false }) throws {
        let mark = place + "-" + UUID().uuidString
        try AtomicFile.write(ProcessIdentity.own.text, to: mark)
        defer { unlink(mark) }
        let earlier = Self.generations(of: place)
        let last = earlier.last ?? 0
        if last > 0, try Self.isHeld("\(place)-\(last)", at: mark, pace, shouldStop) { return nil }
        let path = "\(place)-\(last + 1)"
        guard try Self.link(mark, path) else { return nil }
        for generation in earlier { unlink("\(place)-\(generation)") }
        Self.removeMarks(of: place, olderThan: mark, pace)
        heart = Heart(path, next: "\(place)-\(last + 2)")
        try WorkerThreads.start(1) { [heart] in heart.beat(every: pace.renewal) }
    }

    deinit { heart.stop() }

    /// Whether another process has taken over, since this one did not renew its claim in time.
    public var isLost: Bool { heart.isLost }

    /// The file by which a process holds what `place` names; nil where none does.
    public static func file(of place: String) -> String? { generations(of: place).last.map { "\(place)-\($0)" } }

    /// Those that there are of a claim, in order. Other names of digits are not ours.
    private static func generations(of place: String) -> [Int] {
        endings(of: place).filter { $0.wholeMatch(of: /[1-9][0-9]{0,8}/) != nil }.compactMap { Int($0) }.sorted()
    }

    /// What follows the name of a claim in those of its files.
    private static func endings(of place: String) -> [Substring] {
        let start = PathName.last(of: place) + "-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: PathName.folder(of: place))) ?? []
        return names.compactMap { $0.hasPrefix(start) ? $0.dropFirst(start.count) : nil }
    }

    /// Removes what processes left that were killed while they claimed.
    private static func removeMarks(of place: String, olderThan mark: String, _ pace: Pace) {
        for ending in endings(of: place) where UUID(uuidString: String(ending.prefix(36))) != nil {
            let path = "\(place)-\(ending)"
            if age(of: path, at: mark).map({ $0 >= pace.patience }) ?? false { unlink(path) }
        }
    }

    /// How long ago a file was written when `mark` was, in seconds; nil where one of them is gone.
    private static func age(of path: String, at mark: String) -> Double? {
        var (file, now) = (stat(), stat())
        guard stat(path, &file) == 0, stat(mark, &now) == 0 else { return nil }
        return Double(now.st_mtim.tv_sec - file.st_mtim.tv_sec)
    }

    /// Whether the process of a claim is at work; `mark` was written just now.
    private static func isHeld(
        _ path: String, at mark: String, _ pace: Pace, _ shouldStop: () -> Bool
    ) throws -> Bool {
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        if ProcessIdentity(text)?.hasEnded == true { return false }
        // One that is gone was given back a moment ago.
        guard let age = age(of: path, at: mark) else { return true }
        return try age > -pace.patience ? age < pace.patience : isRenewed(path, pace, shouldStop)
    }

    /// Whether a claim changes, or goes, while it is watched for as long as one is left without renewal.
    private static func isRenewed(_ path: String, _ pace: Pace, _ shouldStop: () -> Bool) throws -> Bool {
        func time() -> [Int] {
            var file = stat()
            return stat(path, &file) == 0 ? [file.st_mtim.tv_sec, file.st_mtim.tv_nsec] : []
        }
        let (first, end) = (time(), ContinuousClock.now + .seconds(pace.patience))
        while time() == first {
            if ContinuousClock.now >= end { return false }
            if shouldStop() { throw CancellationError() }
            Thread.sleep(forTimeInterval: min(0.2, pace.renewal))
        }
        return true
    }

    /// Links a file to a name that is free; false where it is not.
    private static func link(_ mark: String, _ path: String) throws -> Bool {
        guard Foundation.link(mark, path) != 0 else { return true }
        let code = errno
        var status = stat()
        // The answer of a network file system may be lost, and the link be there.
        if stat(mark, &status) == 0, status.st_nlink > 1 { return true }
        guard code != EEXIST else { return false }
        throw FoveaError(
            .environment, "cannot claim \(path): \(String(cString: strerror(code)))",
            remedy: "Choose a folder on a file system that has hard links, as local disks, NFS and Lustre do.")
    }

    /// What renews a claim on a thread of its own. All that changes is guarded by `condition`.
    private final class Heart: @unchecked Sendable {
        private let path: String
        private let next: String
        private let condition = NSCondition()
        private var isStopped = false
        private var hasLost = false

        init(_ path: String, next: String) { (self.path, self.next) = (path, next) }

        var isLost: Bool { condition.withLock { hasLost } }

        func beat(every seconds: Double) {
            condition.withLock {
                while !isStopped, !hasLost {
                    _ = condition.wait(until: Date().addingTimeInterval(seconds))
                    if isStopped { break }
                    // The time of the file system; a process that took over has removed the file, or will.
                    hasLost = utimensat(AT_FDCWD, path, nil, 0) != 0 && errno == ENOENT || access(next, F_OK) == 0
                }
            }
        }

        func stop() {
            condition.withLock {
                isStopped = true
                if !hasLost { unlink(path) }
                condition.broadcast()
            }
        }
    }
}

/// Which process of which machine, since when.
struct ProcessIdentity: Equatable {
    /// The machine's run since it was started, and the namespace of its process numbers.
    private let machine: String
    private let process: pid_t
    /// When the process began, so that a number that is given again is another process.
    private let began: String

    /// This one.
    static let own = ProcessIdentity(getpid())

    private init(_ process: pid_t) {
        let boot = SystemFile.text("/proc/sys/kernel/random/boot_id").trimmingCharacters(in: .whitespacesAndNewlines)
        let space = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/ns/pid")) ?? ""
        (machine, self.process, began) = ("\(boot) \(space)", process, ProcessStart.ticks(of: process))
    }

    /// What `text` wrote; nil for anything else.
    init?(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count == 3, let process = pid_t(lines[1]) else { return nil }
        (machine, self.process, began) = (lines[0], process, lines[2])
    }

    /// Three lines.
    var text: String { "\(machine)\n\(process)\n\(began)" }

    /// Whether it is known to have ended: it was one of this machine.
    var hasEnded: Bool { machine == Self.own.machine && ProcessStart.ticks(of: process) != began }
}
