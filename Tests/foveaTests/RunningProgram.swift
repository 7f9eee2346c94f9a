import Foundation
import Testing

/// A run of the program that goes on while the test looks at it.
final class RunningProgram {
    private let process = Process()
    private let errorPath: String

    /// Starts `fovea`.
    init(_ arguments: [String], in folder: WorkFolder) throws {
        errorPath = folder.path + "/\(UUID().uuidString).err"
        _ = FileManager.default.createFile(atPath: errorPath, contents: nil)
        process.executableURL = ProgramRun.program
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        process.standardInput = FileHandle.nullDevice
        try process.run()
    }

    /// What it has written to the standard error stream.
    var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }

    /// Waits until something holds, which must be before the program ends and within two minutes.
    func wait(until isTrue: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(120)
        while try !isTrue() {
            try #require(process.isRunning, "it ended with \(process.terminationStatus): \(errors)")
            try #require(Date() < end, "waited in vain: \(errors)")
            usleep(5000)
        }
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    /// Waits for its end, two minutes at most, and gives the status, or the signal that ended it as a negative number.
    func end() -> Int32 {
        let end = Date().addingTimeInterval(120)
        while process.isRunning, Date() < end { usleep(5000) }
        if process.isRunning { send(SIGKILL) }
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    deinit { if process.isRunning { send(SIGKILL) } }
}
