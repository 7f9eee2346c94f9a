import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import NN
import Prediction
import Server
import Serving
import Synchronization
import TestSupport
import Testing
import Torch

/// Tests of other modules wait for programs on the few threads of Swift's concurrency, which the server and its clients need.
enum ServerTesting {
    /// Whether these tests run by themselves, as `make test` has it.
    static let isAlone = ProcessInfo.processInfo.environment["FOVEA_SERVER_TESTS"] == "alone"
    static let reason: Comment = "run by themselves, as `make test` does (FOVEA_SERVER_TESTS)"
}

/// A server with a small model, in this process, until the test ends.
final class RunningServer: Sendable {
    static let classes = ["a", "b, \"c\"", "d"]
    static let resolution = 32

    /// Where the model is.
    let folder: String
    let port: Int
    private let stopped: Stop
    private let done: Task<Void, any Error>

    private final class Stop: Sendable {
        let isWanted = Mutex(false)
    }

    /// Starts it with a model called "m": that in `model`, or else one of random weights.
    init(
        in folder: TemporaryFolder, model: String? = nil, limits: ServiceLimits = ServiceLimits(), token: String? = nil,
        batchSize: Int = 16,
        takesAnyImage: Bool = false
    ) async throws {
        self.folder = model ?? folder.path + "/model"
        if model == nil { try Self.saveModel(to: self.folder) }
        let stop = Stop()
        let context = ExecutionContext(device: .cpu, threads: 2, shouldStop: { stop.isWanted.withLock { $0 } })
        let server = try InferenceServer(
            [(name: "m", model: InferenceModel(self.folder, takesAnyImage: takesAnyImage, context))],
            at: ServerAddress(port: 0, token: token), batchSize: batchSize, limits: limits, context)
        let (ports, found) = AsyncStream.makeStream(of: Int.self)
        done = Task {
            defer { found.finish() }
            try await server.run { found.yield($0) }
        }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else {
            try await done.value
            throw CancellationError()
        }
        (self.port, stopped) = (port, stop)
    }

    private static func saveModel(to path: String) throws {
        try Folder.make(path)
        try Engine.seed(3)
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: classes,
            image: .init(resolution: resolution, crop: .fieldOfView), thresholds: [0.5, nil, 0.25])
        let bundle = ModelBundle(description, try description.makeClassifier())
        // Features are not negative, so something speaks for every class, and all have maps to look at.
        try Autograd.withoutGrad {
            let weight = bundle.classifier.head.weight.value
            try weight.copy(from: weight.abs())
        }
        try bundle.save(to: path)
    }

    /// Tells it to stop, as SIGTERM does.
    func beginStop() { stopped.isWanted.withLock { $0 = true } }

    /// Waits until it has stopped.
    func stop() async throws {
        beginStop()
        try await done.value
    }

    func connect(receiveBuffer: Int? = nil) throws -> RawSocket {
        try RawSocket(port: port, receiveBuffer: receiveBuffer)
    }

    /// The answer to one request on a connection of its own.
    func send(
        _ method: String = "GET", _ target: String, _ headers: [String: String] = [:], _ body: Data = Data()
    ) async throws -> RawSocket.Response {
        let socket = try connect()
        try await socket.request(method, target, headers, body)
        return try await socket.response(isHead: method == "HEAD")
    }
}
