import Foundation
import Testing

/// A run of the program that continues while the test looks at it.
final class RunningProgram {
    private let process = Process()
    private let errorPath: String

    /// Longest wait: a guard against hanging, not a measure. Machines that run tests may be slow and shared.
    private static let patience = 1800.0

    /// Starts `fovea`, or another program, with some variables more in its environment.
    init(
        _ arguments: [String], in folder: WorkFolder, standardOutput: FileHandle = .nullDevice,
        program: URL = ProgramRun.program, environment: [String: String] = [:]
    ) throws {
        errorPath = folder.path + "/\(UUID().uuidString).err"
        _ = FileManager.default.createFile(atPath: errorPath, contents: nil)
        process.executableURL = program
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = standardOutput
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// What it has written to the standard error stream.
    var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

    var isRunning: Bool { process.isRunning }

    /// The processes that its first thread has started.
    var children: [pid_t] {
        let id = process.processIdentifier
        let list = try? String(contentsOfFile: "/proc/\(id)/task/\(id)/children", encoding: .utf8)
        return (list ?? "").split(separator: " ").compactMap { pid_t($0) }
    }

    /// Waits until it hears SIGTERM: before that, the signal just ends it.
    func waitUntilItListens() throws {
        try wait {
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let caught = status.split(separator: "\n").first { $0.hasPrefix("SigCgt:") }?.split(separator: "\t").last
            return (caught.flatMap { UInt64($0, radix: 16) } ?? 0) & (1 << UInt64(SIGTERM - 1)) != 0
        }
    }

    /// Waits until something holds, which must be before the program ends.
    func wait(until isTrue: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(Self.patience)
        while try !isTrue() {
            try #require(process.isRunning, "it ended with \(process.terminationStatus): \(errors)")
            try #require(Date() < end, "waited in vain: \(errors)")
            usleep(5000)
        }
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end, and gives the status, or the signal that ended it as a negative number.
    func end() -> Int32 {
        let end = Date().addingTimeInterval(Self.patience)
        while process.isRunning, Date() < end { usleep(5000) }
        if process.isRunning { send(SIGKILL) }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    deinit { if process.isRunning { send(SIGKILL) } }
}
