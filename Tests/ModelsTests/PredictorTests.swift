import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Testing
import Torch

@Suite struct PredictorTests {
    /// The network's own logits, from pixels normalised by hand.
    private static func expected(_ bundle: ModelBundle, _ bytes: [UInt8], _ count: Int) throws -> [Float] {
        let normalization = bundle.description.normalization
        let side = 32
        var planes = [Float](repeating: 0, count: bytes.count)
        for n in 0..<count {
            for pixel in 0..<side * side {
                for channel in 0..<3 {
                    let value = Double(bytes[(n * side * side + pixel) * 3 + channel]) / 255
                    planes[(n * 3 + channel) * side * side + pixel] = Float(
                        (value - normalization.mean[channel]) / normalization.deviation[channel])
                }
            }
        }
        bundle.classifier.setTraining(false)
        let logits: [Float] = try Autograd.withoutGrad {
            try bundle.classifier(Tensor(planes, shape: [count, 3, side, side])).array()
        }
        #expect((logits.map(abs).max() ?? 0) > 0.1)
        return logits
    }

    @Test func predictionIsTheNetworkInEvaluationMode() throws {
        let bundle = try bundle()
        let bytes = pixels(3)
        let expected = try Self.expected(bundle, bytes, 3)
        bundle.classifier.setTraining(true)
        let predictor = try Predictor(
            bundle.classifier, bundle.description.normalization, device: .cpu, precision: .float32)
        let found = try predictor.logits(bytes, count: 3, resolution: 32)
        #expect(distance(found, expected) < 1e-4 * (expected.map(abs).max() ?? 1))
        #expect(try predictor.logits(bytes, count: 3, resolution: 32) == found, "prediction changes nothing")
    }

    @Test func foldingChangesNothingBeyondRounding() throws {
        let bundle = try bundle()
        let bytes = pixels(2)
        let expected = try Self.expected(bundle, bytes, 2)
        let found = try bundle.predictor(device: .cpu).logits(bytes, count: 2, resolution: 32)
        #expect(distance(found, expected) < 1e-4 * max(1, expected.map(abs).max() ?? 1))
    }

    /// Convolutions with their activations and sums in one operator, the second time from weights already packed, for
    /// batches of other sizes than the first.
    @Test(arguments: [Architecture.resnet18, .resnet50, .mobilenetv1, .mobilenetv1Symmetric, .efficientNetLite0])
    func fusingChangesNothingBeyondRounding(_ architecture: Architecture) throws {
        let side = 50
        let description = ModelDescription(
            architecture: architecture, classes: ["a", "b"], image: ImageSettings(resolution: side))
        let bundle = ModelBundle(description, try description.makeClassifier())
        for (name, parameter) in bundle.classifier.namedParameters where parameter.value.rank >= 2 {
            // Large enough that ReLU6 limits some.
            let inputs = parameter.value.shape.dropFirst().reduce(1, *)
            try parameter.replace(seeded(name, parameter.value.shape, (6.0 / Double(inputs)).squareRoot()))
        }
        let fused = try bundle.predictor(device: .cpu)
        let plain = try Predictor(
            bundle.copy().classifier, description.normalization, device: .cpu, precision: .float32, folding: true)
        var random = SeededRandom(seed: 1)
        let bytes = (0..<3 * side * side * 3).map { _ in UInt8(random.index(below: 256)) }
        for count in [1, 3, 1] {
            let part = Array(bytes.prefix(count * side * side * 3))
            let (found, expected) = (
                try fused.outputs(part, count: count, resolution: side, withFeatures: true),
                try plain.outputs(part, count: count, resolution: side, withFeatures: true)
            )
            let scale = max(1, expected.logits.map(abs).max() ?? 1)
            #expect(distance(found.logits, expected.logits) < 1e-5 * scale, "\(count) images")
            let length = max(1, expected.features.map(abs).max() ?? 1)
            #expect(distance(found.features, expected.features) < 1e-5 * length, "\(count) images")
            #expect(try fused.outputs(part, count: count, resolution: side, withFeatures: true) == found)
        }
        let one = Array(bytes.prefix(side * side * 3))
        let maps = try #require(try fused.maps(one, resolution: side, classes: [0, 1]))
        let others = try #require(try plain.maps(one, resolution: side, classes: [0, 1]))
        #expect(maps.isExact)
        #expect(distance(maps.values, others.values) < 1e-5 * max(1, others.values.map(abs).max() ?? 1))
    }

    /// Maps that come with the logits are those of the image alone, and change nothing else; gradients need a pass of their own.
    @Test(arguments: [Architecture.resnet18, .mobilenetv1Short, .vitTinyMean, .vitTiny])
    func mapsAreOfTheSamePass(_ architecture: Architecture) throws {
        let side = 32
        let description = ModelDescription(
            architecture: architecture, classes: ["a", "b", "c"], image: ImageSettings(resolution: side))
        let bundle = ModelBundle(description, try description.makeClassifier())
        for (name, parameter) in bundle.classifier.namedParameters where parameter.value.rank >= 2 {
            let inputs = parameter.value.shape.dropFirst().reduce(1, *)
            try parameter.replace(seeded(name, parameter.value.shape, (6.0 / Double(inputs)).squareRoot()))
        }
        let predictor = try bundle.predictor(device: .cpu)
        let bytes = pixels(3)
        let plain = try predictor.outputs(bytes, count: 3, resolution: side, withFeatures: true)
        let found = try predictor.outputs(bytes, count: 3, resolution: side, withFeatures: true, withMaps: true)
        #expect(found.logits == plain.logits && found.features == plain.features && plain.maps.isEmpty)
        guard architecture != .vitTiny else { return #expect(found.maps.isEmpty) }
        #expect(found.maps.count == 3)
        for (number, maps) in found.maps.enumerated() {
            let image = Array(bytes[number * side * side * 3..<(number + 1) * side * side * 3])
            let alone = try #require(try predictor.maps(image, resolution: side, classes: [2, 0]))
            let chosen = maps.selecting([2, 0])
            #expect(chosen.rows == alone.rows && chosen.columns == alone.columns && chosen.isExact)
            let scale = max(1, alone.values.map(abs).max() ?? 1)
            #expect(distance(chosen.values, alone.values) < 1e-5 * scale)
        }
    }

    @Test func anImageHasTheSameLogitsInBatchesOfAnySize() throws {
        let count = 9
        let bytes = pixels(count)
        let predictor = try bundle().predictor(device: .cpu)
        let together = try predictor.logits(bytes, count: count, resolution: 32)
        let classes = together.count / count
        for n in 0..<count {
            let alone = try predictor.logits(Array(bytes[n * 3072..<(n + 1) * 3072]), count: 1, resolution: 32)
            #expect(distance(alone, Array(together[n * classes..<(n + 1) * classes])) < 1e-5)
        }
    }

    @Test func bfloat16IsClose() throws {
        let bundle = try bundle()
        let bytes = pixels(2)
        let expected = try Self.expected(bundle, bytes, 2)
        let predictor = try Predictor(
            bundle.classifier, bundle.description.normalization, device: .cpu, precision: .bfloat16)
        let found = try predictor.logits(bytes, count: 2, resolution: 32)
        #expect(found != expected)
        #expect(distance(found, expected) < 0.1 * (expected.map(abs).max() ?? 1))
    }

    @Test func aCacheIsPredictedInTheOrderOfItsItemsWhateverTheBatches() throws {
        let folder = try TemporaryFolder()
        let paths = try (0..<5).map { i in
            let path = folder.path + "/\(i).png"
            let image = try PixelImage(width: 32, height: 32, bytes: Array(pixels(5)[i * 3072..<(i + 1) * 3072]))
            try image.png().write(to: URL(fileURLWithPath: path))
            return path
        }
        let cache = try ImageCache.open(
            paths: paths, settings: ImageSettings(resolution: 32, crop: .none), folder: folder.path + "/cache")
        let bundle = try bundle()
        let predictor = try Predictor(
            bundle.classifier, bundle.description.normalization, device: .cpu, precision: .float32)
        let rows = [3, 0, 4, 4, 1, 2]
        let items = rows.map { BatchItem(row: $0, view: 0) }
        var done: [Int] = []
        let found = try predictor.logits(cache: cache, items: items, batchSize: 4, progress: { done.append($0) })
        #expect(done == [4, 6])
        let single = try predictor.logits(pixels(5), count: 5, resolution: 32)
        let scale = single.map(abs).max() ?? 1
        for (i, row) in rows.enumerated() {
            let (mine, own) = (Array(found[i * 3..<i * 3 + 3]), Array(single[row * 3..<row * 3 + 3]))
            #expect(distance(mine, own) < 1e-4 * scale, "item \(i)")
        }
        #expect(throws: CancellationError.self) {
            try predictor.logits(cache: cache, items: items, shouldStop: { true })
        }
    }

    @Test func probabilitiesFollowTheKindOfLabels() throws {
        let logits: [Float] = [0, log(3), -log(3), 1, 1, 1]
        var description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["a", "b", "c"], image: ImageSettings(resolution: 32))
        let multi = try description.probabilities(logits)
        #expect(distance(Array(multi.prefix(3)), [0.5, 0.75, 0.25]) < 1e-6)
        description.labels = .single
        let single = try description.probabilities(logits)
        #expect(distance(single, [3 / 13, 9 / 13, 1 / 13, 1 / 3, 1 / 3, 1 / 3]) < 1e-6)
        // A class that was never trained takes no share of the others' probability.
        description.trainingImages = [5, 3, 0]
        #expect(try distance(description.probabilities(logits), [1 / 4, 3 / 4, 0, 1 / 2, 1 / 2, 0]) < 1e-6)
        #expect(try description.probabilities([]) == [])
    }
}
