import Foundation

/// How this process was started as one of several that compute together: by `torchrun`, by Slurm's `srun` or by Open MPI's
/// `mpirun`. Fovea starts none itself; each of them tells its processes by variables of the environment.
public struct Launch: Sendable, Equatable {
    /// What starts processes.
    public enum Launcher: String, Sendable {
        case torchrun
        case slurm = "srun"
        case openMPI = "mpirun"
    }

    /// What started this one.
    public let launcher: Launcher
    /// The number of this process, from 0.
    public let rank: Int
    /// How many processes there are.
    public let size: Int
    /// The number of this process among those of its machine, from 0.
    public let localRank: Int
    /// How many of the processes are on this machine; nil where the launcher does not say.
    public let localSize: Int?
    /// The host at which the processes meet.
    public let host: String
    /// The port there.
    public let port: Int
    /// Whether the launcher itself answers at that port; otherwise process 0 does.
    public let isServed: Bool
    /// How often the launcher has started the processes again.
    public let restarts: Int

    /// The port where nothing else is said, that of PyTorch.
    private static let usualPort = 29500

    /// Reads the environment; nil where no launcher says anything.
    ///
    /// - Throws: `FoveaError` of kind `environment` that names the variable that is missing or wrong.
    public init?(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        let found: Variables
        if Variables.has("RANK", in: environment) || Variables.has("WORLD_SIZE", in: environment) {
            found = Variables(environment, .torchrun)
            (rank, size) = try found.place("RANK", of: "WORLD_SIZE")
            (localRank, localSize) = try found.localPlace("LOCAL_RANK", of: "LOCAL_WORLD_SIZE", rank: rank, size: size)
            host = try found.text("MASTER_ADDR")
            port = try found.number("MASTER_PORT", in: 1...65535)
            isServed = environment["TORCHELASTIC_USE_AGENT_STORE"] == "True"
            restarts = try found.number("TORCHELASTIC_RESTART_COUNT", in: 0...Int.max, orElse: 0)
        } else if ["RANK", "SIZE"].contains(where: { Variables.has("OMPI_COMM_WORLD_" + $0, in: environment) }) {
            found = Variables(environment, .openMPI)
            (rank, size) = try found.place("OMPI_COMM_WORLD_RANK", of: "OMPI_COMM_WORLD_SIZE")
            (localRank, localSize) = try found.localPlace(
                "OMPI_COMM_WORLD_LOCAL_RANK", of: "OMPI_COMM_WORLD_LOCAL_SIZE", rank: rank, size: size)
            host = try localSize == size ? found["MASTER_ADDR"] ?? "127.0.0.1" : found.text("MASTER_ADDR")
            port = try found.number("MASTER_PORT", in: 1...65535, orElse: Self.usualPort)
            (isServed, restarts) = (false, 0)
        } else if Variables.has("SLURM_STEP_ID", in: environment) {
            // A step is what `srun` starts; the script of a job sees the numbers of the whole job, but is one process.
            found = Variables(environment, .slurm)
            (rank, size) = try found.place("SLURM_PROCID", of: "SLURM_NTASKS")
            localRank = try found.number("SLURM_LOCALID", in: 0...rank)
            localSize = nil
            host = try found["MASTER_ADDR"] ?? found.firstHost("SLURM_STEP_NODELIST")
            // Two jobs on a machine must not meet.
            let job = try found.number("SLURM_JOB_ID", in: 0...Int.max, orElse: 0)
            port = try found.number("MASTER_PORT", in: 1...65535, orElse: Self.usualPort + job % 10_000)
            isServed = false
            restarts = try found.number("SLURM_RESTART_COUNT", in: 0...Int.max, orElse: 0)
        } else {
            return nil
        }
        launcher = found.launcher
    }

    /// The share of some processors that is this process's own, at least 1.
    public func share(of processors: Int) -> Int { max(1, processors / (localSize ?? 1)) }

    /// In words, for people.
    public var summary: String {
        "process \(rank) of \(size), started by \(launcher.rawValue); they meet at \(host):\(port)"
            + (restarts > 0 ? "; restart \(restarts)" : "")
    }
}

/// The variables that a launcher sets.
private struct Variables {
    let launcher: Launch.Launcher
    private let environment: [String: String]

    init(_ environment: [String: String], _ launcher: Launch.Launcher) {
        (self.environment, self.launcher) = (environment, launcher)
    }

    /// The value of a variable; nil also for an empty one.
    subscript(name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

    static func has(_ name: String, in environment: [String: String]) -> Bool { environment[name]?.isEmpty == false }

    func text(_ name: String) throws -> String {
        guard let text = self[name] else { throw failure("\(name) is not set") }
        return text
    }

    func number(_ name: String, in range: ClosedRange<Int>, orElse usual: Int? = nil) throws -> Int {
        if let usual, self[name] == nil { return usual }
        let text = try text(name)
        guard let number = Int(text), range.contains(number) else {
            let end = range.upperBound == .max ? "and more" : "to \(range.upperBound)"
            throw failure("\(name) is \"\(text)\"; allowed: \(range.lowerBound) \(end)")
        }
        return number
    }

    /// The number of a process and how many there are.
    func place(_ rank: String, of size: String) throws -> (rank: Int, size: Int) {
        let count = try number(size, in: 1...1_000_000)
        return (try number(rank, in: 0...count - 1), count)
    }

    /// The same among the processes of this machine, of which there are no more than of all.
    func localPlace(
        _ localRank: String, of localSize: String, rank: Int, size: Int
    ) throws -> (rank: Int, size: Int?) {
        let count = try self[localSize] == nil ? nil : number(localSize, in: 1...size)
        return (try number(localRank, in: 0...min(rank, (count ?? size) - 1)), count)
    }

    /// The first of some hosts in Slurm's notation, such as "node[03-07,12],login".
    func firstHost(_ name: String) throws -> String {
        let list = try text(name)
        guard let match = list.prefixMatch(of: /([^,\[\]]+)(?:\[([0-9]+)[^\]]*\]([^,]*))?/) else {
            throw failure("\(name) is \"\(list)\", which names no host")
        }
        return "\(match.1)\(match.2 ?? "")\(match.3 ?? "")"
    }

    private func failure(_ text: String) -> FoveaError {
        let remedy =
            switch launcher {
            case .torchrun:
                "RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT are set by torchrun: start with "
                    + "`torchrun --no-python`, or unset them for a training of one process."
            case .slurm:
                "srun sets it: start with `srun fovea train`, or unset SLURM_STEP_ID for a training of one process."
            case .openMPI:
                "Start with `mpirun fovea train`; with several machines, export MASTER_ADDR, the host of process 0, by "
                    + "mpirun's option -x."
            }
        return FoveaError(
            .environment, "the environment of one of several processes (\(launcher.rawValue)) is incomplete: \(text)",
            remedy: remedy)
    }
}
