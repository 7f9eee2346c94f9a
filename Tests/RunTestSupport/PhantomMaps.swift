import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Phantoms
import RunFiles
import Settings
import Torch

/// Whether the maps of a model lie on the findings that are drawn into phantoms.
///
/// A phantom is drawn with and without a finding. The two differ only where the finding is: that is its *lesion*. A true
/// positive is a validation image with the finding whose probability reaches the model's threshold. Its *peak* is the
/// highest cell of the map of that class, and lies on the lesion where the cell shows a part of it, that is, where a pixel
/// of the lesion is at most half a cell to either side of the cell's middle.
package struct PhantomMaps {
    /// What was counted for one finding.
    package struct Row {
        package let finding: PhantomFinding
        /// Validation images with the finding.
        package var images = 0
        package var truePositives = 0
        /// True positives with the peak on the lesion.
        package var hits = 0
        /// True positives with the peak, or one of the eight cells around it, on the lesion.
        package var near = 0
        /// The same with the peak of the next true positive: what the usual place of the finding alone would give.
        package var hitsOfOther = 0
        /// The sum of the shares of the field of view from which a cell shows a part of the lesion.
        package var chance = 0.0
        /// True positives in which covering the peak lowers the logit more than covering a random place.
        package var stronger = 0
    }

    /// A pixel belongs to the lesion where a channel differs by more than this, of 255.
    private static let visible = 16
    /// A channel of a pixel of the field of view is brighter than this in the healthy eye; the surround is black.
    private static let surround = 16

    /// Weights that `benchmarks/maps_on_phantoms.sh` names.
    package static let givenWeights = ProcessInfo.processInfo.environment["FOVEA_MAPS_WEIGHTS"]
    /// Few images teach a network only where it starts from ImageNet weights, which are not part of the project.
    private static let weights =
        givenWeights
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
        + "/../../../shared/weights/mobilenetv1_100_imagenet.safetensors"
    /// Whether there are weights to start from.
    package static let hasWeights = FileManager.default.fileExists(atPath: weights)

    /// A short training of a small network.
    package static func recipe(epochs: Int, batchSize: Int) -> RunSettings {
        var settings = RunSettings()
        settings.model.architecture = .mobilenetv1Short
        settings.model.weights = weights
        settings.training.epochs = epochs
        settings.training.batchSize = batchSize
        settings.training.warmUpSteps = 5
        return settings
    }

    /// The folder of the run.
    package let run: String
    private let eyes: [DrawnEye]
    private let images: String
    private let painter: PhantomPainter
    private let model: ModelBundle
    private let predictor: Predictor
    private let side: Int

    /// Draws eyes into a folder and trains a network on them.
    ///
    /// - Parameters:
    ///   - findings: the classes beside "normal".
    ///   - given: how the network is trained.
    package init(
        in folder: String, _ eyes: [DrawnEye], findings: [PhantomFinding], side: Int, settings given: RunSettings
    ) throws {
        (self.eyes, self.side, images, run) = (eyes, side, folder + "/images", folder + "/run")
        painter = PhantomPainter(seed: 1, side: side)
        var table = CSVText(header: ["image", "patient", "split", "normal"] + findings.map(\.rawValue))
        try Folder.make(images)
        for eye in eyes {
            let image = try painter.paint(patient: eye.patient, eye: eye.eye, findings: eye.findings)
            try AtomicFile.write(image.png(), to: images + "/" + eye.name)
            let labels = [eye.findings.isEmpty] + findings.map(eye.findings.contains)
            table.append([eye.name, "\(eye.patient)", eye.split] + labels.map { $0 ? "1" : "0" })
        }
        try AtomicFile.write(table.text, to: folder + "/labels.csv")
        var settings = given
        settings.data.table = folder + "/labels.csv"
        settings.data.images = images
        settings.data.split.method = .column
        settings.image.resolution = side
        settings.image.crop = .none
        settings.training.precision = .float32
        settings.evaluation.bootstrap = 0
        settings.output = run
        settings.cache = folder + "/cache"
        try SmallJob(settings).execute()
        model = try ModelBundle.loadUnchanged(from: settings.output)
        predictor = try model.predictor(device: .cpu)
    }

    /// A validation image in which the peak lies on the middle of the lesion, and that middle in shares of the side.
    package func example(_ finding: PhantomFinding) throws -> (image: String, x: Double, y: Double)? {
        guard let column = model.description.classes.firstIndex(of: finding.rawValue) else { return nil }
        for eye in eyes where eye.split == "val" && eye.findings.contains(finding) {
            let path = images + "/" + eye.name
            let image = try ImageFile(path: path).decode()
            let mask = try lesion(of: finding, in: eye, image)
            let places = mask.indices.filter { mask[$0] }
            let x = places.reduce(0) { $0 + $1 % side } / max(1, places.count)
            let y = places.reduce(0) { $0 + $1 / side } / max(1, places.count)
            let peak = try peak(image, column)
            guard peak.columns(side).contains(x), peak.rows(side).contains(y) else { continue }
            return (path, (Double(x) + 0.5) / Double(side), (Double(y) + 0.5) / Double(side))
        }
        return nil
    }

    /// The pixels in which an image differs from the same eye without the finding.
    private func lesion(of finding: PhantomFinding, in eye: DrawnEye, _ image: PixelImage) throws -> [Bool] {
        let healthy = try painter.paint(
            patient: eye.patient, eye: eye.eye, findings: eye.findings.subtracting([finding]))
        return pixels { difference(healthy, image, $0) > Self.visible }
    }

    /// Counts over the validation images with a finding.
    package func row(_ finding: PhantomFinding) throws -> Row {
        guard let column = model.description.classes.firstIndex(of: finding.rawValue),
            let threshold = model.description.thresholds?[column]
        else { throw FoveaError(.data, "the model has no threshold for \(finding.rawValue)") }
        var row = Row(finding: finding)
        var random = SeededRandom(seed: 9, SeededRandom.key(finding.rawValue))
        var (lesions, peaks) = ([LesionSums](), [Cell]())
        for eye in eyes where eye.split == "val" && eye.findings.contains(finding) {
            row.images += 1
            let image = try ImageFile(path: images + "/" + eye.name).decode()
            let logit = try logits([image], column)[0]
            guard 1 / (1 + exp(-Double(logit))) >= threshold else { continue }
            row.truePositives += 1

            let healthy = try painter.paint(
                patient: eye.patient, eye: eye.eye, findings: eye.findings.subtracting([finding]))
            let field = pixels { brightest(healthy, $0) > Self.surround }
            let lesion = LesionSums(side, try lesion(of: finding, in: eye, image))
            let peak = try peak(image, column)
            if lesion.isShown(in: peak) { row.hits += 1 }
            if lesion.isShown(in: Cell(x: peak.x, y: peak.y, side: 3 * peak.side)) { row.near += 1 }
            lesions.append(lesion)
            peaks.append(peak)
            let places = field.indices.filter { field[$0] }.map { Cell(x: $0 % side, y: $0 / side, side: peak.side) }
            row.chance += Double(places.count(where: lesion.isShown)) / Double(places.count)

            let place = places[random.index(below: places.count)]
            let covered = try logits([peak, place].map { covering(image, $0, field) }, column)
            if covered[0] < covered[1] { row.stronger += 1 }
        }
        row.hitsOfOther = zip(lesions, peaks.dropFirst() + peaks.prefix(1)).count { $0.isShown(in: $1) }
        return row
    }

    private func logits(_ images: [PixelImage], _ column: Int) throws -> [Float] {
        let all = try predictor.logits(images.flatMap(\.bytes), count: images.count, resolution: side)
        return images.indices.map { all[$0 * model.description.classes.count + column] }
    }

    /// The highest cell of the map of a class.
    private func peak(_ image: PixelImage, _ column: Int) throws -> Cell {
        guard let maps = try predictor.maps(image.bytes, resolution: side, classes: [column]), maps.isExact else {
            throw FoveaError(.configuration, "the network has no exact maps")
        }
        let map = maps.map(0)
        let highest = map.indices.max { map[$0] < map[$1] } ?? 0
        let size = side / maps.columns
        return Cell(
            x: highest % maps.columns * size + size / 2, y: highest / maps.columns * size + size / 2, side: size)
    }

    /// The image with a cell filled with the mean colour of the field of view; the surround stays.
    private func covering(_ image: PixelImage, _ cell: Cell, _ field: [Bool]) -> PixelImage {
        var covered = image
        let inside = field.indices.filter { field[$0] }
        for channel in 0..<3 {
            let mean = inside.reduce(0) { $0 + Int(image.bytes[3 * $1 + channel]) } / max(1, inside.count)
            for y in cell.rows(side) {
                for x in cell.columns(side) where field[y * side + x] {
                    covered.bytes[3 * (y * side + x) + channel] = UInt8(mean)
                }
            }
        }
        return covered
    }

    private func pixels(_ isIn: (Int) -> Bool) -> [Bool] { (0..<side * side).map(isIn) }

    private func brightest(_ image: PixelImage, _ pixel: Int) -> Int {
        Int(image.bytes[3 * pixel..<3 * pixel + 3].max() ?? 0)
    }

    private func difference(_ a: PixelImage, _ b: PixelImage, _ pixel: Int) -> Int {
        (3 * pixel..<3 * pixel + 3).reduce(0) { max($0, abs(Int(a.bytes[$1]) - Int(b.bytes[$1]))) }
    }
}

/// An image to draw.
package struct DrawnEye {
    package let patient: Int
    package let eye: PhantomEye
    package let findings: Set<PhantomFinding>
    /// "train" or "val".
    package let split: String

    /// Each eye of `patients` patients, once without a finding and once with it, so that few eyes teach a network what it is; the
    /// last quarter is for validation.
    package static func withAndWithout(_ finding: PhantomFinding, patients: Int) -> [DrawnEye] {
        (0..<patients).flatMap { patient in
            [[], [finding]].map {
                DrawnEye(
                    patient: patient, eye: PhantomEye.allCases[patient % 2], findings: $0,
                    split: 4 * patient < 3 * patients ? "train" : "val")
            }
        }
    }

    /// An eye of a patient.
    package init(patient: Int, eye: PhantomEye, findings: Set<PhantomFinding>, split: String) {
        (self.patient, self.eye, self.findings, self.split) = (patient, eye, findings, split)
    }

    /// The name of its file.
    package var name: String {
        ([String(patient), eye.rawValue] + findings.map(\.rawValue).sorted()).joined(separator: "-") + ".png"
    }
}

/// A square around a pixel.
private struct Cell {
    let x: Int
    let y: Int
    let side: Int

    func columns(_ limit: Int) -> Range<Int> { Self.span(x, side, limit) }
    func rows(_ limit: Int) -> Range<Int> { Self.span(y, side, limit) }

    private static func span(_ middle: Int, _ side: Int, _ limit: Int) -> Range<Int> {
        max(0, middle - side / 2)..<min(limit, middle + side / 2)
    }
}

/// How many pixels of a lesion lie above and to the left of each pixel, so that those of a cell are four sums.
private struct LesionSums {
    private let side: Int
    private var sums: [Int]

    init(_ side: Int, _ lesion: [Bool]) {
        self.side = side
        sums = Array(repeating: 0, count: (side + 1) * (side + 1))
        for y in 0..<side {
            var line = 0
            for x in 0..<side {
                line += lesion[y * side + x] ? 1 : 0
                sums[(y + 1) * (side + 1) + x + 1] = sums[y * (side + 1) + x + 1] + line
            }
        }
    }

    /// Whether a pixel of the lesion lies in a cell.
    func isShown(in cell: Cell) -> Bool {
        let (columns, rows) = (cell.columns(side), cell.rows(side))
        func sum(_ x: Int, _ y: Int) -> Int { sums[y * (side + 1) + x] }
        return sum(columns.upperBound, rows.upperBound) - sum(columns.lowerBound, rows.upperBound)
            - sum(columns.upperBound, rows.lowerBound) + sum(columns.lowerBound, rows.lowerBound) > 0
    }
}
