import ArgumentParser
import Basics
import Diagnostics
import Execution
import Foundation
import Reports

/// `fovea doctor`: whether the machine has what Fovea needs.
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what was found on this machine, what is missing and how to fix it.",
        discussion: "Ends with status 0 when Fovea can be used, else 69.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let check = MachineCheck(threads: try common.context(acceptsAnyEngine: true).threads)
        try StandardStream.result(check.text(for: Terminal.current()))
        if !check.isUsable { throw ExitCode(ExitStatus.of(.environment)) }
    }
}
