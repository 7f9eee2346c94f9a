import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Phantoms
import Prediction
import RunTestSupport
import Server
import Serving
import TestSupport
import Testing
import Torch

/// That what is served is what `predict` says of the same photographs.
@Suite(.enabled(if: ServerTesting.isAlone, ServerTesting.reason)) struct ServedAnswerTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private struct Answer: Decodable {
        struct Image: Decodable {
            struct Finding: Decodable {
                struct Map: Decodable {
                    let png: Data
                    let exact: Bool
                    let coarse: Bool
                }
                let `class`: String
                let probability: Double
                let threshold: Double?
                let above: Bool?
                let map: Map?
            }
            let normal: Finding?
            let error: String?
            let width: Int?
            let height: Int?
            let findings: [Finding]
        }
        let images: [Image]
    }

    /// Photographs of phantoms.
    private func photographs() throws -> [(path: String, bytes: Data)] {
        _ = try PhantomDataset(.few(side: 96), folder: folder.path + "/phantoms").draw(threads: 2)
        let images = folder.path + "/phantoms/images"
        return try FileManager.default.contentsOfDirectory(atPath: images).sorted().prefix(4).map {
            name in
            (images + "/" + name, try Data(contentsOf: URL(fileURLWithPath: images + "/" + name)))
        }
    }

    private func multipart(_ files: [Data]) -> (headers: [String: String], body: Data) {
        var body = Data()
        for file in files {
            body +=
                Data("--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n".utf8) + file
                + Data("\r\n".utf8)
        }
        return (["Content-Type": "multipart/form-data; boundary=xx"], body + Data("--xx--\r\n".utf8))
    }

    @Test func anImageGetsTheSameAnswerAsFromPredict() async throws {
        let photographs = try photographs()
        let server = try await RunningServer(in: folder)
        let context = ExecutionContext(device: .cpu, threads: 2)
        let expected = try ModelPrediction(
            InferenceModel(server.folder, context),
            images: ImageArguments.expand(photographs.map(\.path)) { _ in }, context)
        let (headers, body) = multipart(photographs.map(\.bytes))
        let together = try await JSONDecoder().decode(
            Answer.self, from: server.send("POST", "/v1/predict?maps=findings", headers, body).body)
        for (number, row) in expected.rows.enumerated() {
            let alone = try await JSONDecoder().decode(
                Answer.self, from: server.send("POST", "/v1/predict", [:], photographs[number].bytes).body)
            for image in [alone.images[0], together.images[number]] {
                #expect(image.error == nil)
                let probabilities = Dictionary(uniqueKeysWithValues: image.findings.map { ($0.class, $0.probability) })
                for (name, probability) in zip(RunningServer.classes, row.probabilities) {
                    #expect(abs((probabilities[name] ?? 9) - Double(probability)) < 1e-5)
                }
                #expect(image.findings.first { $0.class == "b, \"c\"" }?.above == nil)
                for finding in image.findings where finding.threshold != nil {
                    #expect(finding.above == (finding.probability >= finding.threshold ?? 0))
                }
                // Those above their threshold first, each group by probability.
                let order = image.findings.map { ($0.above == true ? 1.0 : 0) + $0.probability / 2 }
                #expect(order == order.sorted(by: >))
            }
            #expect(alone.images[0].findings.allSatisfy { $0.map == nil })
            #expect(together.images[number].findings.contains { $0.map != nil })
        }
        try await server.stop()
    }

    @Test func aPortInUseIsNamed() async throws {
        let server = try await RunningServer(in: folder)
        let context = ExecutionContext(device: .cpu, threads: 1)
        let second = try InferenceServer(
            [(name: "m", model: InferenceModel(server.folder, context))], at: ServerAddress(port: server.port), context)
        let error = await #expect(throws: FoveaError.self) { try await second.run { _ in } }
        #expect(error?.message == "port \(server.port) of 127.0.0.1 is in use by another program")
        #expect(error?.kind == .environment && error?.remedy?.contains("--port") == true)
        try await server.stop()
    }

    /// The class of images without a finding is none, whatever its probability, and its map can be had.
    @Test func normalIsNotAFinding() async throws {
        try RunningServer.saveModel(to: folder.path + "/model")
        var description = try ModelBundle.description(in: folder.path + "/model")
        description.classes = ["normal", "x_y", "d"]
        description.classLabels = ["No finding", "X of Y", "d"]
        description.thresholds = [0, 0, 0]
        try JSONFormat.encoded(description).write(to: URL(fileURLWithPath: folder.path + "/model/config.json"))
        let server = try await RunningServer(in: folder, model: folder.path + "/model")
        let models = try await server.send("GET", "/v1/models").text
        #expect(models.contains(#""class_labels":["No finding","X of Y","d"]"#), "\(models)")
        #expect(models.contains(#""normal_class":"normal""#), "\(models)")
        let image = try photographs()[0].bytes
        for query in ["maps=all", "maps=findings"] {
            let response = try await server.send("POST", "/v1/predict?" + query, [:], image)
            let answer = try JSONDecoder().decode(Answer.self, from: response.body).images[0]
            #expect(answer.findings.map(\.class).sorted() == ["d", "x_y"])
            #expect(answer.findings.allSatisfy { $0.above == true && $0.map?.coarse == true })
            let normal = try #require(answer.normal)
            #expect(normal.class == "normal" && normal.above == nil && normal.threshold == nil)
            #expect((normal.map == nil) == (query == "maps=findings"))
        }
        try await server.stop()
    }

    @Test func aMapHasThePhotographsProportions() async throws {
        let server = try await RunningServer(in: folder, takesAnyImage: true)
        let wide = PixelImage(width: 1200, height: 600, red: 200, green: 90, blue: 40)
        let answer = try await JSONDecoder().decode(
            Answer.self, from: server.send("POST", "/v1/predict?map=d&map=a", [:], wide.png()).body)
        let image = try #require(answer.images.first)
        #expect(image.width == 1200 && image.height == 600)
        #expect(image.findings.filter { $0.map != nil }.map(\.class).sorted() == ["a", "d"])
        let map = try #require(image.findings.compactMap(\.map).first)
        #expect(map.exact)
        let layer = try ImageFile(name: "map", bytes: map.png).header()
        #expect(layer.width == 512 && layer.height == 256 && layer.channels == 4)
        try await server.stop()
    }

    @Test func whatIsNotAFundusPhotographIsRefused() async throws {
        let good = try photographs()[0].bytes
        let server = try await RunningServer(in: folder)
        let grey = try PixelImage(width: 64, height: 64, red: 90, green: 90, blue: 90).png()
        for (bytes, part) in [
            (grey, "the image is not a colour fundus photograph"), (Data("no image".utf8), "the image"),
            (good.prefix(500), "the image"),
        ] {
            let response = try await server.send("POST", "/v1/predict", [:], bytes)
            #expect(response.status == 422)
            #expect(response.error?.hasPrefix(part) == true, "\(response.text)")
        }
        // Of several images the others are answered.
        let (headers, body) = multipart([good, grey, Data(), good])
        let response = try await server.send("POST", "/v1/predict", headers, body)
        #expect(response.status == 200)
        let images = try JSONDecoder().decode(Answer.self, from: response.body).images
        #expect(images.map { $0.error == nil } == [true, false, false, true])
        #expect(images[3].findings.count == 3)
        try await server.stop()
    }

    /// By its header, though it could be read.
    @Test func anImageOfTooManyPixelsIsRefused() async throws {
        let server = try await RunningServer(in: folder, takesAnyImage: true, pixelLimit: 10_000)
        let (large, right) = try (PixelImage(width: 101, height: 100).png(), PixelImage(width: 100, height: 100).png())
        let response = try await server.send("POST", "/v1/predict", [:], large)
        #expect(response.status == 422)
        #expect(response.error?.contains("101 x 100 pixels, more than the limit of 10000") == true, "\(response.text)")
        #expect(try await server.send("POST", "/v1/predict", [:], right).status == 200)
        try await server.stop()
    }

    /// It compares what it computes with the network in the file.
    @Test func aModelThatIsNotTheOneInItsFileIsNotServed() throws {
        let path = folder.path + "/model"
        try RunningServer.saveModel(to: path)
        let context = ExecutionContext(device: .cpu, threads: 2)
        let model = try InferenceModel(path, context)
        try RunningServer.saveModel(to: path, bias: 1)
        let error = foveaError {
            _ = try InferenceServer([(name: "m", model: model)], at: ServerAddress(port: 0), context)
        }
        #expect(error?.kind == .engine)
    }

    @Test func tensorsAreAnsweredAsTheNetworkComputesThem() async throws {
        let server = try await RunningServer(in: folder, batchSize: 2)
        let side = RunningServer.resolution
        var random = SeededRandom(seed: 5)
        let pixels = (0..<3 * side * side * 3).map { _ in UInt8(random.index(below: 256)) }
        let context = ExecutionContext(device: .cpu, threads: 2)
        let expected = try InferenceModel(server.folder, context).answers(pixels, count: 3, withFeatures: true)
        let json = """
            {"inputs":[{"name":"pixels","datatype":"UINT8","shape":[3,\(side),\(side),3],"data":\(pixels)}],
             "outputs":[{"name":"logits","parameters":{"binary_data":true}},{"name":"features","parameters":{"binary_data":true}}]}
            """
        let response = try await server.send("POST", "/v2/models/m/infer", [:], Data(json.utf8))
        #expect(response.status == 200)
        let start = try #require(Int(response.headers["inference-header-content-length"] ?? ""))
        let values = response.body[start...].withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
        let all = expected.flatMap(\.logits) + expected.flatMap(\.features)
        #expect(values.count == all.count)
        #expect(zip(values, all).allSatisfy { abs($0 - $1) < 1e-4 })
        try await server.stop()
    }

    @Test func aModelOfSeveralImagesTakesFilesOnly() async throws {
        let path = folder.path + "/regions"
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["a", "b"], image: .init(resolution: 32),
            regions: [ModelRegion(name: "disc", window: ImageWindow(x: 0.3, halfSide: 0.25), classes: ["b"])])
        try Folder.make(path)
        try ModelBundle(description, try description.makeClassifier()).save(to: path)
        let server = try await RunningServer(in: folder, model: path)
        let metadata = try await server.send("GET", "/v2/models/m").text
        #expect(metadata.contains(#""inputs":[{"datatype":"BYTES","name":"images","shape":[-1]}]"#), "\(metadata)")
        #expect(try await server.send("GET", "/v1/models").text.contains(#""takes_pixels":false"#))
        let (headers, body) = RunningServer.tensor(images: 1)
        let refusal = try await server.send("POST", "/v2/models/m/infer", headers, body)
        #expect(refusal.status == 400 && refusal.error?.contains(#"must be "images""#) == true, "\(refusal.text)")
        let file = try photographs()[0].bytes.base64EncodedString()
        let json = #"{"inputs":[{"name":"images","datatype":"BYTES","shape":[1],"data":["\#(file)"]}]}"#
        let answer = try await server.send("POST", "/v2/models/m/infer", [:], Data(json.utf8))
        #expect(answer.status == 200, "\(answer.text)")
        try await server.stop()
    }

    @Test func manyRequestsAtOnceAreAllAnswered() async throws {
        let good = try photographs()[0].bytes
        var limits = ServiceLimits()
        limits.queue = 64
        let server = try await RunningServer(in: folder, limits: limits, batchSize: 4)
        let first = try await server.send("POST", "/v1/predict", [:], good).text
        let answers = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try await server.send("POST", "/v1/predict", [:], good).text } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.count == 16)
        for answer in answers {
            let (one, other) = try (
                JSONDecoder().decode(Answer.self, from: Data(first.utf8)),
                JSONDecoder().decode(Answer.self, from: Data(answer.utf8))
            )
            for (a, b) in zip(one.images[0].findings, other.images[0].findings) {
                #expect(a.class == b.class && abs(a.probability - b.probability) < 1e-5)
            }
        }
        try await server.stop()
    }
}
