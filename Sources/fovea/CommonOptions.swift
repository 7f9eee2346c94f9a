import ArgumentParser
import Basics
import Diagnostics
import Execution
import Foundation
import Logging
import Torch

/// How much is printed.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case error
    case warning
    case info
    case debug

    /// Where the option is not given, this variable of the environment decides.
    private static let variable = "FOVEA_LOG_LEVEL"

    /// What the environment says; `info` where it says nothing.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for anything but a level.
    static func ofEnvironment() throws -> LogLevel {
        guard let name = ProcessInfo.processInfo.environment[variable], !name.isEmpty else { return .info }
        guard let level = LogLevel(rawValue: name) else {
            throw FoveaError(
                .configuration,
                "\(variable) is \"\(name)\"; allowed: " + allCases.map(\.rawValue).joined(separator: ", "),
                remedy:
                    "Change or unset that variable of the environment, or give --log-level, which decides where both "
                    + "are given.")
        }
        return level
    }

    var level: Logger.Level {
        switch self {
        case .error: .error
        case .warning: .warning
        case .info: .info
        case .debug: .debug
        }
    }
}

extension Precision: ExpressibleByArgument {}

/// Options that most commands have.
struct CommonOptions: ParsableArguments {
    @Option(help: "Where to compute: auto, cpu, cuda or cuda:N.")
    var device = "auto"

    // Unconditional: a negative number is a value, and its range is what is wrong with it.
    @Option(
        parsing: .unconditional,
        help: "Threads for computing and decoding; 0 for one per processor, at most four per processor (or 16).")
    var threads = 0

    @Option(
        name: .customLong("log-level"),
        help: ArgumentHelp(
            "What to print in addition to results: error, warning, info, which shows progress too, or debug; by default "
                + "$FOVEA_LOG_LEVEL, or else info."))
    var logLevel: LogLevel?

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
    /// - Parameter launch: where this process is one of several, which it then joins: it has its own GPU and its share of
    ///   the processors, and only the first one tells more than errors.
    /// - Throws: `FoveaError` of kind `environment` for another engine than the one that the program was built with,
    ///   unless `acceptsAnyEngine`.
    func context(
        isResuming: Bool = false, acceptsAnyEngine: Bool = false, launch: Launch? = nil
    ) throws -> ExecutionContext {
        StopSignal.listen(grace: UInt32(grace))
        if !acceptsAnyEngine { try MachineCheck.requireEngine() }
        let chosen = try (logLevel ?? .ofEnvironment()).level
        let level = launch.map { $0.rank > 0 } ?? false ? max(chosen, .error) : chosen
        ProgressReporter.isSilent = level > .info
        let logger = Logger.terminal(level: level)
        var context = ExecutionContext(
            device: try usableDevice(launch), threads: try usableThreads(logger, launch),
            isResuming: isResuming, shouldStop: { StopSignal.isCaught },
            wantsCheckpoint: { StopSignal.takesCheckpoint() }, logger: logger)
        if let launch, launch.size > 1 { try context.join(launch, telling: .terminal(level: chosen)) }
        return context
    }

    /// Verifies that all processes of a launch have the same options of their command; these ones may differ.
    ///
    /// - Parameter options: nil for one that is not given.
    /// - Throws: `FoveaError` of kind `configuration`.
    static func requireEqual(_ options: [String?], _ context: ExecutionContext) throws {
        let given = options.compactMap(\.self)
        try context.communicator.requireEqual(
            given.isEmpty ? "none" : given.joined(separator: " "), "the given options are")
    }

    /// The device requested; for `auto` the best one, of several GPUs that of this process.
    private func usableDevice(_ launch: Launch?) throws -> Device {
        guard device == "auto" else { return try Device(device) }
        guard let launch, case .cuda = Device.best else { return .best }
        return .cuda(launch.localRank % Device.cudaCount)
    }

    /// The threads requested, as far as the machine has them.
    ///
    /// - Throws: `FoveaError` of kind `environment` when the system gives too few for the program to work at all.
    private func usableThreads(_ logger: Logger, _ launch: Launch?) throws -> Int {
        var count = threads > 0 ? threads : launch?.share(of: Processors.count) ?? Processors.count
        let limit = Processors.threadLimit
        if count > limit {
            logger.warning(
                "--threads is \(count), and \(limit) are used: four for each processor of "
                    + "\(Processors.count), and no fewer than 16")
            count = limit
        }
        // Engine and decoding have as many each; a few more wait, load and watch.
        let needed = 2 * count + Self.helpers
        let available = WorkerThreads.available(upTo: needed)
        guard available > Self.helpers + 1 else { throw WorkerThreads.refusal(available) }
        if available < needed {
            let fewer = (available - Self.helpers) / 2
            logger.warning("the system gives only \(available) threads, so \(fewer) compute instead of \(count)")
            count = fewer
        }
        return count
    }

    private static let helpers = 4
}
