import Foundation

/// When processes began.
package enum ProcessStart {
    /// This one, in seconds since 1970; now where the system does not say.
    package static var own: Double {
        let line = SystemFile.text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }
        guard let boot = line.flatMap({ Double($0.dropFirst(6)) }), let ticks = Double(ticks(of: getpid())) else {
            return Date().timeIntervalSince1970
        }
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Any one, in ticks since the machine was started; empty where there is none.
    static func ticks(of process: pid_t) -> String {
        // The name, in brackets, may hold anything.
        let fields = SystemFile.text("/proc/\(process)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 19, fields[0] != "Z" else { return "" }
        return String(fields[19])
    }
}
