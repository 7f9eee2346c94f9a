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
        for name in allowHost where name.isEmpty || name.contains(where: { ":/".contains($0) }) && !name.hasPrefix("[")
        {
            throw ValidationError("--allow-host is \(name); allowed is a name or an address, without scheme and port")
        }
        guard models.count <= 100 else { throw ValidationError("\(models.count) models are named; allowed: 1 to 100") }
    }

    func run() throws {
        let context = try common.context()
        let token = try tokenFile.map(ServerToken.read)
        if let tokenFile, ServerToken.isReadByOthers(tokenFile) {
            context.logger.warning("\(tokenFile) can be read by all users of this machine (chmod 600 makes it yours)")
        }
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
        let address = ServerAddress(
            host: host, port: port,
            hosts: isLocal || !allowHost.isEmpty
                ? AccessRules.localHosts.union(allowHost + [host.contains(":") ? "[\(host)]" : host]) : nil,
            token: token)
        let loaded = try NamedModel.all(models).map { named in
            let model = try InferenceModel(
                named.folder, precision: precision, operatingPoint: at, takesAnyImage: anyImage, context)
            if let undecided = model.undecided { context.logger.warning("\(undecided)") }
            return (name: named.name, model: model)
        }
        let limits = ServiceLimits()
        // One for each connection, and those of the program itself.
        let files = limits.connections + ProcessLimits.files
        let allowed = ProcessLimits.raiseFiles(to: files)
        if allowed < files {
            context.logger.warning(
                "this process may open \(allowed) files at a time, so that fewer than \(limits.connections) connections fit "
                    + "(ulimit -n \(files))")
        }
        let server = try InferenceServer(loaded, at: address, batchSize: batch, limits: limits, context)
        let (host, names) = (host, loaded.map(\.name))
        try Self.wait { try await server.run { port in Self.tell(host, port, names, context.logger) } }
        throw CancellationError()
    }

    /// Says where the server is, on the standard output stream: with --port 0 a program reads the port there.
    private static func tell(_ host: String, _ port: Int, _ names: [String], _ logger: Logger) {
        let place = host.contains(":") ? "[\(host)]" : host
        // A reader that is gone is not a reason to end.
        try? StandardStream.result("http://\(place):\(port)/\n")
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
