import ArgumentParser
import Basics

/// `fovea serve` of a program without the server, which the first `make demo` builds.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Answers requests over HTTP, and shows a page at /.")

    @Argument(parsing: .allUnrecognized)
    var arguments: [String] = []

    func run() throws {
        throw FoveaError(
            .environment, "`make demo` built this program, without the server",
            remedy: "`make build` builds it with the server")
    }
}
