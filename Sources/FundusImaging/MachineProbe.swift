import Basics
import Foundation

/// Decides whether the machine has what decoding an image needs.
///
/// The image library gives the same words for a damaged file and for memory that it was refused, so its words alone do
/// not decide whether a file is to blame.
package enum MachineProbe {
    /// What cannot be had now, in words; nil when all can.
    ///
    /// - Parameter bytes: the memory that is requested.
    package static func lacking(bytes: Int) -> String? {
        var thread = pthread_t()
        let code = pthread_create(&thread, nil, { _ in nil }, nil)
        guard code == 0 else { return "threads (\(reason(code)))" }
        pthread_join(thread, nil)
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return "memory (\(bytes >> 20) MiB were refused)" }
        munmap(memory, bytes)
        let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return isOfMachine(errno) ? "file descriptors (\(reason(errno)))" : nil }
        close(descriptor)
        return nil
    }

    /// Whether a failed system call says something about the machine rather than about the file it was for.
    static func isOfMachine(_ code: Int32) -> Bool {
        SystemFault.remedy(code) != nil || [EAGAIN, ENOBUFS, ESTALE, ETIMEDOUT, EINTR].contains(code)
    }

    /// The error of a command that cannot continue; it says nothing about the file.
    ///
    /// - Parameter code: the value of `errno`, where a system call failed.
    static func error(_ path: String, _ what: String, code: Int32 = 0) -> FoveaError {
        FoveaError(
            SystemFault.kind(code, orElse: .environment), about: path, "cannot be read now: \(what)",
            remedy: SystemFault.remedy(code)
                ?? "The file is not to blame. Close other programs, raise the limits (ulimit -a), use fewer --threads, "
                + "then run the command again.")
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
