import Foundation

/// What the program needs of the process that it is started in.
public enum ProcessLimits {
    /// Open files that work needs: shared libraries, photographs, cache, weights and logs.
    static let files: rlim_t = 64

    /// Refuses to work with fewer open files than are needed; raises the limit where that is allowed.
    ///
    /// - Throws: `FoveaError` of kind `environment`.
    public static func require() throws {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < files else {
            return
        }
        let found = limit.rlim_cur
        limit.rlim_cur = min(limit.rlim_max, files)
        guard limit.rlim_cur == files, setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            throw FoveaError(
                .environment, "this process may open only \(found) files at a time; \(files) are needed",
                remedy: "Raise the limit: ulimit -n 1024")
        }
    }
}
