import Backbones
import Basics
import Foundation
import NN
import TestSupport
import Testing
import Torch
import Weights

/// What is particular to transformers; `ParityTests` compares two of them with timm's whole.
@Suite(.serialized) struct VisionTransformerTests {
    /// What `parity.py` says of all transformers.
    private struct Expected: Decodable {
        let shapes: [String: String]
        let maeLogits: [[Double]]

        enum CodingKeys: String, CodingKey {
            case shapes
            case maeLogits = "mae_logits"
        }

        static func read() throws -> Expected {
            let url = URL(fileURLWithPath: Golden.folder + "/transformers.json")
            return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: url))
        }
    }

    private static let small = VisionTransformer.Size(width: 16, depth: 2, heads: 2, patch: 4)

    private static func network(
        _ pooling: VisionTransformer.Pooling = .mean, resolution: Int, classes: Int = 33, dropPath: Double = 0
    ) throws -> Classifier {
        try Classifier(
            VisionTransformer(small, pooling: pooling, resolution: resolution, dropPath: dropPath), classes: classes)
    }

    private static func load(_ network: Classifier, _ file: String) throws -> LoadReport {
        try network.load(WeightFile.open(file), headName: network.backbone.headName, .backbone())
    }

    @Test(arguments: Architecture.allCases.filter { $0.patch != nil })
    func namesAndShapesAreThoseOfTimm(_ architecture: Architecture) throws {
        let network = try Classifier(architecture.makeBackbone(), classes: 33)
        let lines = network.namedParameters.map { name, parameter in
            ([name] + parameter.value.shape.map(String.init)).joined(separator: " ") + "\n"
        }
        let sorted = lines.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let expected = try Expected.read().shapes[architecture.rawValue]
        #expect(Digest.sha256(sorted.joined()) == expected)
    }

    @Test func aMaskedAutoencoderAsThatOfRETFoundLoads() throws {
        let network = try Self.network(resolution: 24)
        let report = try Self.load(network, Golden.folder + "/mae.pth")
        #expect(report.missing == ["fc_norm.weight", "fc_norm.bias"])
        #expect(report.fitted == ["pos_embed (8 x 8 patches to 6 x 6)"])
        #expect(report.leftOut == ["decoder_blocks.0.norm1.weight", "decoder_pos_embed", "mask_token"])
        #expect(report.unexpected == ["norm.bias", "norm.weight"])
        #expect(report.wrongShape.isEmpty)
        #expect(report.description.contains("3 of the pre-training alone, left out: decoder_blocks.0.norm1.weight"))
        for (name, parameter) in network.namedParameters where name.hasPrefix("fc_norm.") || name.hasPrefix("head.") {
            try parameter.replace(hashed(name, parameter.value.shape))
        }
        network.setTraining(false)
        let logits = try Autograd.withoutGrad { try network(images(2, 24)).array(as: Double.self) }
        #expect(try scaledDifference(logits, Expected.read().maeLogits.flatMap { $0 }) < 1e-5)
    }

    @Test func aClassTokenNetworkTakesTheNormOfTheAutoencoder() throws {
        let report = try Self.load(Self.network(.classToken, resolution: 32), Golden.folder + "/mae.pth")
        #expect(report.missing.isEmpty)
        #expect(report.fitted.isEmpty && report.unexpected.isEmpty)
    }

    @Test func itsOwnFileIsNotFitted() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/model.safetensors"
        let saved = try Self.network(resolution: 32)
        try SafetensorsWriter.write(
            saved.namedParameters.map { try $0.parameter.value.source(named: $0.name) }, to: path)
        let again = try Self.network(resolution: 32).load(WeightFile.open(path), .everything)
        #expect(again.loaded.count == saved.namedParameters.count)
        let error = #expect(throws: FoveaError.self) {
            try Self.network(resolution: 24).load(WeightFile.open(path), .everything)
        }
        #expect(error?.message.contains("pos_embed (file [1, 65, 16], network [1, 37, 16])") == true)
    }

    @Test func positionEmbeddingsThatCannotBeFittedAreRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/other.safetensors"
        let network = try Self.network(resolution: 32)
        let sources = try network.namedParameters.map { name, parameter in
            try (name == "pos_embed" ? .zeros([1, 1 + 60, 16]) : parameter.value).source(named: name)
        }
        try SafetensorsWriter.write(sources, to: path)
        let error = #expect(throws: FoveaError.self) { try Self.load(network, path) }
        #expect(error?.message.contains("pos_embed (file [1, 61, 16], network [1, 65, 16])") == true)
    }

    @Test(arguments: [250, 8, 0]) func patchesMustTileTheImage(_ resolution: Int) throws {
        let error = #expect(throws: FoveaError.self) {
            try Architecture.vitTiny.makeBackbone(resolution: resolution)
        }
        #expect(error?.kind == .configuration)
        #expect(error?.message.contains("\(resolution) x \(resolution) pixels is not made of whole patches") == true)
        #expect(error?.remedy?.contains(resolution == 250 ? "240 or 256" : "16 or 32") == true)
        #expect(throws: FoveaError.self) { try Self.network(resolution: 32)(images(1, 30)) }
    }

    @Test func dropPathActsInTrainingOnlyAndOnWholeImages() throws {
        let network = try Self.network(resolution: 32, dropPath: 0.9)
        let one = try images(1, 32)
        let x = try Tensor.concatenated(Array(repeating: one, count: 64), in: 0)
        let rows = {
            let values = try Autograd.withoutGrad { try network(x).array() as [Float] }
            return Set(stride(from: 0, to: values.count, by: 33).map { Array(values[$0..<$0 + 33]) }).count
        }
        network.setTraining(true)
        // The first block stays; of the last, each image has or lacks attention and layers: four outcomes.
        #expect((2...4).contains(try rows()))
        network.setTraining(false)
        #expect(try rows() == 1)
    }

    @Test func droppingKeepsTheExpectation() throws {
        try Engine.seed(5)
        let branch = DropPath(0.25)
        let values = try branch(.ones([10_000, 2])).array() as [Float]
        #expect(Set(values) == [0, 4.0 / 3])
        #expect(stride(from: 0, to: values.count, by: 2).allSatisfy { values[$0] == values[$0 + 1] })
        #expect(abs(values.reduce(0, +) / Float(values.count) - 1) < 0.03)
    }

    @Test func bfloat16StaysCloseToFloat32() throws {
        let network = try Self.network(resolution: 32)
        for (name, parameter) in network.namedParameters { try parameter.replace(hashed(name, parameter.value.shape)) }
        network.setTraining(false)
        let x = try images(2, 32)
        let exact = try network(x)
        let rounded = try Autocast.run(.bfloat16, on: .cpu) { try network(x) }
        #expect(rounded.dtype == .float32)
        let difference = try scaledDifference(rounded.array(as: Double.self), exact.array(as: Double.self))
        #expect(difference > 0 && difference < 0.05, "\(difference)")
    }
}
