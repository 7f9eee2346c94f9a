import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import NN
import Prediction
import Reports
import RunFiles
import RunTestSupport
import Suggestions
import TestSupport
import Testing
import Torch

/// `fovea suggest` with a model of random weights.
@Suite struct ImageSuggestionsTests {
    private let folder: TemporaryFolder
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws {
        folder = try TemporaryFolder()
        ProgressReporter.isSilent = true
        try Engine.seed(1)
        try save([120, 3])
        for k in 0..<9 { try folder.image(k, to: "images/\(k).png") }
    }

    private var model: String { folder.path + "/model" }

    private func save(_ trainingImages: [Int]?) throws {
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["A", "B, \"b\""],
            image: ImageSettings(resolution: 32, crop: .none), trainingImages: trainingImages)
        try Folder.make(model)
        try ModelBundle(description, description.makeClassifier()).save(to: model)
    }

    private func suggest(
        _ count: Int = 100, by name: StrategyName = .rare, report: (ModelPrediction.Failure) -> Void = { _ in },
        log: @escaping (String) -> Void = { _ in }
    ) throws -> ImageSuggestions {
        let context = ExecutionContext(device: .cpu, threads: 1, logger: .telling(log))
        return try ImageSuggestions(
            InferenceModel(model, takesAnyImage: true, context),
            images: ImageArguments.expand([folder.path + "/images"]), count: count,
            by: name.strategy(seed: 0), context, report: report)
    }

    private func images(_ suggestions: ImageSuggestions) throws -> [String] {
        try folder.write(suggestions.csv, to: "s.csv")
        let table = try CSVTable(path: folder.path + "/s.csv")
        return (0..<table.rowCount).map { table[$0, 0] }
    }

    @Test func theTableHasTheReasons() throws {
        let found = try suggest(4)
        let probabilities = try ModelPrediction(
            InferenceModel(model, takesAnyImage: true, context),
            images: ImageArguments.expand([folder.path + "/images"]), context
        ).rows.map { Double($0.probabilities[1]) }
        #expect(probabilities[found.suggestions[0].image] == probabilities.max())
        try folder.write(found.csv, to: "s.csv")
        let table = try CSVTable(path: folder.path + "/s.csv")
        #expect(
            table.header == ["image", "rank", "score", "class", "probability", "training_images", "similarity"])
        #expect(table.rowCount == 4 && (0..<4).map { table[$0, 1] } == ["1", "2", "3", "4"])
        let best = try #require(probabilities.max())
        #expect(table[0, 3] == "B, \"b\"" && table[0, 5] == "3" && table[0, 6] == "")
        #expect(Double(table[0, 4]) == best && abs((Double(table[0, 2]) ?? 0) - best / 4) < 1e-12)
        #expect(found.table.rows.count == 4)
        let sum = probabilities.sorted().suffix(4).reduce(0, +)
        let mean = probabilities.reduce(0, +) / 9
        #expect(found.summary.hasPrefix("by their probabilities, which are not calibrated, these 4 of 9 images hold "))
        #expect(
            found.summary.contains(
                "hold \(NumberFormat.fixed(sum, decimals: 1)) findings of classes with 1 to 19 training images; "))
        #expect(found.summary.hasSuffix("hold \(NumberFormat.fixed(4 * mean, decimals: 1))"))
        let apart = try suggest(4, by: .rareDiverse)
        #expect(apart.suggestions.dropFirst().allSatisfy { 0...1.000001 ~= ($0.similarity ?? -1) })
        var features = ""
        try apart.writeFeatures { features += String(decoding: $0, as: UTF8.self) }
        #expect(features.split(separator: "\n").count == 10)
    }

    @Test func whatCannotBeReadIsNamedAndLeftOut() throws {
        let broken = try folder.write("no image", to: "images/broken.jpg")
        var told: [String] = []
        let found = try suggest { told.append($0.reason) }
        #expect(found.suggestions.count == 9 && found.failures.map(\.image) == ["broken.jpg"])
        #expect(told.count == 1 && told[0].contains(broken))
    }

    @Test func eachContentIsTakenOnceAndTheLabelledNever() throws {
        try FileManager.default.copyItem(
            atPath: folder.path + "/images/4.png", toPath: folder.path + "/images/again.png")
        var told: [String] = []
        #expect(try images(suggest(log: { told.append($0) })).sorted() == (0..<9).map { "\($0).png" })
        #expect(told.contains { $0.contains("is not the folder of a run with a split.csv") })
        // As if the model's run had trained on one and validated on another.
        func entry(_ name: String, _ part: String) throws -> String {
            try "\(name),\(part),\(Digest.sha256(fileAt: folder.path + "/images/\(name)"))\n"
        }
        let split = try "image,part,sha256\n" + entry("4.png", "training") + entry("7.png", "validation")
        try folder.write(split, to: "model/split.csv")
        try folder.write("{\"split\": \"\(Digest.sha256(split))\"}", to: "model/metrics.json")
        #expect(try images(suggest()).sorted() == [0, 1, 2, 3, 5, 6, 8].map { "\($0).png" })
        for k in [0, 1, 2, 3, 5, 6, 8] { unlink(folder.path + "/images/\(k).png") }
        let error = foveaError { _ = try suggest() }
        #expect(error?.kind == .data && error?.message.hasPrefix("all 3 images are in the table") == true)
    }

    @Test func withoutFewShotClassesTheSummarySpeaksOfAll() throws {
        try save([120, 30])
        #expect(try suggest(4).summary.contains("findings of all classes (none has 1 to 19 training images); "))
    }

    @Test func aModelThatDoesNotKnowItsTrainingImagesIsRefused() throws {
        try save(nil)
        let error = foveaError { _ = try suggest() }
        #expect(error?.kind == .data && error?.message.contains("training_images") == true)
    }

    @Test func outputsThatAreNotFiniteAreNotSuggested() throws {
        let bundle = try ModelBundle.load(from: model)
        let last = try #require(bundle.classifier.namedParameters.first { $0.name == "blocks.4.0.bn2.bias" })
        try Autograd.withoutGrad {
            try last.parameter.value.fill(1)
            try bundle.classifier.head.weight.value.fill(3e38)
        }
        try bundle.save(to: model)
        for name in StrategyName.allCases {
            let found = try suggest(by: name)
            #expect(found.suggestions.isEmpty && found.nonFinite.count == 9)
        }
    }
}
