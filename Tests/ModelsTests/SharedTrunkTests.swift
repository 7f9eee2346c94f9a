import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Testing
import Torch

/// One trunk for the whole image and its windows, with a head for each.
@Suite struct SharedTrunkTests {
    private static let description = ModelDescription(
        architecture: .mobilenetv1Short, classes: ["a", "b", "c"], image: ImageSettings(resolution: 32),
        regions: [
            ModelRegion(name: "disc", window: ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25), classes: ["c"]),
            ModelRegion(name: "macula", window: ImageWindow(x: 0.6, y: 0.5, halfSide: 0.25), classes: ["a", "c"]),
        ])

    private static func shared() throws -> ModelBundle {
        let shared = ModelBundle(description, try description.makeClassifier())
        for (name, parameter) in shared.classifier.namedParameters where parameter.value.rank >= 2 {
            let inputs = parameter.value.shape.dropFirst().reduce(1, *)
            try parameter.replace(seeded(name, parameter.value.shape, 3 / Double(inputs).squareRoot()))
        }
        shared.classifier.setTraining(false)
        return shared
    }

    private func parameter(_ bundle: ModelBundle, _ name: String) throws -> Tensor {
        try #require(bundle.classifier.namedParameters.first { $0.name == name }).parameter.value
    }

    @Test func logitsAreThoseOfTheHeadsOfTheirRegions() throws {
        let shared = try Self.shared()
        // Photograph by photograph: the whole image, then both windows.
        let bytes = pixels(6)
        let input = try PixelInput(Self.description.normalization, device: .cpu)
        let features = try Autograd.withoutGrad {
            try shared.classifier.backbone(input(bytes, count: 6, resolution: 32))
        }
        func row(_ image: Int) throws -> Tensor { try features.narrowed(0, from: image, length: 1) }
        func product(_ image: Int, _ name: String) throws -> [Float] {
            try row(image).matmul(parameter(shared, name + ".weight").transposed(0, 1)).array()
        }
        var expected: [Float] = []
        for photograph in 0..<2 {
            var logits = try product(3 * photograph, "classifier")
            logits[2] += try product(3 * photograph + 1, "regions.disc")[0]
            let macula = try product(3 * photograph + 2, "regions.macula")
            logits[0] += macula[0]
            logits[2] += macula[1]
            expected += logits
        }
        let found = try shared.predictor(device: .cpu).outputs(bytes, count: 2, resolution: 32, withFeatures: true)
        let scale = expected.map(abs).max() ?? 1
        #expect(scale > 0.01 && distance(found.logits, expected) < 1e-4 * scale)
        #expect(found.features.count == 2 * shared.classifier.featureCount)
        #expect(shared.classifier.featureCount == 3 * shared.classifier.backbone.featureCount)
    }

    @Test func gradientsReachEachHeadThroughTheSharedTrunk() throws {
        let shared = try Self.shared()
        let x = try Tensor.normal([6, 3, 32, 32])
        let logits = try shared.classifier(x)
        #expect(logits.shape == [2, 3])
        try logits.narrowed(1, from: 0, length: 1).sum().backward()
        func gradient(_ name: String) throws -> [Float] { try parameter(shared, name).grad?.array() ?? [] }
        #expect(try gradient("regions.macula.weight").contains { $0 != 0 })
        // Class a is not of the disc.
        #expect(try gradient("regions.disc.weight").allSatisfy { $0 == 0 })
    }

    @Test func oneFolderHoldsAllAndMapsAreThoseOfTheWholeImage() throws {
        let folder = try TemporaryFolder()
        let shared = try Self.shared()
        try shared.save(to: folder.path)
        let loaded = try ModelBundle.load(from: folder.path)
        #expect(loaded.description == Self.description && loaded.description.needsSides)
        let bytes = pixels(3)
        let expected = try shared.predictor(device: .cpu).logits(bytes, count: 1, resolution: 32)
        #expect(try loaded.predictor(device: .cpu).logits(bytes, count: 1, resolution: 32) == expected)
        let maps = try #require(try loaded.predictor(device: .cpu).maps(bytes, resolution: 32, classes: [0, 2]))
        #expect(!maps.isExact && maps.values.count == 2 * maps.rows * maps.columns)
        #expect(try loaded.classifier.multiplyAdds(resolution: 32) > 3e6)
    }
}
