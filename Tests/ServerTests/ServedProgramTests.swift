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
        /// When it had been started, in seconds since 1970.
        let began: Double
        private let errors: String

        /// Starts it, and waits until it listens or its output stream has ended.
        init(_ prefix: String = "", _ suffix: String = "", port: Int = 0, in folder: String) throws {
            errors = folder + "/errors"
            _ = FileManager.default.createFile(atPath: errors, contents: nil)
            process.executableURL = URL(fileURLWithPath: "/bin/bash")
            process.arguments = [
                "-c", "\(prefix) exec \"$0\" serve m --any-image --threads 1 --port \(port) \(suffix)",
                URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
                    .appendingPathComponent("fovea").path,
            ]
            process.currentDirectoryURL = URL(fileURLWithPath: folder)
            let pipe = Pipe()
            process.standardOutput = pipe
            process.standardError = FileHandle(forWritingAtPath: errors)
            try process.run()
            began = Date().timeIntervalSince1970
            let line = String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            self.port = line.split(separator: ":").last.flatMap { Int($0.dropLast(2)) }
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

        /// What it wrote to the standard error stream until now.
        var said: String { (try? String(contentsOfFile: errors, encoding: .utf8)) ?? "" }

        /// Its status, and what it wrote to the standard error stream; those ended by a signal have a negative one.
        func end() -> (status: Int32, errors: String) {
            process.waitUntilExit()
            let status = process.terminationStatus
            return (process.terminationReason == .exit ? status : -status, said)
        }

        var openFiles: Int {
            (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count) ?? 0
        }
    }

    private func started(_ prefix: String = "", _ suffix: String = "", port: Int = 0) async throws -> Program {
        try await waiting { [path = folder.path] in try Program(prefix, suffix, port: port, in: path) }
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
        let start = ContinuousClock.now
        while !next.said.contains("serving m"), next.process.isRunning, ContinuousClock.now - start < .seconds(60) {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(next.said.contains("serving m"), "\(next.said)")
        // An orderly stop: the failure would have ended it.
        next.process.terminate()
        #expect(try await waiting { next.end() }.status == 143)
    }

    /// The shell that waits is the process that serves.
    @Test func theStartOfTheProcessIsTold() async throws {
        let before = Date().timeIntervalSince1970
        let program = try await started("sleep 3;")
        let socket = try RawSocket(port: #require(program.port))
        try await socket.request("GET", "/metrics")
        let lines = try await socket.response().text.split(separator: "\n").map { $0.split(separator: " ") }
        let start = try #require(lines.first { $0[0] == "process_start_time_seconds" }.flatMap { Double($0[1]) })
        // The system counts the seconds of its own start in whole ones.
        #expect(before - 2 < start && start < program.began + 2, "\(start - before)")
    }

    /// `kill -9` while clients are connected: it serves again on the same port at once.
    @Test func killedItStartsAgainOnTheSamePort() async throws {
        let killed = try await started()
        let port = try #require(killed.port)
        let clients = try (0..<3).map { _ in try RawSocket(port: port) }
        try await clients[0].request("GET", "/v2")
        #expect(try await clients[0].response().status == 200)
        try await clients[1].request("POST", "/v1/predict", ["Content-Length": "3", "Expect": "100-continue"])
        #expect(try await clients[1].response().status == 100)
        kill(killed.process.processIdentifier, SIGKILL)
        #expect(try await waiting { killed.end() }.status == -SIGKILL)
        for client in clients { #expect(try await client.isEnded()) }
        let program = try await started(port: port)
        #expect(program.port == port, "\(program.said)")
        let client = try RawSocket(port: port)
        try await client.request("POST", "/v1/predict", [:], PixelImage(width: 64, height: 64).png())
        #expect(try await client.response().status == 200)
    }

    /// As bytes of the request and in percent encoding: in options, names and methods.
    @Test func controlCharactersAreEscapedInAnswersAndLog() async throws {
        let program = try await started("", "--log-level debug")
        let port = try #require(program.port)
        let (encoded, raw) = ("a%1B[31mb%0Ac%00", "a\u{1B}[31mb")
        for (method, target, status) in [
            ("POST", "/v1/predict?\(encoded)=1", 400), ("POST", "/v1/predict?model=\(encoded)", 404),
            ("POST", "/v1/predict?map=\(encoded)", 400), ("POST", "/v1/predict?maps=\(encoded)", 400),
            ("POST", "/v2/models/\(encoded)/infer", 404), ("GET", "/v2/models/m/versions/\(encoded)", 404),
            ("GET", "/\(encoded)", 404), ("BREW", "/v2", 400), (raw, "/v2", 400),
            ("POST", "/v1/predict?\(raw)=1", 400), ("GET", "/v2/models/\(raw)", 400),
        ] {
            let socket = try RawSocket(port: port)
            try await socket.request(method, target)
            let response = try await socket.finalResponse()
            #expect(response.status == status, "\(method) \(target): \(response.text)")
            #expect(response.error != nil && !response.body.contains { $0 < 32 || $0 == 127 }, "\(response.text)")
            if target.contains("?\(encoded)") {
                #expect(response.error?.contains(#"a\u{1B}[31mb\u{A}c\u{0}"#) == true, "\(response.text)")
            }
        }
        program.process.terminate()
        let (_, log) = try await waiting { program.end() }
        #expect(log.contains("predict: 400, malformed") && log.contains("v2_infer: 404, not_found"), "\(log)")
        #expect(!log.utf8.contains { $0 != 10 && ($0 < 32 || $0 == 127) }, "\(log.debugDescription)")
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
