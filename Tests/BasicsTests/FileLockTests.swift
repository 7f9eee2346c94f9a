import Basics
import Foundation
import TestSupport
import Testing

/// Only a lock that another process holds is waited for.
@Suite struct FileLockTests {
    private let path = NSTemporaryDirectory() + "fovea-lock-\(UUID().uuidString)"

    @Test(arguments: [ENOLCK, ENOSYS, EOPNOTSUPP, EIO, EBADF]) func aLockThatCannotBeHadIsAnError(code: Int32) {
        defer { unlink(path) }
        let failing: (Int32, Int32) -> Int32 = { _, _ in
            errno = code
            return -1
        }
        var asked = 0
        for take in [
            { _ = try FileLock(path, taking: failing) },
            {
                _ = try FileLock.waiting(for: path, taking: failing) {
                    asked += 1
                    return asked > 3
                }
            },
        ] {
            let error = #expect(throws: FoveaError.self) { try take() }
            #expect(error?.kind == .environment)
            #expect(error?.message == "cannot lock \(path): \(String(cString: strerror(code)))")
            #expect(
                error?.remedy?.contains("another file system") == true || error?.remedy?.contains("local disk") == true)
        }
        #expect(asked == 0, "it waited")
    }

    @Test func aFolderInItsPlaceIsNamed() throws {
        try Folder.make(path)
        defer { rmdir(path) }
        let error = foveaError { _ = try FileLock(path) }
        #expect(error?.message == "\(path) is a folder where a lock file is kept")
        #expect(error?.remedy == "Delete it; Fovea makes the file when it needs it.")
    }

    @Test func anInterruptedCallIsRepeatedAndAHeldLockIsNone() throws {
        defer { unlink(path) }
        var calls = 0
        let lock = try FileLock(path) { descriptor, operation in
            calls += 1
            guard calls > 2 else {
                errno = EINTR
                return -1
            }
            return flock(descriptor, operation)
        }
        #expect(lock != nil && calls == 3)
        #expect(try FileLock(path) == nil)
        withExtendedLifetime(lock) {}
    }
}
