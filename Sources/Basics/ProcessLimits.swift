import Foundation

/// What the program needs of the process that it is started in.
public enum ProcessLimits {
    /// Open files that work needs: shared libraries, photographs, cache, weights and logs.
    public static let files = 64

    /// Memory that work needs at least, in bytes. With less, Swift's runtime or a library would end the program by a signal.
    static let memory = 256 << 20

    /// Refuses to work with less memory or fewer open files than are needed.
    ///
    /// - Throws: `FoveaError` of kind `environment`.
    public static func require() throws {
        let space = mmap(nil, memory, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let space, space != MAP_FAILED else {
            throw FoveaError(
                .environment,
                "not enough memory: the system refuses this process the \(memory >> 20) MiB that it needs at least",
                remedy: "Close other programs or raise the limit (ulimit -v).")
        }
        munmap(space, memory)
        try requireFiles()
    }

    /// Files that are open now, also those that the starting program left open.
    public static var openFiles: Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }

    /// Raises the limit on open files to `count`, or as far as that is allowed, where it is lower.
    ///
    /// - Returns: `count`, or the lower limit that then holds.
    public static func raiseFiles(to count: Int) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < count else {
            return count
        }
        let found = limit.rlim_cur
        limit.rlim_cur = min(limit.rlim_max, rlim_t(count))
        return Int(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit.rlim_cur : found)
    }

    private static func requireFiles() throws {
        let allowed = raiseFiles(to: files)
        guard allowed >= files else {
            throw FoveaError(
                .environment, "this process may open only \(allowed) files at a time; \(files) are needed",
                remedy: "Raise the limit: ulimit -n 1024")
        }
    }
}
