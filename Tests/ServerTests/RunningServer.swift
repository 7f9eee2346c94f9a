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
    /// Closed, it keeps images waiting for the network.
    let gate: Gate
    private let stopped: Stop
    private let done: Task<Void, any Error>

    private final class Stop: Sendable {
        let isWanted = Mutex(false)
    }

    /// Lets the network's thread pass while it is open, as it is at first.
    final class Gate: Sendable {
        private let semaphore = DispatchSemaphore(value: 1)

        func close() { semaphore.wait() }
        func open() { semaphore.signal() }

        fileprivate func pass() {
            close()
            open()
        }
    }

    /// Starts it with a model called "m": that in `model`, or else one of random weights.
    init(
        in folder: TemporaryFolder, model: String? = nil, limits: ServiceLimits = ServiceLimits(), token: String? = nil,
        batchSize: Int = 16, takesAnyImage: Bool = false, pixelLimit: Int = 100_000_000
    ) async throws {
        self.folder = model ?? folder.path + "/model"
        if model == nil { try Self.saveModel(to: self.folder, pixelLimit: pixelLimit) }
        let (stop, gate) = (Stop(), Gate())
        let context = ExecutionContext(device: .cpu, threads: 2, shouldStop: { stop.isWanted.withLock { $0 } })
        let server = try InferenceServer(
            [(name: "m", model: InferenceModel(self.folder, takesAnyImage: takesAnyImage, context))],
            at: ServerAddress(port: 0, token: token), batchSize: batchSize, limits: limits,
            willCompute: { [gate] in gate.pass() }, context)
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
        (self.port, self.gate, stopped) = (port, gate, stop)
    }

    /// Writes a model of random weights.
    static func saveModel(to path: String, pixelLimit: Int = 100_000_000, bias: Double = 0) throws {
        try Folder.make(path)
        try Engine.seed(3)
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: classes,
            image: .init(resolution: resolution, crop: .fieldOfView, pixelLimit: pixelLimit),
            thresholds: [0.5, nil, 0.25])
        let bundle = ModelBundle(description, try description.makeClassifier())
        // Features are not negative, so something speaks for every class, and all have maps to look at.
        try Autograd.withoutGrad {
            let weight = bundle.classifier.head.weight.value
            try weight.copy(from: weight.abs())
            try bundle.classifier.head.bias?.value.fill(bias)
        }
        try bundle.save(to: path)
    }

    /// A request to the Open Inference Protocol for all outputs of images of one colour; the answer is JSON.
    static func tensor(images: Int) -> (headers: [String: String], body: Data) {
        let pixels = Data(repeating: 9, count: images * resolution * resolution * 3)
        let head = Data(
            """
            {"inputs":[{"name":"pixels","datatype":"UINT8","shape":[\(images),\(resolution),\(resolution),3],
            "parameters":{"binary_data_size":\(pixels.count)}}]}
            """.utf8)
        return (["Inference-Header-Content-Length": "\(head.count)"], head + pixels)
    }

    /// The value of a line of `/metrics`.
    func metric(_ name: String) async throws -> Int {
        let lines = try await send("GET", "/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.count + 1)) } ?? -1
    }

    /// Waits until a line of `/metrics` has a value; for a minute at most.
    func waitUntil(_ name: String, _ isRight: (Int) -> Bool) async throws {
        let start = ContinuousClock.now
        while try await !isRight(metric(name)) {
            guard ContinuousClock.now - start < .seconds(60) else {
                throw RawSocket.Failure(description: "\(name) is \(try await metric(name))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
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
