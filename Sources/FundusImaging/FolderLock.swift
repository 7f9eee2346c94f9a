import Basics
import Foundation

/// Runs `body` while no other thread or process does so for the same folder; the system releases the lock when its
/// process ends, however it ends.
///
/// Where a file system has no locks it goes on without: what is built is written atomically anyway.
func withFolderLock<Result>(
    _ folder: String, shouldStop: @Sendable () -> Bool, _ body: () throws -> Result
) throws -> Result {
    let path = folder + "/build.lock"
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw AtomicFile.failure("create", path) }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK || errno == EINTR {
        if shouldStop() { throw CancellationError() }
        usleep(50_000)
    }
    return try body()
}
