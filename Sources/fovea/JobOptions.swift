import ArgumentParser
import Basics
import Comparisons
import Execution
import Torch

/// How many processes a comparison is computed by.
struct JobOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: "Processes that compute side by side and divide --threads among them: 1 to 64, or auto. (default: 1)")
    var jobs: String?

    // Given to each of these processes by the one that starts them: its threads, and how many processes there are.
    @Option(help: .hidden) var jobThreads: Int?
    @Option(help: .hidden) var jobCount: Int?

    /// Whether this process is one of them.
    var isJob: Bool { jobCount != nil }

    func validate() throws {
        guard let jobs, jobs != "auto" else { return }
        guard let number = Int(jobs), JobRule.allowed.contains(number) else {
            let (first, last) = (JobRule.allowed.lowerBound, JobRule.allowed.upperBound)
            throw ValidationError("--jobs is \(jobs); allowed: \(first) to \(last), or auto")
        }
    }

    /// How many processes the threads are divided among, whether there is work for all of them or not.
    func count(for work: OpenWork, _ context: ExecutionContext) -> Int {
        guard jobs == "auto" else { return jobs.flatMap { Int($0) } ?? 1 }
        return JobRule.jobs(
            for: work, threads: min(context.threads, Processors.count), memory: SystemMemory.available,
            onGPU: context.device != .cpu)
    }

    /// What a job is given: the arguments of this process, and its part.
    func arguments(threads: Int, count: Int) -> [String] {
        ["compare", "--job-threads", "\(threads)", "--job-count", "\(count)"] + CommandLine.arguments.dropFirst(2)
    }
}
