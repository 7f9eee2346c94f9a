import Foundation

/// A lock on a file, held until this is released or its process ends, in whatever way.
public final class FileLock {
    /// What takes a lock on a descriptor: `flock`, or what a test puts in its place.
    package typealias Taking = (_ descriptor: Int32, _ operation: Int32) -> Int32

    private let descriptor: Int32

    /// Takes the lock; nil where another process holds it.
    ///
    /// - Throws: `FoveaError` of kind `storage` when the file cannot be made; of kind `data` when it is a folder; of kind
    ///   `environment` when its file system has no locks.
    public convenience init?(_ path: String) throws { try self.init(path, taking: flock) }

    package init?(_ path: String, taking lock: Taking) throws {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard opened >= 0 else {
            guard errno == EISDIR else { throw AtomicFile.failure("open", path) }
            throw FoveaError(
                .data, about: path, "is a folder where a lock file is kept",
                remedy: "Delete it; Fovea makes the file when it needs it.")
        }
        guard let isTaken = Self.take(opened, lock) else {
            let code = errno
            close(opened)
            throw Self.failure(path, code)
        }
        guard isTaken else {
            close(opened)
            return nil
        }
        descriptor = opened
    }

    /// Takes the lock, once no other process holds it.
    ///
    /// - Throws: also `CancellationError` when stopped.
    public static func waiting(for path: String, shouldStop: () -> Bool) throws -> FileLock {
        try waiting(for: path, taking: flock, shouldStop: shouldStop)
    }

    package static func waiting(for path: String, taking lock: Taking, shouldStop: () -> Bool) throws -> FileLock {
        while true {
            if let lock = try FileLock(path, taking: lock) { return lock }
            if shouldStop() { throw CancellationError() }
            Thread.sleep(forTimeInterval: 0.2)
        }
    }

    deinit { close(descriptor) }

    /// Whether the lock was taken; false where another process holds it, nil, with `errno`, where it cannot be had.
    private static func take(_ descriptor: Int32, _ lock: Taking) -> Bool? {
        while lock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            if errno == EINTR { continue }
            // Anything else would stay as it is, however long one waits.
            return errno == EWOULDBLOCK ? false : nil
        }
        return true
    }

    private static func failure(_ path: String, _ code: Int32) -> FoveaError {
        let remedy =
            switch code {
            case ENOLCK, ENOSYS, EOPNOTSUPP:
                "Its file system has no locks for this machine, as network file systems may: choose a folder on a local "
                    + "disk, or mount it with locks (NFS: start rpc.statd, or mount with local_lock=flock where one "
                    + "machine alone uses it)."
            default: "Choose a folder on another file system."
            }
        return FoveaError(
            .environment, "cannot lock \(path): \(String(cString: strerror(code)))", remedy: remedy)
    }
}
