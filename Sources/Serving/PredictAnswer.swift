import Basics
import Foundation

/// The answer of `/v1/predict`.
public struct PredictAnswer: Sendable, Encodable {
    /// One image.
    public struct Image: Sendable, Encodable {
        /// Its number in the request, from 0 on.
        public let index: Int
        /// Why there are no findings; nil where there are.
        @ExplicitNull public var error: String?
        /// Width of the upright photograph in pixels.
        @ExplicitNull public var width: Int?
        /// Height of the upright photograph in pixels.
        @ExplicitNull public var height: Int?
        /// What the network saw of it.
        @ExplicitNull public var coverage: Coverage?
        /// How well it shows the retina.
        @ExplicitNull public var quality: Quality?
        /// The share of training images that are less like the others than this one.
        @ExplicitNull public var familiarity: Double?
        /// One for each class but that of images without a finding: those above their threshold first, then by probability.
        public var findings: [Finding] = []
        /// The class of images without a finding; nil for a model without one.
        @ExplicitNull public var normal: Finding?

        /// An image that cannot be used.
        public init(index: Int, error: String) {
            self.index = index
            self.error = error
        }

        /// An image with findings.
        public init(
            index: Int, width: Int, height: Int, coverage: Coverage, quality: Quality?, familiarity: Double?,
            findings: [Finding], normal: Finding? = nil
        ) {
            self.index = index
            self.width = width
            self.height = height
            self.coverage = coverage
            self.quality = quality
            self.familiarity = familiarity
            self.normal = normal
            self.findings = findings.sorted {
                ($0.above == true ? 1 : 0, $0.probability) > ($1.above == true ? 1 : 0, $1.probability)
            }
        }
    }

    /// A rectangle on a photograph in shares of its width and height; beyond 0 ... 1 where the network saw black.
    public struct Coverage: Sendable, Equatable, Codable {
        let left: Double
        let top: Double
        let width: Double
        let height: Double

        /// Names the rectangle.
        public init(left: Double, top: Double, width: Double, height: Double) {
            (self.left, self.top, self.width, self.height) = (left, top, width, height)
        }
    }

    /// What was measured of a photograph.
    public struct Quality: Sendable, Equatable, Codable {
        let warnings: [String]
        @ExplicitNull var sharpness: Double?
        @ExplicitNull var brightness: Double?
        @ExplicitNull var overexposed: Double?
        @ExplicitNull var field: Double?
        @ExplicitNull var roundness: Double?

        /// Gathers the measures.
        public init(
            warnings: [String], sharpness: Double?, brightness: Double?, overexposed: Double?, field: Double?,
            roundness: Double?
        ) {
            self.warnings = warnings
            self.sharpness = sharpness
            self.brightness = brightness
            self.overexposed = overexposed
            self.field = field
            self.roundness = roundness
        }
    }

    /// One class of one image.
    public struct Finding: Sendable, Equatable, Codable {
        enum CodingKeys: String, CodingKey {
            case name = "class"
            case probability, calibrated, threshold, thresholdAppliesTo, calibratedThreshold, above, map
        }

        let name: String
        let probability: Float
        @ExplicitNull var calibrated: Float?
        @ExplicitNull var threshold: Double?
        @ExplicitNull var thresholdAppliesTo: String?
        @ExplicitNull var calibratedThreshold: Double?
        @ExplicitNull var above: Bool?
        @ExplicitNull var map: Map?

        /// Describes a class of an image.
        ///
        /// - Parameters:
        ///   - isCalibrated: whether the threshold applies to the calibrated probability.
        ///   - calibratedThreshold: the same threshold on the calibrated probability, whichever it applies to.
        public init(
            name: String, probability: Float, calibrated: Float?, threshold: Double?, isCalibrated: Bool,
            calibratedThreshold: Double?, above: Bool?, map: Map?
        ) {
            self.name = name
            self.probability = probability
            self.calibrated = calibrated
            self.threshold = threshold
            thresholdAppliesTo = threshold == nil ? nil : isCalibrated ? "calibrated" : "probability"
            self.calibratedThreshold = calibratedThreshold
            self.above = above
            self.map = map
        }
    }

    /// What speaks for a class, to be laid over the photograph.
    public struct Map: Sendable, Equatable, Codable {
        let png: Data
        let exact: Bool
        let coarse: Bool
        let highest: Float
        let highestOutside: Bool

        /// Describes a map.
        ///
        /// - Parameters:
        ///   - png: a file with transparency and the photograph's proportions.
        ///   - highestIsOutside: whether its highest place lies beyond the field of view, where nothing is drawn.
        public init(png: Data, isExact: Bool, isCoarse: Bool, highest: Float, highestIsOutside: Bool) {
            self.png = png
            (exact, coarse) = (isExact, isCoarse)
            (self.highest, highestOutside) = (highest, highestIsOutside)
        }
    }

    let model: String
    let version: String
    let fovea = Program.version
    let precision: String
    let notice = ServiceNotice.text
    let images: [Image]

    /// Gathers the images of a request.
    public init(_ model: ServedModel, images: [Image]) {
        self.model = model.name
        version = model.version
        precision = model.precision
        self.images = images
    }
}
