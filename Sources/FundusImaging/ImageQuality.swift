import Basics

/// Whether an image is a colour fundus photograph, and how well it shows the retina.
public struct ImageQuality: Sendable, Equatable, Codable {
    /// What is measured in the field of view. Formulas and limits: docs/using-a-model.md.
    public struct Measures: Sendable, Equatable, Codable {
        /// Standard deviation of the Laplacian of the luminance, relative to its mean; nil where the field of view has fewer than
        /// `ImageQuality.side` pixels.
        public var sharpness: Double?
        /// Mean luminance, from 0 to 1.
        public var brightness: Double
        /// The share of pixels that are white in the green channel, which shows most of the retina.
        public var overexposed: Double
        /// The longer side of the field of view, as a share of the image's.
        public var field: Double
        /// The shorter side of the field of view, as a share of its longer side.
        public var roundness: Double
    }

    /// The field of view is measured with this many pixels along its longer side.
    public static let side = 128

    /// Why the image is not a colour fundus photograph; nil for one.
    public package(set) var fault: String?
    /// Nil for an image that was prepared by subtracting its local mean, as that leaves neither light nor colour to judge.
    public let measures: Measures?

    /// Judges an upright image.
    ///
    /// - Parameters:
    ///   - field: the field of view found in it, or the whole image.
    ///   - isRound: whether that is the round field of a fundus camera.
    init(of image: PixelImage, field: PixelArea, isRound: Bool) throws {
        let featureless = image.featureless
        guard featureless != nil || !image.isMeanSubtracted else {
            (fault, measures) = (nil, nil)
            return
        }
        let longest = max(field.width, field.height)
        func reduced(_ side: Int) -> Int { max(1, side * Self.side / longest) }
        let seen = try FieldPixels(
            image.cropped(to: field, width: reduced(field.width), height: reduced(field.height)))
        measures = Measures(
            sharpness: longest < Self.side ? nil : seen.sharpness, brightness: seen.brightness,
            overexposed: seen.overexposed, field: Double(longest) / Double(max(image.width, image.height)),
            roundness: Double(min(field.width, field.height)) / Double(longest))
        if let featureless {
            fault = "the image is \(featureless)"
        } else if seen.saturation < 0.05 {
            fault = "the image is grey"
        } else if seen.redShare < 0.3 {
            fault = "most of the image is bluer than red"
        } else if !isRound, seen.retinalShare < 0.5 || seen.sharpness > 0.4 {
            fault = "no field of view was found"
        } else {
            fault = nil
        }
    }

    /// What is poor about the photograph, in words; empty for a good one.
    public func warnings(_ limits: QualityLimits) -> [String] {
        guard let measures else { return [] }
        var words: [String] = []
        if let sharpness = measures.sharpness, sharpness < limits.minimumSharpness { words.append("blurred") }
        if measures.brightness < limits.minimumBrightness { words.append("dark") }
        if measures.brightness > limits.maximumBrightness || measures.overexposed > limits.maximumOverexposed {
            words.append("bright")
        }
        if measures.field < limits.minimumField { words.append("small field") }
        if measures.roundness < limits.minimumRoundness { words.append("cut field") }
        return words
    }
}

/// Between which measures a photograph is not warned about.
public struct QualityLimits: Sendable, Equatable, Codable {
    /// Below it a photograph is blurred.
    public var minimumSharpness: Double
    /// Below it, it is dark.
    public var minimumBrightness: Double
    /// Above it, it is bright,
    public var maximumBrightness: Double
    /// and above it too.
    public var maximumOverexposed: Double
    /// Below it, its field of view is small.
    public var minimumField: Double
    /// Below it, its field of view is cut.
    public var minimumRoundness: Double
    /// The share of training images that are not fundus photographs by these rules.
    public var notFundus: Double
    /// How many training images were judged; 0 for the limits that are built in.
    public var images: Int

    /// For models whose training images are not at hand: from the ODIR-5K photographs of patients with even numbers.
    public static let standard = QualityLimits(
        minimumSharpness: 0.0135, minimumBrightness: 0.137, maximumBrightness: 0.727, maximumOverexposed: 0.045,
        minimumField: 0.5, minimumRoundness: 0.75, notFundus: 0, images: 0)

    /// Whether a model knows nothing about images that are not fundus photographs: hardly any trained it.
    public var refusesOthers: Bool { notFundus <= 0.01 }

    /// Every value in its range, as a file may hold others.
    public var isPossible: Bool {
        images >= 0
            && [
                minimumSharpness, minimumBrightness, maximumBrightness, maximumOverexposed, minimumField,
                minimumRoundness, notFundus,
            ].allSatisfy { $0 >= 0 && $0.isFinite }
    }
}

extension QualityLimits {
    /// With fewer the 1 % and 99 % quantiles are hardly more than the extremes.
    private static let fewestMeasures = 100

    /// The built-in limits, widened to the 1 % and 99 % quantiles of the training images that are fundus photographs; nil
    /// without an image.
    ///
    /// They are never stricter: that all training images are alike does not make others poor.
    public init?(training qualities: [ImageQuality]) {
        guard !qualities.isEmpty else { return nil }
        self = .standard
        images = qualities.count
        notFundus = Double(qualities.count { $0.fault != nil }) / Double(images)
        let measures = qualities.compactMap { $0.fault == nil ? $0.measures : nil }
        let brightness = measures.map(\.brightness)
        widen(\.minimumSharpness, by: min, measures.compactMap(\.sharpness), 0.01)
        widen(\.minimumBrightness, by: min, brightness, 0.01)
        widen(\.maximumBrightness, by: max, brightness, 0.99)
        widen(\.maximumOverexposed, by: max, measures.map(\.overexposed), 0.99)
        widen(\.minimumField, by: min, measures.map(\.field), 0.01)
        widen(\.minimumRoundness, by: min, measures.map(\.roundness), 0.01)
    }

    private mutating func widen(
        _ limit: WritableKeyPath<Self, Double>, by wider: (Double, Double) -> Double, _ values: [Double],
        _ share: Double
    ) {
        guard values.count >= Self.fewestMeasures else { return }
        let quantile = values.sorted()[Int((share * Double(values.count - 1)).rounded())]
        self[keyPath: limit] = wider(self[keyPath: limit], quantile)
    }
}
