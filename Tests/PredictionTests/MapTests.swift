import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import NN
import Phantoms
import Prediction
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

/// `predict --maps`: that maps lie where the finding is, and what is written.
@Suite struct MapTests {
    private static let side = 128
    private static let radius = 13
    private let folder: TemporaryFolder
    private let context = ExecutionContext(device: .cpu, threads: 1)

    init() throws { folder = try TemporaryFolder() }

    /// A noisy image with a yellow disc around `center`; without one where that is nil.
    private func image(_ random: inout SeededRandom, disc center: (x: Int, y: Int)?) -> PixelImage {
        var image = PixelImage(width: Self.side, height: Self.side)
        for index in image.bytes.indices { image.bytes[index] = UInt8.random(in: 60..<150, using: &random) }
        guard let center else { return image }
        for y in 0..<Self.side {
            for x in 0..<Self.side
            where (x - center.x) * (x - center.x) + (y - center.y) * (y - center.y) <= Self.radius * Self.radius {
                let at = (y * Self.side + x) * 3
                image.bytes[at] = 230
                image.bytes[at + 1] = 220
                image.bytes[at + 2] = 40
            }
        }
        return image
    }

    /// The disc with a patch of the noise's mean laid over a square around a place.
    private func covering(_ image: PixelImage, _ x: Int, _ y: Int) -> PixelImage {
        var image = image
        for row in max(0, y - 20)..<min(Self.side, y + 20) {
            for column in max(0, x - 20)..<min(Self.side, x + 20) {
                for channel in 0..<3 { image.bytes[(row * Self.side + column) * 3 + channel] = 105 }
            }
        }
        return image
    }

    private func write(_ image: PixelImage, _ name: String) throws {
        try AtomicFile.write(image.png(), to: folder.path + "/images/" + name)
    }

    /// A model that knows discs, and the discs' places by image.
    private func train() throws -> (run: String, discs: [String: (x: Int, y: Int)]) {
        var random = SeededRandom(seed: 5)
        try Folder.make(folder.path + "/images")
        var (table, discs) = ("image,split,disc,other\n", [String: (x: Int, y: Int)]())
        for number in 0..<200 {
            let place = { (random: inout SeededRandom) in Int.random(in: 16..<Self.side - 16, using: &random) }
            let center = number % 2 == 0 ? (x: place(&random), y: place(&random)) : nil
            let name = "\(number).png"
            try write(image(&random, disc: center), name)
            discs[name] = center
            table += "\(name),\(number < 140 ? "train" : "val"),\(center == nil ? 0 : 1),\(number % 3 == 0 ? 1 : 0)\n"
        }
        try AtomicFile.write(table, to: folder.path + "/labels.csv")
        var settings = RunSettings()
        settings.data.table = folder.path + "/labels.csv"
        settings.data.images = folder.path + "/images"
        settings.data.split.method = .column
        settings.image.resolution = Self.side
        settings.image.crop = .none
        settings.model.architecture = .resnet18
        settings.training.epochs = 6
        settings.training.batchSize = 20
        settings.training.warmUpSteps = 5
        settings.training.precision = .float32
        settings.evaluation.bootstrap = 0
        settings.output = folder.path + "/run"
        settings.cache = folder.path + "/cache"
        try SmallJob(settings).execute()
        return (settings.output, discs)
    }

    private func expand(_ names: [String]) throws -> [NamedImage] {
        try ImageArguments.expand(names.map { folder.path + "/images/" + $0 })
    }

    @Test func thePeakLiesOnTheFinding() throws {
        let (run, discs) = try train()
        let validation = (140..<200).map { "\($0).png" }
        let images = try expand(validation)
        let model = try InferenceModel(run, takesAnyImage: true, context)
        let maps = try MapFolder(folder.path + "/maps")
        let prediction = try ModelPrediction(model, images: images, maps: maps, context)
        #expect(prediction.rows.count == 60)

        let table = try CSVTable(path: folder.path + "/maps/maps.csv")
        #expect(table.rowCount == maps.count)
        var (hits, found, stronger) = (0, 0, 0)
        var random = SeededRandom(seed: 9)
        for row in 0..<table.rowCount where table[row, 1] == "disc" {
            guard let disc = discs[table[row, 0]] else { continue }
            #expect(table[row, 5] == "true")
            let map = try Self.numbers(folder.path + "/maps/" + table[row, 4])
            let peak = try #require(map.indices.max { map[$0] < map[$1] })
            // The map has four cells a side.
            let center = (x: peak % 4 * 32 + 16, y: peak / 4 * 32 + 16)
            found += 1
            if abs(center.x - disc.x) <= 16 + Self.radius, abs(center.y - disc.y) <= 16 + Self.radius { hits += 1 }

            // Covering the peak takes more from the probability than covering another place.
            let whole = try ImageFile(path: folder.path + "/images/" + table[row, 0]).decode()
            try write(covering(whole, center.x, center.y), "peak.png")
            let other = { (random: inout SeededRandom) in Int.random(in: 0..<Self.side, using: &random) }
            try write(covering(whole, other(&random), other(&random)), "other.png")
            let covered = try ModelPrediction(
                model,
                images: expand(["peak.png", "other.png"]), context
            ).rows.map { $0.probabilities[0] }
            if covered[0] < covered[1] { stronger += 1 }
        }
        #expect(found >= 15)
        #expect(Double(hits) >= 0.8 * Double(found), "\(hits) of \(found)")
        #expect(Double(stronger) >= 0.8 * Double(found), "\(stronger) of \(found)")
    }

    /// The 16 values of a file that NumPy reads: magic, version, length of the header, header, values.
    private static func numbers(_ path: String) throws -> [Float] {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect(data.prefix(8) == Data([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]))
        let start = 10 + Int(data[8]) + Int(data[9]) << 8
        #expect(start % 64 == 0)
        let header = String(decoding: data[10..<start], as: UTF8.self)
        #expect(header.hasPrefix("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 4, ), }"))
        #expect(header.hasSuffix("\n") && data.count == start + 64)
        return stride(from: start, to: data.count, by: 4).map { at in
            Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(data[at + $1]) << (8 * $1) })
        }
    }

    /// Names that are one file's name, and that of the table, keep their maps apart.
    @Test func mapsOfLikeNamesAreKeptApart() throws {
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["a b", "a_b", "../x"],
            image: .init(resolution: 32, crop: .none), thresholds: [0, 0, 0])
        try Folder.make(folder.path + "/model")
        try ModelBundle(description, description.makeClassifier()).save(to: folder.path + "/model")
        for name in ["x y.png", "x_y.png", "maps.csv"] { try folder.image(3, to: "images/" + name) }
        let maps = try MapFolder(folder.path + "/maps")
        _ = try ModelPrediction(
            InferenceModel(folder.path + "/model", takesAnyImage: true, context),
            images: expand(["x y.png", "x_y.png", "maps.csv"]),
            maps: maps, context)
        let table = try CSVTable(path: folder.path + "/maps/maps.csv")
        let paths = (0..<table.rowCount).flatMap { [table[$0, 3], table[$0, 4]] }
        #expect(paths.count == 18 && Set(paths).count == 18)
        #expect(!paths.contains { $0.split(separator: "/").contains { $0.hasPrefix(".") } }, "\(paths)")
        #expect(paths.allSatisfy { FileManager.default.fileExists(atPath: folder.path + "/maps/" + $0) })
    }

    /// Every map is drawn in the field of view only; one that is too coarse to show a place is marked.
    @Test(arguments: [64, 128]) func aMapIsDrawnInTheFieldOnly(resolution: Int) throws {
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: ["a"], image: .init(resolution: resolution), thresholds: [0])
        try Folder.make(folder.path + "/model")
        let bundle = ModelBundle(description, try description.makeClassifier())
        // Features are not negative, so that every place speaks for the class.
        try Autograd.withoutGrad {
            try bundle.classifier.head.weight.value.copy(from: bundle.classifier.head.weight.value.abs())
        }
        try bundle.save(to: folder.path + "/model")
        let side = 96
        var image = PixelImage(width: side, height: side)
        for y in 0..<side {
            for x in 0..<side where (x - 48) * (x - 48) + (y - 48) * (y - 48) < 44 * 44 {
                image.bytes.replaceSubrange((y * side + x) * 3..<(y * side + x) * 3 + 3, with: [180, 90, 40])
            }
        }
        try Folder.make(folder.path + "/images")
        try write(image, "disc.png")
        let maps = try MapFolder(folder.path + "/maps")
        _ = try ModelPrediction(
            InferenceModel(folder.path + "/model", takesAnyImage: true, context), images: expand(["disc.png"]),
            maps: maps, context)
        let table = try CSVTable(path: folder.path + "/maps/maps.csv")
        #expect(table[0, try #require(table.column("coarse"))] == "\(resolution == 64)")
        #expect((maps.note?.contains("2 x 2 cells, too few") ?? false) == (resolution == 64))
        let drawn = try ImageFile(path: folder.path + "/maps/" + table[0, 3]).decode()
        func changed(_ x: Int, _ y: Int) -> Bool {
            (0..<3).contains { drawn.bytes[(y * side + x) * 3 + $0] != image.bytes[(y * side + x) * 3 + $0] }
        }
        // Inside of the square that the network saw, and beyond the disc.
        #expect(changed(48, 48) && changed(48, 8) && !changed(8, 8) && !changed(87, 87))
    }

    /// Of a map of 4 x 4 cells over the whole image, those in the corners have their middle beyond the disc.
    @Test func aPeakBeyondTheFieldIsKnown() throws {
        let classes = (0..<60).map { "c\($0)" }
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: classes, image: .init(resolution: 128, crop: .none))
        try Folder.make(folder.path + "/model")
        try Engine.seed(1)
        try ModelBundle(description, try description.makeClassifier()).save(to: folder.path + "/model")
        let eye = try PhantomPainter(seed: 1, side: 128).paint(patient: 1, eye: .left, findings: [])
        let prepared = try FundusReader.prepare(
            ImageFile(name: "eye.png", bytes: eye.png()), settings: description.image, withQuality: true)
        #expect(prepared.field != nil)
        let maps = try InferenceModel(folder.path + "/model", context).maps(
            prepared.bytes, classes: Array(classes.indices))
        let hidden = try classes.indices.map { index in
            let map = maps.map(index)
            let peak = try #require(map.indices.max { map[$0] < map[$1] })
            let isHidden = [0, 3, 12, 15].contains(peak) && map[peak] > 0
            #expect(MapOverlay(maps, index, of: prepared).hasHiddenPeak == isHidden, "\(classes[index])")
            return isHidden
        }
        #expect(maps.rows == 4 && hidden.contains(true) && hidden.contains(false))
    }

    @Test func aFolderOfOtherFilesIsRefused() throws {
        try AtomicFile.write("mine", to: folder.path + "/notes.txt")
        let error = #expect(throws: FoveaError.self) { _ = try MapFolder(folder.path) }
        #expect(error?.kind == .configuration && error?.message == "--maps is \(folder.path), which holds files")
    }
}
