import Basics
import Foundation

extension RunFolder {
    /// Refuses a folder in which another process trains, before it is looked at what lies there.
    ///
    /// - Throws: `FoveaError` of kind `busy`.
    package static func refuseInUse(_ run: String) throws {
        let lock = PathName.joined(run, ".lock")
        guard access(lock, F_OK) == 0, try FileLock(lock) == nil else { return }
        throw FoveaError(
            .busy, "another process is training in \(run)", remedy: "Wait for it, or use another folder.")
    }
}
