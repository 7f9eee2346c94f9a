import ArgumentParser
import Basics
import Experiments
import Foundation
import Torch

/// How much is printed.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case error
    case warning
    case info
}

/// Options that most commands have.
struct CommonOptions: ParsableArguments {
    @Option(help: "Where to compute: auto, cpu, cuda or cuda:N.")
    var device = "auto"

    // Unconditional: a negative number is a value, and its range is what is wrong with it.
    @Option(
        parsing: .unconditional,
        help: "Threads for computing and decoding; 0 for as many as there are processors.")
    var threads = 0

    @Option(
        name: .customLong("log-level"),
        help: "What to print besides results: error, warning, or info, which shows progress too.")
    var logLevel = LogLevel.info

    @Option(
        parsing: .unconditional,
        help: "Seconds after SIGTERM or SIGINT by which the program ends, whether its step is done or not.")
    var grace = 60

    func validate() throws {
        guard 1...86_400 ~= grace else { throw ValidationError("--grace is \(grace); allowed: 1 to 86400") }
        guard 0...4096 ~= threads else { throw ValidationError("--threads is \(threads); allowed: 0 to 4096") }
    }

    /// What the work is given.
    ///
    /// - Throws: `FoveaError` of kind `environment` for another engine than the one that the program was built with,
    ///   unless `acceptsAnyEngine`.
    func surroundings(isResuming: Bool = false, acceptsAnyEngine: Bool = false) throws -> Surroundings {
        StopSignal.listen(grace: UInt32(grace))
        if !acceptsAnyEngine { try MachineCheck.requireEngine() }
        Basics.Progress.isSilent = logLevel != .info
        return Surroundings(
            device: device == "auto" ? .best : try Device(device),
            threads: threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount, isResuming: isResuming,
            shouldStop: { StopSignal.isCaught }, wantsCheckpoint: { StopSignal.takesCheckpoint() })
    }

    /// Prints a line of news, or keeps it back.
    func log(_ text: String) {
        let isWarning = text.hasPrefix("warning")
        if logLevel == .info || (logLevel == .warning && isWarning) { complain(text) }
    }
}
