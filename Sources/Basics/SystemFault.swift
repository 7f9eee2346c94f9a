import Foundation

/// What a system call that failed says of the machine rather than of the file that it was for.
package enum SystemFault {
    /// The kind of error for a value of `errno`: that of the machine, else `kind`.
    package static func kind(_ code: Int32, orElse kind: FoveaError.Kind) -> FoveaError.Kind {
        switch code {
        case EMFILE, ENFILE, ENOMEM: .environment
        case EIO: .storage
        default: kind
        }
    }

    /// What to do about it; nil where the machine is not to blame.
    package static func remedy(_ code: Int32) -> String? {
        switch code {
        case EMFILE, ENFILE: "Raise the limit on open files (ulimit -n), or end other programs."
        case ENOMEM: "End other programs, or raise the limit on memory (ulimit -v)."
        case EIO: "A disk, or the way to it, failed: run the command again; where it fails again, check the disk."
        default: nil
        }
    }
}
