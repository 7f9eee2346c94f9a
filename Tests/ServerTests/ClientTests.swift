import Basics
import Execution
import Foundation
import Phantoms
import Prediction
import RunTestSupport
import Serving
import TestSupport
import Testing
import Torch

/// Real clients, a browser and a reader of the OpenAPI document, in the Python environment that
/// `tools/python_environment.sh` makes and `make test` names in FOVEA_PYTHON.
@Suite(.serialized, .enabled(if: ServerTesting.isAlone, ServerTesting.reason)) struct ClientTests {
    private static let python = ProcessInfo.processInfo.environment["FOVEA_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
    private static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Python/"
    /// The program that was built with these tests.
    private static let fovea = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("fovea").path

    private let folder: TemporaryFolder
    private let images: String
    /// Phantoms, drawn once for all tests.
    nonisolated(unsafe) private static let phantoms = Result {
        let folder = try TemporaryFolder()
        let dataset = try PhantomDataset(.few(side: 256), folder: folder.path + "/phantoms")
        _ = try dataset.draw(threads: 2)
        return (folder, dataset.images)
    }

    init() throws {
        folder = try TemporaryFolder()
        images = try Self.phantoms.get().1
    }

    /// Runs a script; a status other than 0 fails the test. 77 is for what this machine lacks.
    ///
    /// - Returns: what it printed.
    @discardableResult private func run(
        _ script: String, _ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let python = try #require(Self.python)
        let (status, text) = try await waiting {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: python)
            process.arguments = [Self.scripts + script] + arguments
            let pipe = Pipe()
            (process.standardOutput, process.standardError) = (pipe, pipe)
            process.standardInput = FileHandle.nullDevice
            try process.run()
            let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (process.terminationStatus, text)
        }
        if status == 77 { print("Skipped: \(script): \(text.suffix(300))") }
        #expect(status == 0 || status == 77, "\(text.suffix(4000))", sourceLocation: sourceLocation)
        return text
    }

    private func withServer(
        _ limits: ServiceLimits = ServiceLimits(), _ body: (RunningServer, String) async throws -> Void
    ) async throws {
        let server = try await RunningServer(in: folder, limits: limits)
        try await body(server, "http://127.0.0.1:\(server.port)")
        try await server.stop()
    }

    /// What `predict` says of the photographs, as a file.
    private func expected(_ server: RunningServer) throws -> String {
        let context = ExecutionContext(device: .cpu, threads: 2)
        let prediction = try ModelPrediction(
            InferenceModel(server.folder, context), images: ImageArguments.expand([images]) { _ in }, context)
        return try folder.write(prediction.json(), to: "expected.json")
    }

    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"), arguments: ["triton_client.py", "kserve_client.py"])
    func clientsOfTheOpenInferenceProtocolGetWhatPredictSays(_ script: String) async throws {
        try await withServer { server, url in
            try await run(script, [url, "--images", images, "--expected", expected(server)])
        }
    }

    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"), arguments: ["curl.py", "metrics.py"])
    func curlAndPrometheusAreServed(_ script: String) async throws {
        try await withServer { _, url in try await run(script, [url, "--images", images]) }
    }

    /// With shorter limits and less load than by hand.
    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"))
    func pipelinesStallsAndGreedyCallersAreServed() async throws {
        var limits = ServiceLimits()
        (limits.bodySeconds, limits.idleSeconds) = (5, 5)
        try await withServer(limits) { _, url in
            try await run("sockets.py", [url, "--images", images, "--limit", "5", "--small"])
        }
    }

    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"))
    func everyAnswerIsOneOfTheOpenAPIDocument() async throws {
        try await withServer { _, url in try await run("openapi_fuzz.py", [url, "--images", images, "--seconds", "20"])
        }
    }

    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"))
    func thePageWorksInABrowser() async throws {
        try await withServer { _, url in
            let photographs = try FileManager.default.contentsOfDirectory(atPath: images).sorted().prefix(3)
            try await run("page_test.py", [url] + photographs.map { images + "/" + $0 })
        }
    }

    @Test(.enabled(if: python != nil && PhantomMaps.hasWeights, "needs FOVEA_PYTHON and published weights"))
    func theMapOnThePageLiesOnTheLesion() async throws {
        let finding = PhantomFinding.choroidalNaevus
        let maps = try PhantomMaps(
            in: folder.path, DrawnEye.withAndWithout(finding, patients: 80), findings: [finding], side: 128,
            settings: PhantomMaps.recipe(epochs: 4, batchSize: 12))
        let (image, x, y) = try #require(try maps.example(finding))
        let server = try await RunningServer(in: folder, model: maps.run)
        // The middle of the lesion and the peak lie in the same of the map's 8 x 8 cells.
        try await run(
            "page_test.py",
            [
                "http://127.0.0.1:\(server.port)", image, "--class", finding.rawValue, "--lesion", "\(x),\(y),0.1",
                "--only", "map_lies",
            ])
        try await server.stop()
    }

    /// A third of the requests are bad; FOVEA_SOAK_REQUESTS sets more than 2,000.
    @Test(.enabled(if: python != nil, "needs FOVEA_PYTHON"))
    func manyRequestsLeaveNothingBehind() async throws {
        let requests = ProcessInfo.processInfo.environment["FOVEA_SOAK_REQUESTS"] ?? "2000"
        try await withServer { server, _ in
            try await run(
                "soak.py", [Self.fovea, server.folder, "--images", images, "--requests", requests, "--warm-up", "1000"])
        }
    }

    @Test func theDocumentHasTheProgramsVersion() async throws {
        try await withServer { server, _ in
            let text = try await server.send("GET", "/openapi.yaml").text
            #expect(text.contains("\n  version: \(Program.version)\n"))
        }
    }
}
