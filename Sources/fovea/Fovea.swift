import ArgumentParser
import Basics
import Experiments
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
            distilled into one model. For research; not a medical device.
            """,
        version: Program.version,
        subcommands: [
            Init.self, Doctor.self, Inspect.self, Train.self, Compare.self, Evaluate.self, Predict.self, Phantom.self,
            Bench.self,
        ])

    static func main() {
        Engine.keepFreedMemory()
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as FoveaError {
            complain("error: " + error.description)
            Foundation.exit(ExitStatus.of(error.kind))
        } catch is CancellationError {
            complain("stopped")
            Foundation.exit(StopSignal.exitStatus)
        } catch {
            Fovea.exit(withError: error)
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
        }
    }
}

/// Writes a line to the standard error stream.
func complain(_ text: String) {
    Basics.Progress.endLine()
    FileHandle.standardError.write(Data((text + "\n").utf8))
}
