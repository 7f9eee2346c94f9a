import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Testing
import Torch

@Suite struct ModelBundleTests {
    private static func values(_ bundle: ModelBundle) throws -> [String: [Float]] {
        Dictionary(
            uniqueKeysWithValues: try bundle.classifier.namedParameters.map {
                ($0.name, try $0.parameter.value.array())
            })
    }

    @Test func whatIsSavedIsLoaded() throws {
        let folder = try TemporaryFolder()
        let saved = try bundle(thresholds: [0.25, nil, 0.5])
        try saved.save(to: folder.path)
        let loaded = try ModelBundle.load(from: folder.path)
        #expect(loaded.description == saved.description)
        #expect(loaded.description.thresholds == [0.25, nil, 0.5])
        #expect(try Self.values(loaded) == Self.values(saved))
        let x = try Tensor.normal([2, 3, 32, 32])
        loaded.classifier.setTraining(false)
        let difference = try distance(loaded.classifier(x).array(), saved.classifier(x).array())
        #expect(difference < 1e-5)
    }

    /// A transformer keeps an embedding for each patch, so its bundle must know the resolution.
    @Test func aTransformerIsLoadedForItsResolution() throws {
        let folder = try TemporaryFolder()
        let description = ModelDescription(
            architecture: .vitTiny, classes: ["A", "B"], image: ImageSettings(resolution: 48), dropPath: 0.1)
        let saved = ModelBundle(description, try description.makeClassifier())
        try saved.save(to: folder.path)
        let loaded = try ModelBundle.load(from: folder.path)
        #expect(loaded.description == description && loaded.description.dropPath == 0.1)
        let positions = try #require(loaded.classifier.namedParameters.first { $0.name == "pos_embed" })
        #expect(positions.parameter.value.shape == [1, 1 + 3 * 3, 192])
        #expect(try Self.values(loaded) == Self.values(saved))
        let path = folder.path + "/config.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try Data(text.replacing("\"resolution\" : 48", with: "\"resolution\" : 50").utf8)
            .write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data && error?.message.contains("not made of whole patches") == true)
    }

    @Test func aClassWithoutThresholdIsNullInTheFile() throws {
        let folder = try TemporaryFolder()
        try bundle(thresholds: [0.25, nil, 0.5]).save(to: folder.path)
        let text = try String(contentsOfFile: folder.path + "/config.json", encoding: .utf8)
        let json = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let thresholds = try #require(json["thresholds"] as? [Any])
        #expect(thresholds.count == 3 && thresholds[1] is NSNull)
        #expect(thresholds[0] as? Double == 0.25)
    }

    /// The class that is never a finding: the one that was named, else by its name, else by what people call it.
    @Test func theNormalClassIsFound() throws {
        var description = ModelDescription(
            architecture: .resnet18, classes: ["DR", "N", "other"], image: ImageSettings(resolution: 32))
        #expect(description.normal == nil && description.titles == ["DR", "N", "other"])
        description.classLabels = ["Diabetic retinopathy", "Normal", "Other"]
        #expect(description.normal == 1 && description.titles[0] == "Diabetic retinopathy")
        description.normalClass = "other"
        #expect(description.normal == 2)
        let folder = try TemporaryFolder()
        try ModelBundle(description, try description.makeClassifier()).save(to: folder.path)
        #expect(try ModelBundle.load(from: folder.path).description == description)
    }

    @Test func thresholdsMayBeLeftOut() throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        #expect(try ModelBundle.load(from: folder.path).description.thresholds == nil)
    }

    /// `Golden/format-1.json` is a description as versions of format 1 wrote it.
    @Test func aModelOfFormat1IsReadAndPredictsTheSame() throws {
        let folder = try TemporaryFolder()
        let saved = try bundle(thresholds: [0.25, nil, 0.5])
        try saved.save(to: folder.path)
        let path = folder.path + "/config.json"
        let written = try Data(contentsOf: URL(fileURLWithPath: path))
        let golden = try Data(
            contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
                .appending(path: "Golden/format-1.json"))
        #expect(String(decoding: golden, as: UTF8.self).contains("\"trainingImages\""), "the test shows nothing")
        try golden.write(to: URL(fileURLWithPath: path))
        let loaded = try ModelBundle.load(from: folder.path)
        #expect(loaded.description == saved.description && loaded.description.trainingImages == [0, 7, 14])
        let x = try seeded("images", [2, 3, 32, 32], 1.7)
        loaded.classifier.setTraining(false)
        let (found, expected): ([Float], [Float]) = try (loaded.classifier(x).array(), saved.classifier(x).array())
        #expect(found == expected && Set(found).count == 6)
        // What is written again has the form of this version.
        try loaded.save(to: folder.path)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == written)
        let text = String(decoding: written, as: UTF8.self)
        #expect(text.contains("\"format\" : 2") && text.contains("\"training_images\" : ["))
        #expect(!text.contains(/"[a-z]+[A-Z]/))
    }

    /// A fault is named by the key that the file has.
    @Test(arguments: [
        ("\"pixelLimit\" : 100000000", "\"pixelLimit\" : \"x\"", "image.pixelLimit: found the text \"x\""),
        ("    14\n", "    -14\n", "trainingImages[2] is negative"),
    ]) func aFaultOfFormat1IsNamedByItsKey(_ good: String, _ bad: String, _ words: String) throws {
        let folder = try TemporaryFolder()
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden/format-1.json")
        let text = try String(contentsOf: golden, encoding: .utf8)
        #expect(text.contains(good), "the test shows nothing")
        try AtomicFile.write(text.replacing(good, with: bad), to: folder.path + "/config.json")
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test func aCopyIsIndependent() throws {
        let original = try bundle()
        let before = try Self.values(original)
        let copy = try original.copy()
        #expect(copy.description == original.description)
        #expect(try Self.values(copy) == before)
        try copy.classifier.backbone.foldBatchNorms(fusing: false)
        try Autograd.withoutGrad { try copy.classifier.head.weight.value.fill(0) }
        #expect(try Self.values(original) == before)
    }

    @Test func headsOnOneTrunkBecomeOneNetwork() throws {
        let first = try bundle()
        let second = try bundle()
        try Autograd.withoutGrad {
            try second.classifier.head.weight.value.copy(
                from: seeded("other head", second.classifier.head.weight.value.shape, 1))
            try second.classifier.head.bias?.value.copy(from: seeded("other bias", [3], 1))
        }
        let whole = try #require(try ModelBundle.joined([first, second]))
        let images = try seeded("images", [4, 3, 32, 32], 1.7)
        func logits(_ bundle: ModelBundle) throws -> [[Float]] {
            bundle.classifier.setTraining(false)
            let flat: [Float] = try Autograd.withoutGrad { try bundle.classifier(images).array() }
            let width = bundle.description.classes.count
            return (0..<4).map { Array(flat[$0 * width..<($0 + 1) * width]) }
        }
        let expected = try zip(logits(first), logits(second)).map(+)
        let found = try logits(whole)
        #expect(found.count == 4 && zip(found, expected).allSatisfy { distance($0, $1) < 1e-5 })
        #expect(expected.allSatisfy { $0[..<3] != $0[3...] })
        // One weight of the trunk apart, and they are two.
        let (_, parameter) = try #require(second.classifier.namedParameters.first)
        try Autograd.withoutGrad { try parameter.value.copy(from: parameter.value * 1.001) }
        #expect(try ModelBundle.joined([first, second]) == nil)
    }

    @Test func anEmptyFolderHoldsNoModel() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("config.json is missing") == true)
    }

    @Test func missingWeightsAreAnError() throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        try FileManager.default.removeItem(atPath: folder.path + "/model.safetensors")
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data && error?.message.contains("model.safetensors") == true)
    }

    @Test func weightsOfAnotherNumberOfClassesAreAnError() throws {
        let folder = try TemporaryFolder()
        try bundle(classes: 4).save(to: folder.path)
        let other = try TemporaryFolder()
        try bundle(classes: 3).save(to: other.path)
        try FileManager.default.removeItem(atPath: folder.path + "/config.json")
        try FileManager.default.copyItem(atPath: other.path + "/config.json", toPath: folder.path + "/config.json")
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data && error?.message.contains("classifier.weight") == true)
    }

    /// The weights' table of contents is read before a network is built.
    @Test(arguments: [20_001, 1_000_000]) func aHeadIsNotMadeForClassesThatTheWeightsDoNotHave(_ count: Int) throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        let path = folder.path + "/config.json"
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
        func refusal(_ classes: Int) throws -> FoveaError? {
            json["classes"] = (0..<classes).map { "\($0)" }
            json["thresholds"] = nil
            json["training_images"] = nil
            try JSONSerialization.data(withJSONObject: json).write(to: URL(fileURLWithPath: path))
            return #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        }
        let error = try refusal(count)
        #expect(error?.kind == .data && error?.message.contains("names \(count) classes; at most 20000") == true)
        let allowed = try refusal(20_000)
        #expect(allowed?.message.contains("no layer with an output for each of the 20000 classes") == true)
        #expect(allowed?.message.contains("classifier.weight [3, 1024]") == true)
    }

    /// What is changed in a good `config.json` (nil takes the key out), and what the message must say.
    private static let faults: [(key: String, value: String?, says: String)] = [
        ("architecture", "\"resnet19\"", "architecture: found \"resnet19\"; allowed: resnet18, "),
        ("architecture", nil, "the key architecture is missing"),
        ("classes", "\"one\"", "classes: found the text \"one\"; a list is expected"),
        ("classes", "[]", "classes is empty"),
        ("classes", "[\"a\", \"b\", \"a\"]", "classes[0] and classes[2] are both \"a\""),
        ("thresholds", "[0.5]", "thresholds has 1 entry, but there are 3 classes"),
        ("thresholds", "[0.5, 1.5, null]", "thresholds[1] is 1.5; allowed are 0 to 1 and null"),
        ("thresholds", "[0.5, \"x\", null]", "thresholds[1]: found the text \"x\"; a number is expected"),
        ("class_labels", "[\"one\"]", "class_labels has 1 entry, but there are 3 classes"),
        ("normal_class", "\"none\"", "normal_class is \"none\", which is none of classes"),
        ("training_images", "[1, 2]", "training_images has 2 entries, but there are 3 classes"),
        ("training_images", "[1, 2, -3]", "training_images[2] is negative"),
        ("training_images", "[1, 2, 2.5]", "training_images: found the number 2.5"),
        ("training_images", "[1, 2, \"x\"]", "training_images[2]: found the text \"x\""),
        ("drop_path", "1.5", "drop_path is 1.5; allowed are 0 and more, below 1"),
        ("drop_path", "true", "drop_path: found "),
        ("labels", "\"many\"", "labels: found \"many\"; allowed: multi, single"),
        ("labels", "3", "labels: found 3; a text is expected"),
        ("labels", "null", "labels: found null; a text is expected"),
        (
            "image", "{\"resolution\": 32, \"crop\": \"round\"}",
            "image.crop: found \"round\"; allowed: none, field_of_view"
        ),
        ("dropout", "1.5", "dropout is 1.5; allowed are 0 and more, below 1"),
        ("format", "4", "format 4; this version of Fovea reads 1 to 3"),
        ("normalization", "{\"mean\": [0.5], \"deviation\": [0.5]}", "normalization.mean is [0.5]"),
        (
            "normalization", "{\"mean\": [0, 0, 0], \"deviation\": [1, 0, 1]}",
            "normalization.deviation is [1.0, 0.0, 1.0]"
        ),
        (
            "image", "{\"resolution\": 3, \"crop\": \"none\", \"local_contrast\": false, \"pixel_limit\": 9}",
            "resolution is 3"
        ),
        (
            "image", "{\"resolution\": 32, \"crop\": \"none\", \"local_contrast\": false, \"pixel_limit\": 0}",
            "pixel_limit is 0"
        ),
        (
            "image", "{\"resolution\": 32, \"crop\": \"none\", \"local_contrast\": false}",
            "the key image.pixel_limit is missing"
        ),
        (
            "image", "{\"resolution\": 32, \"crop\": \"none\", \"local_contrast\": 1, \"pixel_limit\": 9}",
            "image.local_contrast: found 1; true or false is expected"
        ),
        ("image", nil, "the key image is missing"),
    ]

    @Test(arguments: faults.indices) func aMalformedConfigurationIsAnErrorThatNamesTheFile(_ number: Int) throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        let path = folder.path + "/config.json"
        let (key, value, says) = Self.faults[number]
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        var json = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
        json[key] = try value.map {
            try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
        }
        try JSONSerialization.data(withJSONObject: json).write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error.kind == .data)
        #expect(error.message.contains(path) && error.message.contains(says), "\(error.message)")
    }

    /// Numbers that JSON allows and that no variable holds; the decoder says neither key nor place.
    @Test(arguments: [
        ("\"dropout\" : 0.2", "\"dropout\" : 1e999", "dropout: found the number 1e999 (line "),
        ("\"dropout\" : 0.2", "\"dropout\" : -1e999", "a number of magnitude at most 1.79"),
        ("\"resolution\" : 32", "\"resolution\" : 32.5", "resolution: found the number 32.5 (line "),
        ("\"resolution\" : 32", "\"resolution\" : 99999999999999999999", "a whole number of at most 64 bits"),
    ])
    func anImpossibleNumberIsNamedWithItsKey(_ good: String, _ bad: String, _ words: String) throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        let path = folder.path + "/config.json"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(good), "the test shows nothing")
        try AtomicFile.write(text.replacing(good, with: bad), to: path)
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data && error?.message.contains(path) == true)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("", "not JSON: unexpected end of file"), ("{", "not JSON: unexpected end of file"), ("[1]", "config.json"),
        ("not json", "not JSON: invalid value (line 1, column 2)"),
        ("{\"classes\": [\"a\"]}", "the key format is missing"),
        ("{\"format\": 1,\n  \"classes\": [\"a\",, \"b\"]}", "not JSON: invalid value (line 2, column 19)"),
        ("{\"format\": 1}\n\nx", "not JSON: invalid value (line 3, column 1)"),
    ])
    func whatIsNoDescriptionIsAnError(_ text: String, _ words: String) throws {
        let folder = try TemporaryFolder()
        try bundle().save(to: folder.path)
        try AtomicFile.write(text, to: folder.path + "/config.json")
        let error = #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error?.kind == .data && error?.message.contains("config.json") == true)
        #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    }
}
