import ArgumentParser
import Basics
import Execution
import Foundation
import Logging
import Prediction
import Server
import Serving
import Synchronization

import enum Torch.Precision

/// `fovea serve`: models behind HTTP.
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Answers requests over HTTP, and shows a page at /.",
        discussion: """
            Speaks the Open Inference Protocol (version 2), and has /v1/predict with words, thresholds and maps. It listens to \
            this machine only, unless it is told another host, and then wants a token. No image leaves the machine, is written \
            to disk or named in a log. docs/serving.md has examples. For research; not a medical device.
            """)

    @Argument(
        help: ArgumentHelp(
            "A run folder, or a folder with config.json and model.safetensors; NAME=FOLDER to choose what requests call it.",
            valueName: "model"))
    var models: [String]

    @Option(help: "Where to listen: a name or an address of this machine.")
    var host = "127.0.0.1"

    @Option(parsing: .unconditional, help: "The port; 0 for any that is free.")
    var port = 8080

    @Option(
        help: ArgumentHelp(
            "A file with the token that requests must send: Authorization: Bearer TOKEN.", valueName: "file"))
    var tokenFile: String?

    @Flag(help: "Answer everyone on a host that others reach, without a token.")
    var open = false

    @Option(
        help: ArgumentHelp("A name that the Host header may have in addition to this machine's own.", valueName: "name")
    )
    var allowHost: [String] = []

    @Option(parsing: .unconditional, help: "Images computed at once, at most.")
    var batch = 16

    @Option(
        help: ArgumentHelp(
            "Use the thresholds of an operating point of the calibration, such as sensitivity=0.9.", valueName: "point")
    )
    var at: String?

    @Flag(help: "Also answer images that are not colour fundus photographs.")
    var anyImage = false

    @Option(help: "Arithmetic of the models; bfloat16 may be faster and moves probabilities by some hundredths.")
    var precision = Precision.float32

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 0...65535 ~= port else { throw ValidationError("--port is \(port); allowed: 0 to 65535") }
        guard 1...1024 ~= batch else { throw ValidationError("--batch is \(batch); allowed: 1 to 1024") }
        for name in allowHost where !AccessRules.isName(name) {
            throw ValidationError(
                "--allow-host is \"\(Printable.line(name))\"; allowed is a name or an address, such as fovea.example or "
                    + "[::1], without scheme and port")
        }
        guard models.count <= 100 else { throw ValidationError("\(models.count) models are named; allowed: 1 to 100") }
    }

    func run() throws {
        let context = try common.context()
        let token = try tokenFile.map(ServerToken.read)
        if let tokenFile, ServerToken.isReadByOthers(tokenFile) {
            context.logger.warning("\(tokenFile) can be read by all users of this machine (chmod 600 makes it yours)")
        }
        let host = ServerAddress.withoutBrackets(host)
        try ServerAddress.requireKnown(host)
        let isLocal = ServerAddress.isLocal(host)
        guard isLocal || token != nil || open else {
            throw FoveaError(
                .configuration, "--host is \(host), which other machines reach, and there is no token",
                remedy:
                    "Give --token-file FILE, so that only those who know the token are answered, or --open for everyone."
            )
        }
        if !isLocal, allowHost.isEmpty, token == nil {
            context.logger.warning(
                "requests with any Host header are answered, also those that a web page makes a browser send: --allow-host NAME "
                    + "answers those to that name only")
        }
        let place = host.contains(":") ? "[\(host)]" : host
        let address = ServerAddress(
            host: host, port: port,
            hosts: isLocal || !allowHost.isEmpty ? AccessRules.localHosts.union(allowHost + [place]) : nil,
            token: token)
        let limits = try Self.limits(context)
        let loaded = try NamedModel.all(models).map { named in
            let model = try InferenceModel(
                named.folder, precision: precision, operatingPoint: at, takesAnyImage: anyImage, context)
            if let undecided = model.undecided { context.logger.warning("\(undecided)") }
            return (name: named.name, model: model)
        }
        let server = try InferenceServer(loaded, at: address, batchSize: batch, limits: limits, context)
        let names = loaded.map(\.name)
        try Self.wait { try await server.run { port in try Self.tell(place, port, names, context.logger) } }
        throw CancellationError()
    }

    /// The limits, with as many connections as fit into the limit on open files beside those of the program itself: where it
    /// is reached, the system's libraries may end the program.
    private static func limits(_ context: ExecutionContext) throws -> ServiceLimits {
        var limits = ServiceLimits()
        let own = ProcessLimits.openFiles + ProcessLimits.files + context.threads
        let needed = own + limits.connections
        let allowed = ProcessLimits.raiseFiles(to: needed)
        guard allowed > own else {
            throw FoveaError(
                .environment,
                "this process may open only \(allowed) files at a time; it needs \(own), and one for each connection",
                remedy: "Raise the limit: ulimit -n \(needed)")
        }
        if allowed < needed {
            limits.connections = allowed - own
            context.logger.warning(
                "this process may open only \(allowed) files at a time, so that it holds "
                    + "\(Pluralization.count(limits.connections, "connection")) at once instead of \(needed - own) "
                    + "(ulimit -n \(needed))")
        }
        return limits
    }

    /// Says where the server is, on the standard output stream: with --port 0 a program reads the port there.
    private static func tell(_ place: String, _ port: Int, _ names: [String], _ logger: Logger) throws {
        // A reader that is gone is not a reason to end.
        do { try StandardStream.result("http://\(place):\(port)/\n") } catch is StandardStream.ReaderGone {}
        logger.info("serving \(Pluralization.listing(names)); Ctrl-C stops it")
    }

    /// Runs asynchronous work from a thread that may wait.
    private static func wait(_ body: @escaping @Sendable () async throws -> Void) throws {
        let done = DispatchSemaphore(value: 0)
        let result = Mutex<Result<Void, any Error>>(.success(()))
        Task {
            do { try await body() } catch { result.withLock { $0 = .failure(error) } }
            done.signal()
        }
        done.wait()
        try result.withLock { $0 }.get()
    }
}
