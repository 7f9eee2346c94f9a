import Backbones
import Basics
import Foundation
import NN
import Testing
import Torch
import Weights

/// What is particular to EfficientNet-Lite0; `ParityTests` compares it with timm's whole.
@Suite struct EfficientNetLiteTests {
    /// What `parity.py imagenet` computed with the published weights.
    private struct Expected: Decodable {
        let sha256: String
        let first: [[Double]]
        let largest: [Int]
        let sum: [Double]
    }

    /// The published weights, which are not part of the project.
    private static let weights =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        + "/../../../shared/weights/efficientnet_lite0_imagenet.safetensors"

    @Test(.enabled(if: FileManager.default.fileExists(atPath: weights), "no published weights at hand"))
    func logitsAgreeWithThePublishedWeights() throws {
        let url = URL(fileURLWithPath: Golden.folder + "/imagenet.json")
        let expected = try JSONDecoder().decode(Expected.self, from: Data(contentsOf: url))
        try #require(Digest.sha256(fileAt: Self.weights) == expected.sha256)
        let file = try WeightFile.open(Self.weights)
        #expect(Architecture(holding: file) == .efficientNetLite0)
        let network = try Classifier(EfficientNetLite(), classes: 1000)
        let report = try network.load(file, .everything)
        #expect(report.loaded.count == 247)
        network.setTraining(false)
        let logits = try Autograd.withoutGrad { try network(images(2, 224)).array(as: Double.self) }
        for image in 0..<2 {
            let row = Array(logits[image * 1000..<(image + 1) * 1000])
            #expect(scaledDifference(Array(row.prefix(10)), expected.first[image]) < 1e-4)
            #expect(row.indices.max { row[$0] < row[$1] } == expected.largest[image])
            #expect(abs(row.reduce(0, +) - expected.sum[image]) < 1e-2)
        }
    }

    @Test func thePublishedNumberOfWeights() throws {
        func count(_ module: some Module) -> Int { module.trainable.reduce(0) { $0 + $1.parameter.value.count } }
        #expect(try count(EfficientNetLite()) == 3_371_008)
        #expect(try count(Classifier(EfficientNetLite(), classes: 1000)) == 4_652_008)
    }

    @Test func blocksWithAShortcutAreLeftOutWhileTraining() throws {
        let network = try Classifier(Architecture.efficientNetLite0.makeBackbone(dropPath: 0.9), classes: 3)
        let x = try images(4, 64)
        func outputs() throws -> [Float] { try Autograd.withoutGrad { try network(x).array() } }
        // The statistics of the batch norms would change too: only the draw of the blocks is looked at.
        network.setTraining(false)
        #expect(try outputs() == outputs())
        network.setTraining(true)
        #expect(try outputs() != outputs())
    }
}
