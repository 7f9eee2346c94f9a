import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Phantoms
import Prediction
import Reports
import RunTestSupport
import TestSupport
import Testing
import Torch

/// What `predict` does with images that are poor, of another kind, or not images.
@Suite struct QualityTests {
    private let folder: TemporaryFolder
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws {
        folder = try TemporaryFolder()
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["A", "B"], image: ImageSettings(resolution: 64))
        try Folder.make(folder.path + "/model")
        try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/model")
        let painter = PhantomPainter(seed: 3, side: 160)
        for number in 0..<3 {
            try folder.write(
                painter.paint(patient: number, eye: .left, findings: []).png(), to: "mixed/eye\(number).png")
        }
        var dark = try painter.paint(patient: 4, eye: .left, findings: [])
        dark.bytes = dark.bytes.map { $0 / 5 }
        try folder.write(dark.png(), to: "mixed/night.png")
        try folder.write(PixelImage(width: 1, height: 1, red: 90).png(), to: "mixed/one.png")
        try folder.write("no image", to: "mixed/notes.txt")
        try folder.write("no image", to: "mixed/broken.jpg")
        let odd =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
            + "/FundusImagingTests/Golden/odd/"
        for name in ["rgb16.png", "cmyk.jpg", "grey16.png"] {
            try folder.write(Data(contentsOf: URL(fileURLWithPath: odd + name)), to: "mixed/" + name)
        }
    }

    private func images() throws -> [NamedImage] { try ImageArguments.expand([folder.path + "/mixed"]) }

    private func model(any: Bool = false) throws -> InferenceModel {
        try InferenceModel(folder.path + "/model", takesAnyImage: any, context)
    }

    @Test func theRestOfAFolderIsPredicted() throws {
        let prediction = try ModelPrediction(model(), images: images(), context)
        #expect(prediction.rows.map(\.image).filter { $0.hasPrefix("eye") } == ["eye0.png", "eye1.png", "eye2.png"])
        #expect(prediction.rows.contains { $0.image == "night.png" })
        let refused = Set(prediction.failures.filter(\.isNotFundus).map(\.image))
        #expect(refused.isSuperset(of: ["one.png", "grey16.png"]))
        #expect(prediction.failures.filter { !$0.isNotFundus }.map(\.image) == ["broken.jpg"])
        #expect(
            prediction.failures.allSatisfy {
                $0.isNotFundus == $0.reason.contains("is not a colour fundus photograph: ")
            })
        #expect(prediction.failureCount?.contains("1 could not be read") == true)
        #expect(prediction.poorQuality?.contains("1 dark (night.png)") == true, "\(prediction.poorQuality ?? "none")")

        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(prediction.json().utf8)) as? [String: Any])
        #expect((document["not_fundus"] as? [[String: Any]])?.count == refused.count)
        let row = try #require(
            (document["predictions"] as? [[String: Any]])?.first { $0["image"] as? String == "night.png" })
        let quality = try #require(row["quality"] as? [String: Any])
        #expect(quality["not_fundus"] as? Bool == false && (quality["warnings"] as? [String])?.contains("dark") == true)
        #expect((quality["brightness"] as? Double).map { $0 < 0.14 } == true && quality["sharpness"] != nil)
        #expect(prediction.table().rows.allSatisfy { $0.count == 7 })
        // The table stays what `evaluate --predictions` reads.
        try folder.write(prediction.csv, to: "out.csv")
        #expect(try PredictionTable(path: folder.path + "/out.csv").classes == ["A", "B"])
    }

    @Test func anyImageIsPredictedOnRequest() throws {
        let prediction = try ModelPrediction(model(any: true), images: images(), context)
        #expect(prediction.failures.map(\.image) == ["broken.jpg"])
        #expect(prediction.rows.contains { $0.image == "one.png" })
        #expect(prediction.poorQuality?.contains("not a fundus photograph") == true)
        let some = try ModelPrediction(model(), images: images(), context)
        let eyes = prediction.rows.filter { $0.image.hasPrefix("eye") }
        for (one, other) in zip(eyes, some.rows) {
            #expect(zip(one.probabilities, other.probabilities).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }

    @Test func foldersListWhatIsRefused() throws {
        let images = try images()
        let summary = try PredictionFolder(folder.path + "/out", model(), images: images).predict(context)
        let alone = try ModelPrediction(model(), images: images, context)
        #expect(summary.predicted == alone.rows.count && summary.unreadable == alone.failures.count)
        let failures = try CSVTable(path: folder.path + "/out/failures.csv")
        let reasons = (0..<failures.rowCount).map { failures[$0, 1] }
        #expect(reasons.contains { $0.contains("is not a colour fundus photograph") })
        #expect(
            foveaError {
                _ = try PredictionFolder(folder.path + "/out", model(any: true), images: images, isResuming: true)
            }?.message.contains("--any-image") == true)
    }
}
