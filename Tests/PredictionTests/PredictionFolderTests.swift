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
        try ModelBundle(description, description.makeClassifier()).save(to: path)
        model = try InferenceModel(path, takesAnyImage: true, context)
        try Folder.make(folder.path + "/images")
        for number in 0..<150 {
            let name = number == 70 ? "a, \"quoted\"\nname.png" : "\(number + 1000).png"
            if number % 37 == 5 {
                try folder.write(Data("not an image".utf8), to: "images/" + name)
            } else {
                try folder.picture(number, to: "images/" + name)
            }
        }
        images = try ImageArguments.expand([folder.path + "/images"])
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
        let names = try content("out").keys.sorted()
        #expect(
            names == [
                "failures.csv", "predictions-00001.csv", "predictions-00002.csv", "predictions-00003.csv",
                "predictions-00004.csv", "predictions.json",
            ])
        var rows: [[String]] = []
        for name in names where name.hasPrefix("predictions-") {
            let table = try CSVTable(path: folder.path + "/out/" + name)
            #expect(table.header == ["image", "a", "b, \"c\""])
            rows += (0..<table.rowCount).map { row in (0..<3).map { table[row, $0] } }
        }
        #expect(rows.map { $0[0] } == expected.rows.map(\.image))
        #expect(rows.map { Double($0[2]) } == expected.rows.map { Double($0.probabilities[1]) })
        let failures = try CSVTable(path: folder.path + "/out/failures.csv")
        #expect((0..<failures.rowCount).map { failures[$0, 0] } == expected.failures.map(\.image))
    }

    /// As if the process had been killed at any moment: every file is cut at a place that it may have reached.
    @Test func whatWasCutAnywhereIsContinuedToTheSameTables() throws {
        _ = try predict("whole")
        let whole = try content("whole")
        let firsts = whole.keys.filter { $0.hasPrefix("predictions-") }.sorted()
        var random = SeededRandom(seed: 3)
        for trial in 0..<12 {
            let name = "cut\(trial)"
            try FileManager.default.copyItem(atPath: folder.path + "/whole", toPath: folder.path + "/" + name)
            // The last table that was begun, and everything after it.
            let last = random.index(below: firsts.count)
            for (number, file) in firsts.enumerated() where number >= last {
                let path = folder.path + "/\(name)/" + file
                if number == last {
                    truncate(path, off_t(random.index(below: whole[file]?.count ?? 0)))
                } else {
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

    @Test func foldersOfOtherWorkAreRefused() throws {
        _ = try predict("out")
        func message(_ body: () throws -> Void) -> String { foveaError { try body() }?.message ?? "none" }
        #expect(message { _ = try predict("out") }.hasSuffix("already holds predictions"))
        #expect(
            message { _ = try predict("out", images: Array(images.dropLast()), resume: true) }
                .contains("of another model, other images"))
        try folder.write(Data("mine".utf8), to: "notes/mine.txt")
        #expect(message { _ = try predict("notes") }.contains("holds other files than predictions"))
        // Finished work is left as it is.
        let whole = try content("out")
        #expect(try predict("out", resume: true).predicted == 146)
        #expect(try content("out") == whole)
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
