import Backbones
import Basics
import Foundation
import NN
import TestSupport
import Testing
import Torch
import Weights

@Suite(.serialized) struct LoadTests {
    /// The values of the formula under a network's names, some of them changed.
    private static func write(
        _ architecture: Architecture, classes: Int = 33, prefix: String = "", to folder: TemporaryFolder,
        change: (inout [(name: String, tensor: Tensor)]) throws -> Void = { _ in }
    ) throws -> WeightFile {
        let network = try Classifier(architecture.makeBackbone(), classes: classes)
        var tensors = try network.namedParameters.map {
            (name: $0.name, tensor: try hashed($0.name, $0.parameter.value.shape))
        }
        try change(&tensors)
        let path = folder.path + "/weights.safetensors"
        try SafetensorsWriter.write(tensors.map { try $0.tensor.source(named: prefix + $0.name) }, to: path)
        return try WeightFile.open(path)
    }

    private static func network(_ architecture: Architecture = .mobilenetv1Short, classes: Int = 33) throws
        -> Classifier
    {
        try Classifier(architecture.makeBackbone(), classes: classes)
    }

    private static func values(_ network: Classifier) throws -> [[Float]] {
        try network.namedParameters.map { try $0.parameter.value.array() }
    }

    private static func load(_ network: Classifier, _ file: WeightFile) throws -> LoadReport {
        try network.load(file, headName: network.backbone.headName, .backbone())
    }

    @Test func integersAndNumbersThatAreNoneAreRefused() throws {
        let folder = try TemporaryFolder()
        for (value, found) in [(Float.nan, "NaN or infinite"), (.infinity, "NaN or infinite")] {
            let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
                let shape = tensors[3].tensor.shape
                let bad = try Tensor.zeros(shape)
                try bad.fill(Double(value))
                tensors[3].tensor = bad
            }
            let network = try Self.network()
            let before = try Self.values(network)
            let error = #expect(throws: FoveaError.self) { _ = try Self.load(network, file) }
            #expect(error?.message.contains(found) == true)
            #expect(try Self.values(network) == before)
        }
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            tensors[0].tensor = try tensors[0].tensor.to(dtype: .int32)
        }
        let error = #expect(throws: FoveaError.self) { _ = try Self.load(Self.network(), file) }
        #expect(error?.message.contains("conv_stem.weight has elements of type I32") == true)
    }

    @Test func numbersBeyondFloat32AreNotCalledNaN() throws {
        let folder = try TemporaryFolder()
        for value in [1e300, -1e39] {
            let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
                let big = try Tensor.zeros(tensors[3].tensor.shape, dtype: .float64)
                try big.fill(value)
                tensors[3].tensor = big
            }
            let error = #expect(throws: FoveaError.self) { _ = try Self.load(Self.network(), file) }
            #expect(error?.kind == .data && error?.message.contains("NaN") == false)
            #expect(
                error?.message.contains("values of type float64 that are too large for float32 (at most 3.4") == true,
                "\(String(describing: error))")
        }
    }

    @Test func aFileOfTheSameNetworkFitsWhole() throws {
        let folder = try TemporaryFolder()
        let network = try Self.network()
        let report = try network.load(Self.write(.mobilenetv1Short, to: folder), .everything)
        #expect(report.loaded == network.namedParameters.map(\.name))
        #expect(report.missing + report.unexpected + report.wrongShape + report.converted == [])
        #expect(report.description == "\(report.loaded.count) tensors loaded")
        #expect(try Self.values(network) == Self.values(hashedClassifier(.mobilenetv1Short)))
        #expect(network.trainable.count > 0)
    }

    /// Whether the head starts again is decided by what is requested, not by how many classes there happen to be.
    @Test(arguments: [5, 33]) func theHeadBeginsAnewWhateverItsShape(_ classes: Int) throws {
        let folder = try TemporaryFolder()
        let network = try Self.network(classes: classes)
        let before = try network.head.weight.value.array() as [Float]
        let report = try Self.load(network, Self.write(.mobilenetv1Short, to: folder))
        #expect(report.headLeftOut == ["classifier.bias", "classifier.weight"])
        #expect(report.wrongShape.isEmpty && report.unexpected.isEmpty && report.missing.isEmpty)
        #expect(
            report.description.contains(
                "2 of the head, which starts from random numbers: classifier.bias, classifier.weight"))
        #expect(try network.head.weight.value.array() == before)
        let expected = try hashed("conv_stem.weight", [32, 3, 3, 3]).array() as [Float]
        #expect(try network.namedParameters[0].parameter.value.array() == expected)
    }

    @Test func anyOnePrefixIsTakenOffAndNamed() throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, prefix: "module.encoder_q.", to: folder)
        let report = try Self.load(Self.network(), file)
        #expect(report.prefix == "module.encoder_q.")
        #expect(report.description.contains("from names that begin with module.encoder_q."))
        #expect(report.missing.isEmpty && report.headLeftOut.count == 2)
    }

    @Test func ofSeveralNetworksOneMustBeNamed() throws {
        let folder = try TemporaryFolder()
        let network = try Self.network()
        let names = network.namedParameters.map { ($0.name, $0.parameter.value.shape) }
        let path = folder.path + "/several.safetensors"
        try SafetensorsWriter.write(
            ["a.one.", "a.two."].flatMap { prefix in
                try names.map { try hashed(prefix + $0.0, $0.1).source(named: prefix + $0.0) }
            }, to: path)
        let file = try WeightFile.open(path)
        let error = #expect(throws: FoveaError.self) { try Self.load(network, file) }
        #expect(error?.message.contains("several times: under \"a.one.\", \"a.two.\"") == true)
        #expect(error?.remedy?.contains("model.prefix") == true)
        for prefix in ["a.two.", "a.two"] {
            let report = try network.load(file, headName: "classifier", prefix: prefix, .backbone())
            #expect(report.prefix == "a.two." && report.missing.isEmpty)
            let expected = try hashed("a.two.conv_stem.weight", [32, 3, 3, 3]).array() as [Float]
            #expect(try network.namedParameters[0].parameter.value.array() == expected)
        }
        let wrong = #expect(throws: FoveaError.self) {
            try network.load(file, headName: "classifier", prefix: "b.", .backbone())
        }
        #expect(wrong?.kind == .configuration && wrong?.message.contains("model.prefix is \"b.\"") == true)
        // "a.on" is not part of a name, though names begin with it.
        let part = #expect(throws: FoveaError.self) {
            try network.load(file, headName: "classifier", prefix: "a.on", .backbone())
        }
        #expect(part?.message.contains("begins with \"a.on.\": a dot is expected between a prefix and a name") == true)
    }

    @Test func aNegativeVarianceIsRefusedAtLoading() throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            let place = try #require(tensors.firstIndex { $0.name == "blocks.0.0.bn1.running_var" })
            var values = try tensors[place].tensor.array() as [Float]
            values[3] = -0.5
            tensors[place].tensor = try Tensor(values)
        }
        for strictness in [LoadStrictness.backbone(), .everything] {
            let network = try Self.network()
            let before = try Self.values(network)
            let error = #expect(throws: FoveaError.self) {
                try network.load(file, headName: network.backbone.headName, strictness)
            }
            #expect(error?.kind == .data)
            let words = "blocks.0.0.bn1.running_var has the negative variance -0.5 in channel 3"
            #expect(error?.message.contains(words) == true)
            #expect(try Self.values(network) == before)
        }
    }

    @Test func missingTensorsKeepTheirValuesAndAreNamed() throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            tensors.removeAll { $0.name == "bn1.weight" || $0.name.hasPrefix("classifier.") }
        }
        let network = try Self.network()
        let report = try Self.load(network, file)
        #expect(report.missing == ["bn1.weight"])
        #expect(report.description.contains("1 not in the file, left at their initial values: bn1.weight"))
        let kept = try #require(network.namedParameters.first { $0.name == "bn1.weight" })
        #expect(try kept.parameter.value.array() == [Float](repeating: 1, count: 32))
        let error = #expect(throws: FoveaError.self) { try network.load(file, .everything) }
        #expect(error?.kind == .data && error?.message.contains("bn1.weight") == true)
    }

    @Test func unexpectedTensorsAreNamedButCountersAreNot() throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            tensors.append(("projector.weight", try .zeros([2])))
            tensors.append(("bn1.num_batches_tracked", try Tensor([7] as [Int], shape: [])))
        }
        let network = try Self.network()
        #expect(try Self.load(network, file).unexpected == ["projector.weight"])
        #expect(throws: FoveaError.self) { try network.load(file, .everything) }
    }

    @Test(arguments: [DType.float16, .bfloat16, .float64]) func otherElementTypesAreConverted(_ dtype: DType) throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            tensors = try tensors.map { ($0.name, try $0.tensor.to(dtype: dtype)) }
        }
        let network = try Self.network()
        let report = try network.load(file, .everything)
        #expect(report.converted.count == report.loaded.count)
        #expect(report.converted[0] == "conv_stem.weight (\(dtype))")
        let expected = try hashed("conv_stem.weight", [32, 3, 3, 3]).to(dtype: dtype).array() as [Float]
        #expect(try network.namedParameters[0].parameter.value.array() == expected)
        #expect(network.namedParameters[0].parameter.value.dtype == .float32)
    }

    @Test(arguments: ["module.", "backbone.", "module.backbone."]) func prefixesOfWrappersAreTakenOff(
        _ prefix: String
    ) throws {
        let folder = try TemporaryFolder()
        let network = try Self.network()
        let report = try network.load(Self.write(.mobilenetv1Short, prefix: prefix, to: folder), .everything)
        #expect(report.loaded.count == network.namedParameters.count)
    }

    @Test func publishedWeightsOfTheWholeNetworkServeTheShortOne() throws {
        let folder = try TemporaryFolder()
        let report = try Self.load(Self.network(), Self.write(.mobilenetv1, to: folder))
        #expect(report.missing.isEmpty && report.wrongShape.isEmpty)
        #expect(report.unexpected.allSatisfy { $0.hasPrefix("blocks.4.1.") } && report.unexpected.count == 10)
    }

    @Test func aFileWithoutTheLastBlockLeavesItAtItsBeginning() throws {
        let folder = try TemporaryFolder()
        let report = try Self.load(Self.network(.mobilenetv1), Self.write(.mobilenetv1Short, to: folder))
        #expect(report.missing.allSatisfy { $0.hasPrefix("blocks.4.1.") } && report.missing.count == 10)
    }

    /// ResNet-18's names and shapes are all in ResNet-34's file, and the other way round few are missing.
    @Test(arguments: [
        (Architecture.resnet18, Architecture.mobilenetv1Short), (.mobilenetv1, .resnet18), (.resnet34, .resnet18),
        (.resnet18, .resnet34), (.resnet50, .resnet34),
    ])
    func anotherArchitectureIsRefusedAndNothingChanged(_ stored: Architecture, _ expected: Architecture) throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(stored, to: folder)
        let network = try Self.network(expected)
        let before = try Self.values(network)
        let error = #expect(throws: FoveaError.self) { try Self.load(network, file) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("weights of another network") == true)
        #expect(error?.remedy?.contains("model.architecture") == true)
        #expect(try Self.values(network) == before)
    }

    @Test func aWrongShapeInsideTheBackboneIsRefused() throws {
        let folder = try TemporaryFolder()
        let file = try Self.write(.mobilenetv1Short, to: folder) { tensors in
            tensors[0].tensor = try .zeros([32, 3, 5, 5])
        }
        let error = try #require(throws: FoveaError.self) { try Self.load(Self.network(), file) }
        #expect(error.message.contains("conv_stem.weight (file [32, 3, 5, 5], network [32, 3, 3, 3])"))
    }

    private static let published: String? = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let path = folder.path + "/shared/weights/mobilenetv1_100_imagenet.safetensors"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    @Test(.enabled(if: published != nil, "shared/weights is not here"))
    func publishedMobileNetWeightsFit() throws {
        let path = try #require(Self.published)
        let network = try Self.network()
        let report = try Self.load(network, WeightFile.open(path))
        #expect(report.wrongShape.allSatisfy { $0.hasPrefix("classifier.") })
        #expect(report.missing.allSatisfy { $0.hasPrefix("classifier.") })
        #expect(report.unexpected.allSatisfy { $0.hasPrefix("blocks.4.1.") })
    }
}
