import Foundation

/// The processors that this process may use.
public enum Processors {
    /// How many: those that the system lets it run on (`taskset`, `nproc`), at most what its control group allows
    /// (containers), at least 1.
    public static let count: Int = {
        let present = ProcessInfo.processInfo.activeProcessorCount
        return max(1, min(present, allowedByAffinity ?? present, quota.map { Int($0.rounded(.up)) } ?? present))
    }()

    /// The most threads that are used, however many are requested: four per processor, and at least 16. More only wait
    /// for each other.
    public static var threadLimit: Int { max(16, 4 * count) }

    private static var allowedByAffinity: Int? {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        // A mask in hexadecimal, with commas.
        let mask = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }?.split(separator: "\t").last
        let count = mask?.reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount } ?? 0
        return count > 0 ? count : nil
    }

    /// Processors' worth of time that the control group gives; nil without a limit. The folder is this process's own in a
    /// container.
    private static var quota: Double? {
        func numbers(_ name: String) -> [Double?] {
            let text = (try? String(contentsOfFile: "/sys/fs/cgroup/" + name, encoding: .utf8)) ?? ""
            return text.split(whereSeparator: \.isWhitespace).map { Double($0) }
        }
        var limits = numbers("cpu.max")
        if limits.isEmpty { limits = numbers("cpu/cpu.cfs_quota_us") + numbers("cpu/cpu.cfs_period_us") }
        guard limits.count == 2, let time = limits[0], let period = limits[1], time > 0, period > 0 else { return nil }
        return time / period
    }
}
