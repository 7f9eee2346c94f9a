/// The memory of the machine.
package enum SystemMemory {
    /// What this process may still take without others losing theirs, in bytes: what the kernel says, at most what the control
    /// group allows (containers); nil where the kernel does not say.
    package static var available: Int? {
        let limits = ["memory.max", "memory/memory.limit_in_bytes"].compactMap {
            Int(SystemFile.text("/sys/fs/cgroup/" + $0).prefix { !$0.isWhitespace })
        }
        return bytes("MemAvailable").map { limits.reduce($0, min) }
    }

    /// An entry of the kernel's list, such as "MemTotal", in bytes.
    package static func bytes(_ key: String) -> Int? {
        let line = SystemFile.text("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix(key + ":") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}
