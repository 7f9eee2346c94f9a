import Basics
import Foundation
import Logging
import Torch

/// What a run needs in addition to its settings: device, threads, and when to stop.
public struct ExecutionContext: Sendable {
    /// Where to compute.
    public var device: Device
    /// Threads for operators and for decoding.
    public var threads: Int
    /// Whether finished stages of this run folder are reused.
    public var isResuming: Bool
    /// Called between steps; true ends the work.
    public var shouldStop: @Sendable () -> Bool
    /// Called after each training step; true saves a checkpoint at once.
    public var wantsCheckpoint: @Sendable () -> Bool
    /// Told what the user should know.
    public var logger: Logger
    /// Chooses the arithmetic where the settings leave it open.
    public var precision: PrecisionChoice
    /// The processes that compute together; this one alone, unless said otherwise.
    public var communicator: any Communicator = SingleProcess()
    /// Whether this is the first of them, which alone writes and prints results.
    public var isFirst: Bool { communicator.rank == 0 }

    /// Gathers them; the best device, as many threads as processors, no messages.
    public init(
        device: Device = .best, threads: Int = Processors.count, isResuming: Bool = false,
        shouldStop: @escaping @Sendable () -> Bool = { false },
        wantsCheckpoint: @escaping @Sendable () -> Bool = { false },
        logger: Logger = .silent, precision: PrecisionChoice = PrecisionChoice(folder: ExecutionContext.userCache)
    ) {
        self.device = device
        self.threads = max(1, threads)
        self.isResuming = isResuming
        self.shouldStop = shouldStop
        self.wantsCheckpoint = wantsCheckpoint
        self.logger = logger
        self.precision = precision
    }

    /// Meets the other processes of a launch, to compute with them.
    ///
    /// - Parameter teller: says what this one waits for, where that takes long.
    /// - Throws: `FoveaError` of kind `environment` when they do not come, of kind `configuration` when they run another
    ///   program; `CancellationError` when stopped.
    public mutating func join(_ launch: Launch, telling teller: Logger) throws {
        communicator = try ProcessGroup(launch, shouldStop: shouldStop) { teller.info("\($0)") }
        logger.info("\(launch.summary)")
        try communicator.requireEqual("Fovea \(Program.version) with libtorch \(Engine.version)", "the program is")
    }

    /// Threads that prepare batches while the engine computes: one of a few processors, since there the engine needs
    /// them all; every one where a GPU computes.
    package var loaderThreads: Int { device == .cpu ? max(1, threads / 4) : threads }

    /// The per-user cache: $FOVEA_CACHE, else $XDG_CACHE_HOME/fovea, else ~/.cache/fovea, where ~ is $HOME, else what the
    /// system has for the user.
    public static var userCache: String {
        let environment = ProcessInfo.processInfo.environment
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let folder = value("FOVEA_CACHE") { return folder }
        // Foundation does not ask $HOME.
        let base = value("XDG_CACHE_HOME") ?? PathName.joined(value("HOME") ?? NSHomeDirectory(), ".cache")
        return PathName.joined(base, "fovea")
    }

    /// Whether a file or folder of this name in `folder` is one that Fovea keeps in the per-user cache.
    package static func userCacheOwns(_ name: String, in folder: String) -> Bool {
        guard [PrecisionFile.name, "images"].contains(name), let cache = FileIdentity(userCache) else { return false }
        return FileIdentity(folder) == cache
    }
}
