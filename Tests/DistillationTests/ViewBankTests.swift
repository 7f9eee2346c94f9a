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

@Suite struct ViewBankTests {
    private static let subsets = [ClassSubset(name: "a", classes: [0, 2]), ClassSubset(name: "b", classes: [2])]

    /// Two views, three rows that are not 0, 1, 2, and logits that say where they come from: view, position, column.
    private static func bank(_ folder: TemporaryFolder, shifts: [Double] = [0, 0, 0]) throws -> ViewBank {
        func logit(_ view: Int, _ position: Int, _ column: Int) -> Double {
            Double(100 * view + 10 * position + column)
        }
        let a = (0..<2).flatMap { v in (0..<3).flatMap { r in (0..<2).map { logit(v, r, $0) } } }
        let b = (0..<2).flatMap { v in (0..<3).map { r in logit(v, r, 2) } }
        return try ViewBank(
            TeacherOutputs(subsets),
            teachers: [
                folder.teacher(a, shape: [2, 3, 2], name: "a"), folder.teacher(b, shape: [2, 3, 1], name: "b"),
            ], rows: [7, 3, 5], views: 2, priorShifts: shifts, device: .cpu)
    }

    @Test func itemsAreLookedUpByRowAndView() throws {
        let folder = try TemporaryFolder()
        let bank = try Self.bank(folder, shifts: [0.5, 0, -1])
        let items = [BatchItem(row: 5, view: 1), BatchItem(row: 7, view: 0), BatchItem(row: 5, view: 1)]
        let found = try bank.logits(of: items)
        #expect(found.dtype == .float32 && found.shape == [3, 3])
        #expect(try found.array() == [119.5, 121, 123, -0.5, 1, 3, 119.5, 121, 123] as [Float])
    }

    /// Heads on one trunk answer together: one file with the columns of all of them.
    @Test func itDoesNotMatterHowManyFilesTheTeachersWereAskedInto() throws {
        let folder = try TemporaryFolder()
        let shifts = [0.5, 0, -1]
        let together: [Double] = [0, 1, 2, 10, 11, 12, 20, 21, 22, 100, 101, 102, 110, 111, 112, 120, 121, 122]
        let bank = try ViewBank(
            TeacherOutputs(Self.subsets), teachers: [folder.teacher(together, shape: [2, 3, 3], name: "all")],
            rows: [7, 3, 5], views: 2, priorShifts: shifts, device: .cpu)
        let items = [BatchItem(row: 5, view: 1), BatchItem(row: 7, view: 0)]
        let found: [Float] = try bank.logits(of: items).array()
        #expect(found == [119.5, 121, 123, -0.5, 1, 3])
        #expect(try found == Self.bank(folder, shifts: shifts).logits(of: items).array())
    }

    @Test(arguments: [BatchItem(row: 4, view: 0), BatchItem(row: 5, view: 2), BatchItem(row: 5, view: -1)])
    func whatIsNotInTheBankIsAnError(_ item: BatchItem) throws {
        let folder = try TemporaryFolder()
        let bank = try Self.bank(folder)
        let error = #expect(throws: FoveaError.self) { try bank.logits(of: [item]) }
        #expect(error?.message.contains("view \(item.view) of row \(item.row)") == true)
    }

    @Test func aBankOfTheWrongShapeIsAnError() throws {
        let folder = try TemporaryFolder()
        let teacher = try folder.teacher([1, 2, 3, 4, 5, 6], shape: [1, 3, 2])
        let columns = TeacherOutputs([Self.subsets[0]])
        func make(rows: [Int], views: Int, shifts: [Double]) throws -> ViewBank {
            try ViewBank(
                columns, teachers: [teacher], rows: rows, views: views, priorShifts: shifts, device: .cpu)
        }
        #expect(throws: Never.self) { try make(rows: [0, 1, 2], views: 1, shifts: [0, 0]) }
        #expect(throws: FoveaError.self) { try make(rows: [0, 1], views: 1, shifts: [0, 0]) }
        #expect(throws: FoveaError.self) { try make(rows: [0, 1, 2], views: 2, shifts: [0, 0]) }
        #expect(throws: FoveaError.self) { try make(rows: [0, 1, 2], views: 1, shifts: [0]) }
    }

    @Test func meansAreOverAllViewsAndRows() throws {
        let folder = try TemporaryFolder()
        let means = try Self.bank(folder, shifts: [1, 0, 0]).meanWeights { $0 }.array(as: Double.self)
        #expect(distance(means, [59, 61, 62]) < 1e-4)
    }

    @Test func imageWeightsHaveMeanOneOverTheTrainingSet() throws {
        let folder = try TemporaryFolder()
        let bank = try ViewBank(
            TeacherOutputs(Self.subsets),
            teachers: [
                folder.teacher([3, -0.2, 1, 0.4, -4, 2], shape: [1, 3, 2], name: "c"),
                folder.teacher([0.3, -5, 1], shape: [1, 3, 1], name: "d"),
            ], rows: [0, 1, 2], views: 1, priorShifts: [0, 0, 0], device: .cpu)
        let items = (0..<3).map { BatchItem(row: $0, view: 0) }
        let cohort = try makeCohort(["100", "001", "010"])
        for weights in [
            try ImageWeights.confidence(bank, temperature: 2),
            try ImageWeights.membership(bank.columns, rows: bank.rows, cohort: cohort, gain: 3, device: .cpu),
        ] {
            let found = try weights.weights(items: items, teachers: bank.logits(of: items))
            let means = try found.mean([0]).array(as: Double.self)
            // Teacher by teacher: over both of the first one's columns together.
            #expect(abs((means[0] + means[1]) / 2 - 1) < 1e-5 && abs(means[2] - 1) < 1e-5)
        }
        let membership = try ImageWeights.membership(
            bank.columns, rows: bank.rows, cohort: cohort, gain: 3, device: .cpu)
        let found = try membership.weights(items: [items[1], items[2]], teachers: bank.logits(of: items))
        #expect(try distance(found.array(as: Double.self), [4 / 3, 4 / 3, 2, 1 / 3, 1 / 3, 0.5]) < 1e-5)
        #expect(throws: FoveaError.self) {
            try membership.weights(items: [BatchItem(row: 9, view: 0)], teachers: bank.logits(of: items))
        }
    }

    @Test func aBankIsComputedOnceAndHoldsTheTeachersLogits() throws {
        let folder = try TemporaryFolder()
        let cache = try folder.cache(3)
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["x", "y"], image: cache.settings)
        let teacher = ModelBundle(description, try description.makeClassifier())
        try Autograd.withoutGrad {
            try teacher.classifier.head.weight.value.copy(from: .normal([2, 1024]))
            // Until the batch norms' statistics fit, next to nothing passes through the layers.
            for _ in 0..<40 { _ = try teacher.classifier(.normal([8, 3, 32, 32])) }
        }
        let settings = AugmentationSettings()
        let path = folder.path + "/bank.safetensors"
        #expect(try TeacherLogits.stored(at: path, key: "key") == nil)
        let computed = try TeacherLogits.compute(
            teacher.copy(), cache: cache, rows: [2, 0], views: 2, augmentation: settings, seed: 5, device: .cpu,
            precision: .float32, title: "bank", path: path, key: "key", shouldStop: { false })
        let stored = try #require(try TeacherLogits.stored(at: path, key: "key"))
        #expect(try TeacherLogits.stored(at: path, key: "another key") == nil)

        let items = [BatchItem(row: 0, view: 1), BatchItem(row: 2, view: 0), BatchItem(row: 2, view: 1)]
        let predictor = try Predictor(
            teacher.classifier, description.normalization, device: .cpu, precision: .float32)
        let expected = try predictor.logits(cache: cache, items: items, augmentation: settings, seed: 5)
        for logits in [computed, stored] {
            let bank = try ViewBank(
                TeacherOutputs([Self.subsets[0]]), teachers: [logits], rows: [2, 0], views: 2, priorShifts: [0, 0],
                device: .cpu)
            let found = try bank.logits(of: items).array(as: Double.self)
            // float16 keeps eleven bits.
            let scale = expected.map { abs(Double($0)) }.max() ?? 0
            #expect(scale > 0.1)
            #expect(distance(found, expected.map(Double.init)) < 2e-3 * scale)
        }
    }

    /// The same views, seen by the teachers themselves: what a bank holds up to its float16.
    @Test func liveTeachersSayWhatTheBankHolds() throws {
        let folder = try TemporaryFolder()
        let cache = try folder.cache(3)
        let settings = AugmentationSettings()
        let columns = TeacherOutputs(Self.subsets)
        let teachers = try columns.subsets.map { subset in
            let description = ModelDescription(
                architecture: .mobilenetv1Short, classes: subset.classes.map { "\($0)" }, image: cache.settings)
            let teacher = ModelBundle(description, try description.makeClassifier())
            try Autograd.withoutGrad {
                try teacher.classifier.head.weight.value.copy(from: .normal([subset.classes.count, 1024]))
                for _ in 0..<40 { _ = try teacher.classifier(.normal([8, 3, 32, 32])) }
            }
            return teacher
        }
        let shifts = [0.5, -1, 2]
        let items = [BatchItem(row: 0, view: 1), BatchItem(row: 2, view: 0), BatchItem(row: 2, view: 1)]
        for precision in Precision.allCases {
            let bank = try ViewBank(
                columns,
                teachers: teachers.enumerated().map { k, teacher in
                    try TeacherLogits.compute(
                        teacher.copy(), cache: cache, rows: [2, 0], views: 2, augmentation: settings, seed: 5,
                        device: .cpu, precision: precision, title: "bank",
                        path: folder.path + "/\(precision)-\(k).safetensors", key: "k", shouldStop: { false })
                }, rows: [2, 0], views: 2, priorShifts: shifts, device: .cpu)
            let live = try LiveTeachers(
                columns, teachers: teachers.map { try $0.copy() }, priorShifts: shifts, device: .cpu,
                precision: precision)
            let loader = try BatchLoader(
                cache: cache, items: items, batchSize: 3, augmentation: settings, seed: 5, threads: 1)
            let batch = try #require(try loader.next())
            let images = try PixelInput(teachers[0].description.normalization, device: .cpu)(
                batch.pixels, count: 3, resolution: batch.resolution)
            let found = try live.logits(images: images)
            #expect(!found.requiresGrad && found.dtype == .float32)
            let (said, held) = (
                try found.array(as: Double.self),
                try TeacherSource.bank(bank).logits(images: images, items: items).array(as: Double.self)
            )
            let scale = held.map(abs).max() ?? 0
            #expect(scale > 0.1)
            #expect(distance(said, held) < (precision == .float32 ? 2e-3 : 2e-2) * scale, "\(precision)")
            #expect(throws: FoveaError.self) {
                try live.logits(images: images * Double.nan)
            }
        }
    }

    @Test func aDamagedBankIsMadeAnew() throws {
        let folder = try TemporaryFolder()
        _ = try folder.teacher([1, 2], shape: [1, 1, 2])
        let path = folder.path + "/teacher.safetensors"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in [0, 5, 40, bytes.count - 1] {
            try bytes.prefix(length).write(to: URL(fileURLWithPath: path))
            #expect(try TeacherLogits.stored(at: path, key: "teacher") == nil)
        }
        // A number, and the seconds that are recorded.
        let seconds = try #require(bytes.range(of: Data("1.25".utf8)))
        for place in [bytes.endIndex - 1, seconds.lowerBound] {
            var other = bytes
            other[place] ^= 1
            try other.write(to: URL(fileURLWithPath: path))
            #expect(try TeacherLogits.stored(at: path, key: "teacher") == nil)
        }
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try TeacherLogits.stored(at: path, key: "teacher") != nil)
    }
}
