import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Prediction
import RunTestSupport
import TestSupport
import Testing
import Torch

/// `predict --output-folder`: tables that grow, and work that is resumed.
@Suite struct PredictionFolderTests {
    private let folder: TemporaryFolder
    private let context = ExecutionContext(device: .cpu, threads: 1)
    private let images: [NamedImage]
    private let model: InferenceModel

    init() throws {
        folder = try TemporaryFolder()
        let path = folder.path + "/model"
        try Folder.make(path)
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["a", "b, \"c\""],
            image: .init(resolution: 32, crop: .none))
        let classifier = try description.makeClassifier()
        try ModelBundle(description, classifier).save(to: path)
        try Self.calibrate(path, features: classifier.backbone.featureCount)
        model = try InferenceModel(path, operatingPoint: "sensitivity=0.9", takesAnyImage: true, context)
        try Folder.make(folder.path + "/images")
        for number in 0..<150 {
            let name = number == 70 ? "a, \"quoted\"\nname.png" : "\(number + 1000).png"
            if number % 37 == 5 {
                try folder.write(Data("not an image".utf8), to: "images/" + name)
            } else {
                try folder.image(number, to: "images/" + name)
            }
        }
        images = try ImageArguments.expand([folder.path + "/images"])
    }

    /// As `fovea calibrate` would, with made-up lines, one operating point and made-up training images.
    private static func calibrate(_ path: String, features: Int, seed: UInt64 = 1) throws {
        let weights = try ModelBundle.weightsHash(in: path)
        var random = SeededRandom(seed: seed)
        let training = (0..<40 * features).map { _ in Float(random.uniform()) }
        let familiarity = try Familiarity(fitting: training, count: 40).save(to: path, weights: weights)
        let contents = (10..<30).map { "\"\($0)\"" }.joined(separator: ", ")
        try Data(
            """
            {"classes": ["a", "b, \\"c\\""], "data": {"contents": [\(contents)], "hash": "", "images": 20, "path": "x", "split": "all"},
             "format": 1, "offset": [0.5, -0.5], "points": {"sensitivity": {"0.9": [0.6, null]}, "specificity": {}},
             "positives": [9, 9], "precision": "float32", "slope": [1.5, 0.5], "weights_sha256": "\(weights)",
             "familiarity_sha256": "\(familiarity)"}
            """.utf8
        ).write(to: URL(fileURLWithPath: path + "/calibration.json"))
    }

    private func predict(
        _ name: String, images: [NamedImage]? = nil, resume: Bool = false,
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws -> PredictionFolder.Summary {
        let context = ExecutionContext(device: .cpu, threads: 1, shouldStop: shouldStop)
        return try PredictionFolder(
            folder.path + "/" + name, model, images: images ?? self.images, shard: 40, isResuming: resume
        ).predict(context)
    }

    private func content(_ name: String) throws -> [String: Data] {
        let path = folder.path + "/" + name
        let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0 != ".lock" }
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: URL(fileURLWithPath: path + "/" + $0))) })
    }

    @Test func itHasWhatPredictHasInTheOrderOfTheInput() throws {
        let summary = try predict("out")
        #expect(summary.predicted == 146 && summary.unreadable == 4 && summary.nonFinite.isEmpty)
        let expected = try ModelPrediction(model, images: images, context)
        let names = Set(try content("out").keys)
        let kinds = ["calibrated", "findings", "images", "predictions"]
        #expect(
            names
                == Set(
                    kinds.flatMap { kind in (1...4).map { "\(kind)-0000\($0).csv" } } + [
                        "failures.csv", "predictions.json",
                    ]))
        func rows(_ kind: String, _ header: [String]) throws -> [[String]] {
            try (1...4).flatMap { number in
                let table = try CSVTable(path: folder.path + "/out/\(kind)-0000\(number).csv")
                #expect(table.header == ["image"] + header)
                return (0..<table.rowCount).map { row in table.header.indices.map { table[row, $0] } }
            }
        }
        let classes = ["a", "b, \"c\""]
        let predictions = try rows("predictions", classes)
        #expect(predictions.map { $0[0] } == expected.rows.map(\.image))
        #expect(predictions.map { Double($0[2]) } == expected.rows.map { Double($0.probabilities[1]) })
        #expect(
            try rows("calibrated", classes).map { Double($0[1]) }
                == expected.rows.map { $0.calibrated.map { Double($0[0]) } })
        let calibrated = expected.rows.compactMap { $0.calibrated?[0] }
        #expect(Set(calibrated).isDisjoint(with: expected.rows.map { $0.probabilities[0] }))
        let known = try rows("images", ["familiarity", "quality"])
        #expect(known.map { Double($0[1]) } == expected.rows.map(\.familiarity))
        // Noise is not a retina.
        #expect(known.allSatisfy { $0[2] == "not a fundus photograph" })
        // The class without a threshold is neither above nor below it.
        let findings = try rows("findings", classes)
        #expect(findings.map { $0[1] } == expected.rows.map { ($0.calibrated?[0] ?? 0) >= 0.6 ? "1" : "0" })
        #expect(findings.allSatisfy { $0[2].isEmpty })
        let failures = try CSVTable(path: folder.path + "/out/failures.csv")
        #expect((0..<failures.rowCount).map { failures[$0, 0] } == expected.failures.map(\.image))
    }

    /// As if the process had been killed at any moment: every file is cut at a place that it may have reached.
    @Test func whatWasCutAnywhereIsContinuedToTheSameTables() throws {
        _ = try predict("whole")
        let whole = try content("whole")
        let kinds = ["predictions", "calibrated", "findings", "images"]
        let tables = whole.keys.filter { name in kinds.contains { name.hasPrefix($0 + "-") } }.sorted()
        #expect(tables.count == 4 * kinds.count)
        var random = SeededRandom(seed: 3)
        for trial in 0..<12 {
            let name = "cut\(trial)"
            try FileManager.default.copyItem(atPath: folder.path + "/whole", toPath: folder.path + "/" + name)
            // The tables that were being written, each cut elsewhere, and everything after them.
            let last = random.index(below: tables.count / kinds.count)
            for file in tables {
                let path = folder.path + "/\(name)/" + file
                let number = try #require(Int(file.dropLast(4).suffix(5))) - 1
                if number == last {
                    truncate(path, off_t(random.index(below: whole[file]?.count ?? 0)))
                } else if number > last {
                    unlink(path)
                }
            }
            if trial % 2 == 0 {
                let count = whole["failures.csv"]?.count ?? 0
                truncate(folder.path + "/\(name)/failures.csv", off_t(random.index(below: count)))
            }
            _ = try predict(name, resume: true)
            #expect(try content(name) == whole, "trial \(trial)")
        }
    }

    @Test func whatWasStoppedIsContinued() throws {
        let calls = Counter()
        #expect(throws: CancellationError.self) { try predict("stopped", shouldStop: { calls.next() > 9 }) }
        let before = try content("stopped")
        let summary = try predict("stopped", resume: true)
        #expect(summary.predicted == 146 && summary.unreadable == 4)
        _ = try predict("whole")
        #expect(try content("stopped") == content("whole"))
        #expect(before != (try content("stopped")))
    }

    @Test func anotherFamiliarityIsNoticed() throws {
        _ = try predict("out")
        let place = folder.path + "/model"
        func refusal() -> FoveaError? {
            foveaError {
                let now = try InferenceModel(place, operatingPoint: "sensitivity=0.9", takesAnyImage: true, context)
                _ = try PredictionFolder(folder.path + "/out", now, images: images, shard: 40, isResuming: true)
            }
        }
        #expect(refusal() == nil)
        try Self.calibrate(place, features: model.featureCount, seed: 2)
        #expect(refusal()?.kind == .configuration)
        try Self.calibrate(place, features: model.featureCount)
        #expect(refusal() == nil)
        for name in try FileManager.default.contentsOfDirectory(atPath: place) where Familiarity.isName(name) {
            unlink(place + "/" + name)
        }
        let missing = refusal()
        #expect(missing?.kind == .data && missing?.remedy?.contains("`fovea calibrate`") == true)
    }

    @Test func foldersOfOtherWorkAreRefused() throws {
        _ = try predict("out")
        func message(_ body: () throws -> Void) -> String { foveaError { try body() }?.message ?? "none" }
        #expect(message { _ = try predict("out") }.hasSuffix("already holds predictions"))
        let others =
            "the predictions in \(folder.path)/out are of another model, calibration or familiarity, other images, "
            + "or another --at, --precision, --shard or --any-image than those given now"
        #expect(message { _ = try predict("out", images: Array(images.dropLast()), resume: true) } == others)
        let plain = try InferenceModel(folder.path + "/model", takesAnyImage: true, context)
        #expect(
            message {
                _ = try PredictionFolder(folder.path + "/out", plain, images: images, shard: 40, isResuming: true)
            }
                == others)
        try folder.write(Data("mine".utf8), to: "notes/mine.txt")
        #expect(message { _ = try predict("notes") }.contains("holds other files than predictions"))
        // Finished work is left as it is.
        let whole = try content("out")
        #expect(try predict("out", resume: true).predicted == 146)
        #expect(try content("out") == whole)
        // What is not a record of predictions says nothing about them.
        try folder.write("{\"classes\": [", to: "damaged/predictions.json")
        let damage = foveaError { _ = try predict("damaged", resume: true) }
        #expect(damage?.kind == .data && damage?.place?.path == folder.path + "/damaged/predictions.json")
        #expect(damage?.message.contains("is damaged") == true)
        // Another photograph under the same name.
        try Data(contentsOf: URL(fileURLWithPath: images[1].path)).write(to: URL(fileURLWithPath: images[0].path))
        #expect(message { _ = try predict("out", resume: true) } == others)
    }
}

/// Counts calls on any thread.
private final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}
