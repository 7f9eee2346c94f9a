import ArgumentParser
import Basics
import Foundation
import Torch

/// The command line: parse, call, print.
@main
struct Fovea: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fovea",
        abstract: "Recognises retinal diseases from colour fundus photographs, rare ones included.",
        discussion: """
            Relational subset knowledge distillation: a teacher for each subset of classes that belong together, \
            distilled into one model. Where help names docs/NAME.md: `fovea doctor` says where these are. For research; not \
            a medical device.
            """,
        version: Program.version,
        subcommands: [
            Init.self, Doctor.self, Inspect.self, Train.self, Compare.self, Evaluate.self, Calibrate.self, Predict.self,
            Suggest.self, Report.self, Export.self, Prepare.self, Serve.self, Phantom.self, Bench.self,
        ])

    static func main() {
        Engine.keepFreedMemory()
        StandardStream.prepare()
        StopSignal.prepare()
        do {
            try requireCommand()
            try RepeatedOptions.refuse(in: Array(CommandLine.arguments.dropFirst()))
            var command = try parseAsRoot()
            try ProcessLimits.require()
            try command.run()
        } catch {
            let status = status(of: error)
            // Not `exit`: it would take the engine down under threads that compute still, for whom it would be a crash.
            fflush(nil)
            _exit(status)
        }
    }

    /// Refuses a first argument that is no command, with the one that may have been meant.
    private static func requireCommand() throws {
        let names = configuration.subcommands.map { $0._commandName }
        guard let first = CommandLine.arguments.dropFirst().first, !first.hasPrefix("-"),
            !(names + ["help"]).contains(first)
        else { return }
        let suggestion = FoveaError.suggestion(for: first, among: names, limit: names.count)
        throw ValidationError("\"\(Printable.line(first))\" is not a command; \(suggestion)")
    }

    /// Says what went wrong, or prints the requested help; the status to end with.
    private static func status(of error: any Error) -> Int32 {
        switch error {
        case _ where isStop(error):
            printError("stopped")
            return StopSignal.exitStatus
        case let error as FoveaError:
            printError("error: " + error.description)
            return ExitStatus.of(error.kind)
        case is StandardStream.ReaderGone:
            // As any program that writes to a pipe without a reader; the shell makes 141 of it.
            signal(SIGPIPE, SIG_DFL)
            raise(SIGPIPE)
            return 128 + SIGPIPE
        case let code as ExitCode: return code.rawValue
        default: return status(ofParsing: error)
        }
    }

    /// The same for what the argument parser throws: help and version, which are results, and mistakes in the command line.
    private static func status(ofParsing error: any Error) -> Int32 {
        let text = fullMessage(for: error)
        switch exitCode(for: error) {
        case .success:
            do {
                try StandardStream.result(text + "\n")
                return 0
            } catch {
                return status(of: error)
            }
        case .failure:
            // An error that no part of the program gave words to.
            printError("error: \(error)")
            return ExitStatus.of(.engine)
        case let code:
            printError(asOurs(escapedMessage(for: error)))
            return code.rawValue
        }
    }

    /// A message of the argument parser as those of the program begin, with what an unknown option may have meant.
    private static func asOurs(_ text: String) -> String {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if lines[0].hasPrefix("Error: ") { lines[0] = "error: " + lines[0].dropFirst(7) }
        lines[0] = UnknownOption.explained(lines[0], CommandLine.arguments)
        return lines.joined(separator: "\n")
    }

    /// Whether the work was told to stop; of several processes that were, another one may have done so first.
    static func isStop(_ error: any Error) -> Bool {
        error is CancellationError || (StopSignal.isCaught && (error as? FoveaError)?.kind == .peer)
    }

    /// The message for a mistake in the command line, on which no argument begins a line of its own: it is that for the same
    /// arguments with their control characters escaped.
    private static func escapedMessage(for error: any Error) -> String {
        let arguments = CommandLine.arguments.dropFirst().map(Printable.line)
        guard !arguments.elementsEqual(CommandLine.arguments.dropFirst()) else { return fullMessage(for: error) }
        do {
            _ = try parseAsRoot(arguments)
            return Printable.line(fullMessage(for: error))
        } catch {
            return fullMessage(for: error)
        }
    }
}

/// The exit statuses of `docs/exit-codes.md`: below 128 for what will fail again, from 128 on for what may succeed when
/// it is tried again.
enum ExitStatus {
    static func of(_ kind: FoveaError.Kind) -> Int32 {
        switch kind {
        case .configuration: 78
        case .data: 65
        case .environment: 69
        case .engine: 70
        case .numerical: 76
        case .storage: 160
        case .busy: 161
        case .peer: 162
        }
    }
}

/// Writes a line to the standard error stream.
func printError(_ text: String) {
    ProgressReporter.endLine()
    StandardStream.message(text)
}

/// Prints a result, and a line end.
///
/// - Throws: `FoveaError` of kind `storage` when it cannot be written.
func show(_ text: String) throws { try StandardStream.result(text + "\n") }
