import Basics
import Evaluation
import Foundation
import FundusImaging
import Logging
import Models
import RunFiles
import Torch

/// How a model's logits become calibrated probabilities, and its operating points: `calibration.json` beside the weights,
/// made by `fovea calibrate`.
public struct ModelCalibration: Codable, Sendable, Equatable {
    /// What it was fitted on.
    package struct Source: Codable, Sendable, Equatable {
        /// The label table, as it was named.
        var path: String
        /// The hash of the table.
        var hash: String
        /// How many photographs.
        package var images: Int
        /// Which ones: validation, training or all.
        package var split: String
        /// The hashes of the photographs' contents, sorted.
        var contents: [String]
    }

    /// Thresholds on the calibrated probability, for each class; by the share that is promised, such as "0.9".
    package struct Points: Codable, Sendable, Equatable {
        var sensitivity: [String: [Double?]]
        var specificity: [String: [Double?]]
    }

    /// What the training images showed.
    struct Learnt {
        var quality: QualityLimits?
        /// The hash of the familiarity's file.
        var familiarity: String?
        /// Why something was not learnt.
        var missing: String?
    }

    static let name = RunFolder.calibrationName
    static let sizeLimit = 1 << 28
    /// Far more than any line that is fitted has.
    private static let steepest = 1e6
    private static let currentFormat = 1
    /// From how many images with a class on its calibrated probability says how often the class is there. Of 20 that are
    /// expected, 12 to 29 are found (their number's 95 % interval), and with 19 the first threshold for a sensitivity of
    /// 0.95 can be promised; of fewer, the penalty decides more than the images do.
    package static let enoughPositives = 20

    private var format = Self.currentFormat
    /// The hash of the weights that it belongs to.
    let weightsSHA256: String
    package let precision: Precision
    package let data: Source
    let classes: [String]
    /// Factor on each class's logit.
    let slope: [Double]
    /// Added to each class's scaled logit.
    let offset: [Double]
    package let points: Points
    /// Images with each class: where there is none, the class keeps slope 1 and offset 0.
    package let positives: [Int]
    /// Between which measures an image is like the training images; nil where these were not at hand.
    let quality: QualityLimits?
    /// The hash of the familiarity that was learnt with it; nil where none was.
    let familiaritySHA256: String?

    enum CodingKeys: String, CodingKey {
        case format, precision, data, classes, slope, offset, points, positives, quality
        case weightsSHA256 = "weightsSha256"
        case familiaritySHA256 = "familiaritySha256"
    }

    init(
        weights: String, precision: Precision, data: Source, classes: [String], lines: [PlattScaling], points: Points,
        positives: [Int], learnt: Learnt
    ) {
        weightsSHA256 = weights
        self.precision = precision
        self.data = data
        self.classes = classes
        slope = lines.map(\.slope)
        offset = lines.map(\.offset)
        self.points = points
        self.positives = positives
        (quality, familiaritySHA256) = (learnt.quality, learnt.familiarity)
    }

    /// Calibrated probabilities, [N, classes]; those of a single-label model are fitted class by class and need not sum
    /// to 1.
    public func probabilities(_ logits: [Float], of description: ModelDescription) throws -> [Float] {
        let scores = try Self.scores(logits, of: description)
        return scores.indices.map { index in
            let column = index % classes.count
            return Float(PlattScaling(slope: slope[column], offset: offset[column]).probability(scores[index]))
        }
    }

    /// The calibrated probability of a class's probability as trained; the higher the one, the higher the other.
    func probability(_ trained: Double, class column: Int) -> Double {
        PlattScaling(slope: slope[column], offset: offset[column]).probability(Self.logit(of: trained))
    }

    /// The same of a tensor of raw logits, [N, classes], in float32.
    package func probabilities(_ logits: Tensor, of description: ModelDescription) throws -> Tensor {
        let scores =
            switch description.labels {
            case .multi: logits
            case .single:
                try {
                    let p = try description.probabilities(logits)
                    // The logits are limited, not p: 1 - 1e-7 has no close number in float32.
                    return try (p / (1 - p)).log().clamped(Self.logit(of: 0), Self.logit(of: 1))
                }()
            }
        return try (scores * Tensor(slope.map(Float.init)) + Tensor(offset.map(Float.init))).sigmoid()
    }

    /// What lines are fitted to, [N, classes]: the logit of each class's probability, which for multi-label models is the
    /// network's own.
    static func scores(_ logits: [Float], of description: ModelDescription) throws -> [Double] {
        switch description.labels {
        case .multi: return logits.map(Double.init)
        case .single:
            return try description.probabilities(logits).map { logit(of: Double($0)) }
        }
    }

    private static func logit(of probability: Double) -> Double {
        let p = min(max(probability, 1e-12), 1 - 1e-7)
        return log(p / (1 - p))
    }

    /// Warns where the arithmetic is not the one in which it was fitted.
    package func warn(usedIn used: Precision, _ logger: Logger) {
        guard used != precision else { return }
        logger.warning(
            "\(Self.name) was fitted in \(precision.rawValue), so calibrated probabilities in \(used.rawValue) are somewhat off"
        )
    }

    /// Reads the calibration beside a model; nil where there is none.
    ///
    /// - Parameter weights: the hash of the model's weights; nil for that of the file.
    /// - Throws: `FoveaError` of kind `data` when it is damaged or belongs to other weights.
    package static func read(
        for folder: String, _ description: ModelDescription, weights: String? = nil
    ) throws -> ModelCalibration? {
        let path = PathName.joined(folder, name)
        guard let data = try RegularFile.contents(of: path, atMost: sizeLimit) else { return nil }
        let again = "Make it again with `fovea calibrate`, or delete it."
        let calibration: ModelCalibration
        do {
            calibration = try JSONFormat.decoded(ModelCalibration.self, from: data)
        } catch {
            throw FoveaError(
                .data,
                "\(path) is not a calibration: \(JSONFault.words(error, in: data, decoding: ModelCalibration.self))",
                remedy: again)
        }
        guard calibration.format == currentFormat else {
            throw FoveaError(
                .data, "\(path) has format \(calibration.format); this version of Fovea reads \(currentFormat)",
                remedy: "Update Fovea, or make it again with `fovea calibrate`.")
        }
        guard try weights ?? ModelBundle.weightsHash(in: folder) == calibration.weightsSHA256 else {
            throw FoveaError(
                .data, about: path,
                "is the calibration of other weights than \(PathName.joined(folder, ModelBundle.weightsName))",
                remedy: again)
        }
        if let fault = calibration.fault(description.classes) {
            throw FoveaError(.data, at: FilePlace(path), fault, remedy: again)
        }
        return calibration
    }

    /// Whether a file is a calibration, even a damaged one.
    static func isOne(_ path: String) throws -> Bool {
        let text = String(decoding: try RegularFile.contents(of: path, atMost: sizeLimit) ?? Data(), as: UTF8.self)
        return text.hasPrefix("{\n  \"classes\" :") || text.contains("\"weights_sha256\"")
    }

    /// What the file has that `fovea calibrate` does not write for these classes; nil for nothing.
    private func fault(_ expected: [String]) -> String? {
        guard classes == expected else {
            return classes.sorted() == expected.sorted()
                ? "classes has the classes of the model in another order"
                : "classes is \(Pluralization.listing(classes)); the model has \(Pluralization.listing(expected))"
        }
        let lists = Array(points.sensitivity) + Array(points.specificity)
        let counts = [slope.count, offset.count, positives.count] + lists.map(\.value.count)
        if counts.contains(where: { $0 != classes.count }) {
            return
                "slope, offset, positives and each list of points must have \(classes.count) entries, one for each class"
        }
        if let wrong = slope.first(where: { !($0 > 0 && $0 <= Self.steepest) }) {
            return "slope has \(wrong); slopes must be above 0 and at most \(Self.steepest)"
        }
        if let wrong = offset.first(where: { !(abs($0) <= Self.steepest) }) {
            return "offset has \(wrong); allowed are -\(Self.steepest) to \(Self.steepest)"
        }
        if let key = lists.map(\.key).first(where: { !(Double($0).map { 0...1 ~= $0 } ?? false) }) {
            return "points has the key \"\(key)\"; each is a share from 0 to 1"
        }
        if let wrong = lists.flatMap(\.value).compactMap(\.self).first(where: { !(0...1 ~= $0) }) {
            return "points has the threshold \(wrong); allowed are 0 to 1 and null"
        }
        guard data.images == data.contents.count, positives.allSatisfy({ 0...data.images ~= $0 }) else {
            return "data.images must be the number of data.contents, and each of positives from 0 to that"
        }
        if let familiaritySHA256, familiaritySHA256.wholeMatch(of: /[0-9a-f]{64}/) == nil {
            return "familiarity_sha256 is \"\(familiaritySHA256)\", which is not a SHA-256 in hexadecimal"
        }
        guard quality?.isPossible ?? true else { return "quality has a number below 0 or one that is not finite" }
        return nil
    }
}
