import Backbones
import Basics
import Cohorts
import Distillation
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Testing
import Torch
import Weights

@Suite struct FeatureDistillationTests {
    /// What `Golden/features.py` writes.
    private struct Golden: Decodable {
        var lambda: Double
        var student: [[Double]]
        var projections: [[[Double]]]
        var teachers: [[[Double]]]
        var value: Double
        var studentGradient: [[Double]]
        var projectionGradients: [[[Double]]]
    }

    /// Teachers of one class each with the given features, [views times rows][length]; rows are 3, 4, 5 and so on.
    private static func bank(
        _ features: [[[Double]]], views: Int = 1, lambda: Double = 1, length: Int, _ folder: TemporaryFolder
    ) throws -> FeatureDistillation {
        let columns = TeacherOutputs(features.indices.map { ClassSubset(name: "s\($0)", classes: [$0]) })
        let count = features[0].count
        let logits = try features.indices.map { k in
            try folder.teacher([Double](repeating: 0, count: count), shape: [views, count / views, 1], name: "t\(k)")
        }
        let bank = try ViewBank(
            columns, teachers: logits, rows: Array(3..<3 + count / views), views: views,
            priorShifts: features.map { _ in 0 }, device: .cpu)
        return try FeatureDistillation(
            features.enumerated().map { try stored($1, views: views, "t\($0)", folder) }, bank: bank,
            studentLength: length, lambda: lambda, seed: 1)
    }

    private static func stored(
        _ rows: [[Double]], views: Int, _ name: String, _ folder: TemporaryFolder
    ) throws -> TeacherFeatures {
        let path = folder.path + "/\(name)-features.safetensors"
        let tensor = try matrix(rows).reshaped([views, rows.count / views, rows[0].count]).to(dtype: .float16)
        try SafetensorsWriter.write([tensor.source(named: "features")], metadata: ["key": "k"], to: path)
        return try #require(TeacherFeatures.stored(at: path, key: "k"))
    }

    @Test func valueAndGradientsAreGolden() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/features.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        let folder = try TemporaryFolder()
        let loss = try Self.bank(golden.teachers, lambda: golden.lambda, length: golden.student[0].count, folder)
        for (projection, values) in zip(loss.projections, golden.projections) {
            try projection.weight.replace(matrix(values))
        }
        let student = try matrix(golden.student).requiringGrad()
        let items = golden.student.indices.map { BatchItem(row: 3 + $0, view: 0) }
        let value = try loss(features: student, items: items)
        try value.backward()
        #expect(try abs(value.item() - golden.value) < 1e-6)
        let gradient = try #require(student.grad).array(as: Double.self)
        #expect(distance(gradient, golden.studentGradient.flatMap { $0 }) < 1e-6)
        for (projection, expected) in zip(loss.projections, golden.projectionGradients) {
            let gradient = try #require(projection.weight.value.grad).array(as: Double.self)
            #expect(distance(gradient, expected.flatMap { $0 }) < 1e-6)
        }
    }

    @Test func itemsAreLookedUpByRowAndView() throws {
        let folder = try TemporaryFolder()
        // Two views of rows 3 and 4, each with a direction of its own.
        let axes: [[Double]] = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
        let loss = try Self.bank([axes], views: 2, length: 4, folder)
        try loss.projections[0].weight.replace(matrix(axes))
        func value(_ feature: [Double], _ item: BatchItem) throws -> Double {
            try loss(features: matrix([feature]), items: [item]).item()
        }
        #expect(try abs(value([0, 3, 0, 0], BatchItem(row: 4, view: 0))) < 1e-6)
        #expect(try abs(value([0, 0, 2, 0], BatchItem(row: 3, view: 1))) < 1e-6)
        #expect(try abs(value([0, 0, 2, 0], BatchItem(row: 4, view: 1)) - 1) < 1e-6)
        #expect(try abs(value([0, 0, 0, -1], BatchItem(row: 4, view: 1)) - 2) < 1e-6)
        #expect(throws: FoveaError.self) { try value([1, 0, 0, 0], BatchItem(row: 5, view: 0)) }
    }

    @Test func aFeatureOfZerosGivesNoNaN() throws {
        let folder = try TemporaryFolder()
        let loss = try Self.bank([[[0, 0], [1, 2]]], length: 3, folder)
        let student = try matrix([[1, 2, 3], [0, 0, 0]]).requiringGrad()
        let value = try loss(features: student, items: [BatchItem(row: 3, view: 0), BatchItem(row: 4, view: 0)])
        try value.backward()
        #expect(try value.item() == 1)
        #expect(
            try #require(student.grad).isAllFinite() && #require(loss.projections[0].weight.value.grad).isAllFinite())
    }

    @Test func projectionsBeginAsTheSeedSays() throws {
        let folder = try TemporaryFolder()
        let features: [[[Double]]] = [[[1, 2]], [[1, 2]]]
        let loss = try Self.bank(features, length: 400, folder)
        let again = try Self.bank(features, length: 400, folder)
        let values = try loss.projections.map { try $0.weight.value.array() as [Float] }
        #expect(try values == again.projections.map { try $0.weight.value.array() as [Float] })
        #expect(values[0] != values[1] && values[0].count == 800)
        let largest = values.flatMap { $0 }.map(abs).max() ?? 0
        #expect(largest <= 0.05 && largest > 0.045)
        #expect(loss.modules.map(\.name) == ["projection-s0", "projection-s1"])
    }

    @Test func featuresOfAnotherBankAreAnError() throws {
        let folder = try TemporaryFolder()
        let columns = TeacherOutputs([ClassSubset(name: "a", classes: [0])])
        let bank = try ViewBank(
            columns, teachers: [folder.teacher([1, 2], shape: [2, 1, 1])], rows: [0], views: 2, priorShifts: [0],
            device: .cpu)
        let one = try Self.stored([[1, 2]], views: 1, "one", folder)
        let two = try Self.stored([[1, 2], [3, 4]], views: 2, "two", folder)
        func make(_ features: [TeacherFeatures]) throws {
            _ = try FeatureDistillation(features, bank: bank, studentLength: 2, lambda: 1, seed: 0)
        }
        #expect(throws: Never.self) { try make([two]) }
        #expect(throws: FoveaError.self) { try make([one]) }
        #expect(throws: FoveaError.self) { try make([]) }
    }

    @Test func aTeachersFeaturesAreStoredBesideItsBank() throws {
        let folder = try TemporaryFolder()
        let cache = try folder.cache(3)
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["x", "y"], image: cache.settings)
        let teacher = ModelBundle(description, try description.makeClassifier())
        try Autograd.withoutGrad {
            // Until the batch norms' statistics fit, next to nothing passes through the layers.
            for _ in 0..<40 { _ = try teacher.classifier(.normal([8, 3, 32, 32])) }
        }
        let settings = AugmentationSettings()
        let path = folder.path + "/bank.safetensors"
        let featuresPath = TeacherFeatures.path(alongside: path)
        #expect(featuresPath == folder.path + "/bank-features.safetensors")
        func compute(_ features: String?) throws -> TeacherLogits {
            try TeacherLogits.compute(
                teacher.copy(), cache: cache, rows: [2, 0], views: 2, augmentation: settings, seed: 5, device: .cpu,
                precision: .float32, title: "bank", path: path, featuresPath: features, key: "k",
                shouldStop: { false })
        }
        func bankLogits() throws -> Data {
            let file = try WeightFile.open(path)
            return try file.withBytes(of: "logits") { Data($0) }
        }
        _ = try compute(nil)
        let without = try bankLogits()
        #expect(!FileManager.default.fileExists(atPath: featuresPath), "no features were requested")
        let logits = try compute(featuresPath)
        #expect(try bankLogits() == without, "a bank says the same with features and without")
        #expect(TeacherFeatures.stored(at: featuresPath, key: "other") == nil)
        let features = try #require(TeacherFeatures.stored(at: featuresPath, key: "k"))
        #expect(features.length == 1024)

        // The student's own features through the identity are as near to the stored ones as float16 can say.
        let columns = TeacherOutputs([ClassSubset(name: "a", classes: [0, 1])])
        let bank = try ViewBank(
            columns, teachers: [logits], rows: [2, 0], views: 2, priorShifts: [0, 0], device: .cpu)
        let loss = try FeatureDistillation([features], bank: bank, studentLength: 1024, lambda: 1, seed: 0)
        let identity = (0..<1024).map { row in (0..<1024).map { row == $0 ? Float(1) : 0 } }
        try loss.projections[0].weight.replace(Tensor(identity.flatMap { $0 }, shape: [1024, 1024]))
        let items = [BatchItem(row: 0, view: 1), BatchItem(row: 2, view: 0)]
        let predictor = try Predictor(
            teacher.classifier, description.normalization, device: .cpu, precision: .float32)
        var own: [Float] = []
        try predictor.forEachBatch(
            cache: cache, items: items, augmentation: settings, seed: 5, withFeatures: true
        ) { outputs, _ in own += outputs.features }
        #expect((own.max() ?? 0) > 0.01)
        let student = try Tensor(own, shape: [2, 1024])
        #expect(try abs(loss(features: student, items: items).item()) < 1e-5)
        #expect(try loss(features: student, items: items.reversed()).item() > 1e-4, "images differ")
    }

    @Test func damagedFeaturesAreNotUsed() throws {
        let folder = try TemporaryFolder()
        _ = try Self.stored([[1, 2]], views: 1, "t", folder)
        let path = folder.path + "/t-features.safetensors"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in [0, 5, bytes.count - 1] {
            try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
            #expect(TeacherFeatures.stored(at: path, key: "k") == nil)
        }
    }
}
