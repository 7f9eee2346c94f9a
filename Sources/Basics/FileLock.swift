import Foundation

/// A lock on a file, held until this is let go of or its process ends, however it ends.
public final class FileLock {
    private let descriptor: Int32

    /// Takes the lock; nil where another process holds it.
    ///
    /// - Throws: `FoveaError` of kind `storage` when the file cannot be made.
    public init?(_ path: String) throws {
        let opened = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard opened >= 0 else { throw AtomicFile.failure("open", path) }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            close(opened)
            return nil
        }
        descriptor = opened
    }

    /// Takes the lock, once no other process holds it.
    ///
    /// - Throws: also `CancellationError` when told to stop.
    public static func waiting(for path: String, shouldStop: () -> Bool) throws -> FileLock {
        while true {
            if let lock = try FileLock(path) { return lock }
            if shouldStop() { throw CancellationError() }
            Thread.sleep(forTimeInterval: 0.2)
        }
    }

    deinit { close(descriptor) }
}
