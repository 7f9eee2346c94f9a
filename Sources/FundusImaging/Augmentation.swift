import Basics
import Foundation

/// How much the views of an image may differ from it; the defaults are the recipe of the plain model. Every range is drawn from uniformly.
public struct AugmentationSettings: Codable, Hashable, Sendable {
    /// Probability of a mirror image, left and right exchanged.
    public var horizontalFlip = 0.5
    /// Probability of top and bottom exchanged.
    public var verticalFlip = 0.0
    /// Largest rotation to either side, in degrees, 0 ... 180.
    public var rotation = 10.0
    /// Smallest side of the crop window, as a fraction of the image's side, above 0 and at most 1; the largest is 1.
    public var smallestScale = 0.75
    /// The brightness factor lies in 1 - brightness ... 1 + brightness; 0 ... 1.
    public var brightness = 0.2
    /// The contrast factor lies in 1 - contrast ... 1 + contrast; 0 ... 1.
    public var contrast = 0.2
    /// The saturation factor lies in 1 - saturation ... 1 + saturation; 0 ... 1.
    public var saturation = 0.0
    /// Largest turn of the colour circle to either side, in degrees, 0 ... 180.
    public var hue = 0.0
    /// The number of different views of each image that a plain training sees; 0 for a new one each time.
    public var views = 0

    /// The defaults.
    public init() {}

    /// No change: every view is an exact copy.
    public static let none: AugmentationSettings = {
        var none = AugmentationSettings()
        (none.horizontalFlip, none.rotation, none.smallestScale) = (0, 0, 1)
        (none.brightness, none.contrast) = (0, 0)
        return none
    }()

    /// Checks the ranges.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the value and what is allowed.
    public func validate() throws {
        let values: [(name: String, value: Double, range: ClosedRange<Double>)] = [
            ("horizontalFlip", horizontalFlip, 0...1), ("verticalFlip", verticalFlip, 0...1),
            ("rotation", rotation, 0...180), ("smallestScale", smallestScale, 0.05...1),
            ("brightness", brightness, 0...1), ("contrast", contrast, 0...1), ("saturation", saturation, 0...1),
            ("hue", hue, 0...180),
        ]
        for (name, value, range) in values where !range.contains(value) {
            throw FoveaError(
                .configuration, "\(name) is \(value); allowed are \(range.lowerBound) to \(range.upperBound)")
        }
    }
}

/// One replayable view of an image: what is done to it, as numbers.
///
/// For an image of R x R pixels, with pixel centres at half numbers, the output pixel (x, y) shows the source point
///
///     p = ((x + 0.5) / R - 0.5, (y + 0.5) / R - 0.5)
///     p = (flipX ? -p.x : p.x, flipY ? -p.y : p.y)
///     source = R * (centre + scale * (p.x cos a - p.y sin a, p.x sin a + p.y cos a))
///
/// that is, a window of side `scale * R` around `centre`, turned by the angle a about its centre, mirrored and resized
/// to R x R. The source is interpolated bilinearly; outside it is black. Then come, in floating point and rounded to
/// bytes after the warp, after the contrast and after the hue,
///
///     brightness   v = min(255, brightness * v)
///     contrast     v = clamp(contrast * v + (1 - contrast) * m), m the mean over the view of the grey values
///     saturation   v = saturation * v + (1 - saturation) * grey of the pixel
///     hue          a turn of (R, G, B) about the grey axis, then clamped
///
/// where grey = 0.299 R + 0.587 G + 0.114 B. In torchvision: crop, rotate, flip, `adjust_brightness`,
/// `adjust_contrast`, `adjust_saturation` in this order; its hue goes through HSV and differs slightly.
public struct Augmentation: Sendable, Hashable {
    /// Whether left and right are exchanged.
    public var flipX = false
    /// Whether top and bottom are exchanged.
    public var flipY = false
    /// The window's turn in degrees: with a positive one the window turns clockwise, so what it shows turns the
    /// other way.
    public var angle = 0.0
    /// The window's side as a fraction of the image's.
    public var scale = 1.0
    /// The window's centre as fractions of the image's side, from the left.
    public var centreX = 0.5
    /// The window's centre as fractions of the image's side, from the top.
    public var centreY = 0.5
    /// Factor on the brightness.
    public var brightness = 1.0
    /// Factor on the distance from the view's mean grey.
    public var contrast = 1.0
    /// Factor on the distance from the pixel's own grey.
    public var saturation = 1.0
    /// Turn of the colour circle in degrees.
    public var hue = 0.0

    /// The view that changes nothing.
    public init() {}

    /// View number `view` of the image with this content: a pure function of its arguments.
    ///
    /// The window lies at random wholly inside the image before it is turned. Ten numbers are drawn in fixed order
    /// whatever the settings, so one setting does not move what another draws.
    public init(settings: AugmentationSettings, seed: UInt64, contentKey: UInt64, view: Int) {
        var random = SeededRandom(seed: seed, SeededRandom.key("view"), contentKey, UInt64(bitPattern: Int64(view)))
        flipX = random.uniform() < settings.horizontalFlip
        flipY = random.uniform() < settings.verticalFlip
        angle = settings.rotation * random.uniform(-1, 1)
        scale = random.uniform(settings.smallestScale, 1)
        centreX = scale / 2 + (1 - scale) * random.uniform()
        centreY = scale / 2 + (1 - scale) * random.uniform()
        brightness = 1 + settings.brightness * random.uniform(-1, 1)
        contrast = 1 + settings.contrast * random.uniform(-1, 1)
        saturation = 1 + settings.saturation * random.uniform(-1, 1)
        hue = settings.hue * random.uniform(-1, 1)
    }
}
