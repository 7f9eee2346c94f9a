import Foundation
import FundusImaging
import TestSupport
import Testing

/// `fovea serve` as a program: its limits, streams and signals.
@Suite(.enabled(if: ServerTesting.isAlone, ServerTesting.reason)) struct ServedProgramTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try RunningServer.saveModel(to: folder.path + "/m")
    }

    /// A run of the program by a shell, which it replaces.
    private final class Program: @unchecked Sendable {
        let process = Process()
        let port: Int?
        private let errors: String

        /// Starts it, and waits until it listens or has ended.
        init(_ prefix: String = "", _ suffix: String = "", in folder: String) throws {
            errors = folder + "/errors"
            _ = FileManager.default.createFile(atPath: errors, contents: nil)
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = [
                "-c", "\(prefix) exec \"$0\" serve m --any-image --threads 1 --port 0 \(suffix)",
                URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                    .appendingPathComponent("fovea").path,
            ]
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle(forWritingAtPath: errors)
            try process.run()
            let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            port = line.split(separator: ":").last.flatMap { Int($0.dropLast(2)) }
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        /// Its status, and what it wrote to the standard error stream; those ended by a signal have a negative one.
        func end() -> (status: Int32, errors: String) {
            process.waitUntilExit()
            let status = process.terminationStatus
            return (
                process.terminationReason == .exit ? status : -status,
                (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
            )
        }

        var openFiles: Int {
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count) ?? 0
        }
    }

    private func started(_ prefix: String = "", _ suffix: String = "") async throws -> Program {
        try await waiting { [path = folder.path] in try Program(prefix, suffix, in: path) }
    }

    /// More connections than it may open files: some wait, and those that it has are answered.
    @Test(arguments: [100, 128, 256]) func connectionsLeaveFilesForWork(_ limit: Int) async throws {
        let program = try await started("ulimit -n \(limit);")
        let port = try #require(program.port)
        let sockets = try (0..<limit + 50).map { _ in try RawSocket(port: port) }
        try await sockets[0].request("POST", "/v1/predict", [:], PixelImage(width: 64, height: 64).png())
        #expect(try await sockets[0].response().status == 200)
        for _ in 0..<20 {
            try await sockets[0].request("GET", "/metrics")
            #expect(try await sockets[0].response().status == 200)
        }
        try await sockets[limit + 49].request("GET", "/v2")
        #expect(try await !sockets[limit + 49].hasAnswer(within: 0.5))
        #expect(program.openFiles <= limit - 48)
        for socket in sockets[..<(limit + 49)] { socket.leave(resetting: false) }
        #expect(try await sockets[limit + 49].response().status == 200)
        program.process.terminate()
        let (status, errors) = try await waiting { program.end() }
        #expect(status == 143)
        #expect(errors.contains("may open only \(limit) files at a time"), "\(errors)")
    }

    @Test func aLimitWithoutRoomForConnectionsIsRefused() async throws {
        let program = try await started("ulimit -n 64;")
        let (status, errors) = try await waiting { program.end() }
        #expect(status == 69)
        #expect(errors.contains("may open only 64 files at a time") && errors.contains("ulimit -n 1"), "\(errors)")
    }

    /// The address is its result.
    @Test func anAddressThatCannotBeWrittenEndsIt() async throws {
        let program = try await started("", ">/dev/full")
        let (status, errors) = try await waiting { program.end() }
        #expect(status == 160)
        #expect(errors.contains("cannot write the results to the standard output"), "\(errors)")
        // A reader that has gone may have read what it wanted.
        let next = try await started("", "> >(exec true)")
        try await Task.sleep(for: .seconds(1))
        #expect(next.process.isRunning)
    }

    @Test func nothingIsScheduledOnEventLoopsThatHaveEnded() async throws {
        let program = try await started()
        let port = try #require(program.port)
        let sockets = try (0..<2).map { _ in try RawSocket(port: port) }
        for socket in sockets {
            try await socket.request("POST", "/v1/predict", ["Content-Length": "3", "Expect": "100-continue"])
            #expect(try await socket.response().status == 100)
        }
        let idle = try RawSocket(port: port)
        try await idle.request("GET", "/v2")
        #expect(try await idle.response().status == 200)
        program.process.terminate()
        for socket in sockets {
            let response = try await socket.response()
            #expect(response.status == 503, "\(response.text.prefix(300))")
        }
        let (status, errors) = try await waiting { program.end() }
        #expect(status == 143)
        #expect(errors.split(separator: "\n").allSatisfy { $0.contains("serving m") || $0 == "stopped" }, "\(errors)")
    }
}
