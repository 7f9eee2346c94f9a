import ArgumentParser
import Basics
import CProcess
import Foundation

/// Further processes of this program that work beside each other, the jobs of `--jobs`: what they say is handed on with their
/// number in front, and signals are handed on to them.
struct JobGroup {
    private struct Job {
        let number: Int
        let process: pid_t
        /// Where its standard error stream is read from.
        let messages: Int32
        /// What it has written of a line.
        var begun: [UInt8] = []
    }

    private var running: [Job] = []
    private var failure: (job: Int, status: Int32)?
    private var isStopped = false

    /// Starts the jobs and waits until all of them have ended.
    ///
    /// - Throws: `CancellationError` when stopped; `ExitCode`, that of the first job that failed; `FoveaError` of kind
    ///   `environment` when the system starts none.
    static func run(_ count: Int, arguments: [String]) throws {
        var group = JobGroup()
        for number in 1...count { try group.start(number, arguments) }
        while !group.running.isEmpty { group.wait() }
        if StopSignal.isCaught { throw CancellationError() }
        guard let (job, status) = group.failure else { return }
        printError(
            "error: job \(job) ended with status \(status); its messages begin with [\(job)]\n"
                + "  The same command goes on with what is not finished.")
        throw ExitCode(status)
    }

    private mutating func start(_ number: Int, _ arguments: [String]) throws {
        var words = (CommandLine.arguments.prefix(1) + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        var messages: Int32 = -1
        let process = fovea_job_start(&words, &messages)
        guard process > 0 else {
            // Jobs that were started end with this process.
            throw FoveaError(
                .environment, "job \(number) cannot be started: \(String(cString: strerror(errno)))",
                remedy: "Request fewer with --jobs, or raise the limit on processes (ulimit -u).")
        }
        running.append(Job(number: number, process: process, messages: messages))
    }

    /// Waits for messages, ends and signals.
    private mutating func wait() {
        var streams = running.map { pollfd(fd: $0.messages, events: Int16(POLLIN), revents: 0) }
        // A signal ends the waiting, but for one that came just before it began.
        if poll(&streams, nfds_t(streams.count), 200) < 0 { streams = [] }
        for index in streams.indices.reversed() where streams[index].revents != 0 && !handOn(&running[index]) {
            end(running.remove(at: index))
        }
        if StopSignal.isCaught, !isStopped {
            isStopped = true
            for job in running { kill(job.process, SIGTERM) }
        }
        if StopSignal.takesCheckpoint() {
            for job in running { kill(job.process, SIGUSR1) }
        }
    }

    /// Shows the lines that a job has written; false at the end of its stream.
    private func handOn(_ job: inout Job) -> Bool {
        var block = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(job.messages, &block, block.count)
        guard count > 0 else { return count < 0 && errno == EINTR }
        job.begun += block.prefix(count)
        var lines = job.begun.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        job.begun = lines.popLast().map(Array.init) ?? []
        for line in lines { show(line, of: job) }
        return true
    }

    private func show(_ line: some Sequence<UInt8>, of job: Job) {
        StandardStream.message("[\(job.number)] " + String(decoding: Array(line), as: UTF8.self))
    }

    private mutating func end(_ job: Job) {
        if !job.begun.isEmpty { show(job.begun, of: job) }
        close(job.messages)
        var word: Int32 = 0
        while waitpid(job.process, &word, 0) < 0, errno == EINTR {}
        // As a shell has it.
        let status = word & 0x7F == 0 ? word >> 8 & 0xFF : 128 + word & 0x7F
        if status != 0, failure == nil { failure = (job.number, status) }
    }
}
