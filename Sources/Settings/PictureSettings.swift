import Configuration
import FundusImaging

/// How a photograph becomes a square image.
public struct PictureSettings: Sendable, Equatable {
    /// Side in pixels.
    public var resolution = 224
    /// Whether the dark surround is cut off.
    public var crop = ImageSettings.Crop.fieldOfView
    /// Whether the local mean is subtracted.
    public var localContrast = false
    /// Largest number of pixels that a file may claim.
    public var pixelLimit = 100_000_000

    /// The defaults.
    public init() {}

    /// The same for the image library.
    public var imageSettings: ImageSettings {
        ImageSettings(resolution: resolution, crop: crop, localContrast: localContrast, pixelLimit: pixelLimit)
    }
}

extension PictureSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("resolution", \.resolution, .integer(ImageSettings.resolutions), "Side in pixels"),
        Field("crop", \.crop, .choice, "Whether the dark surround is cut off; images are padded, never stretched"),
        Field("local_contrast", \.localContrast, .flag, "Subtract the local mean (Graham 2015)"),
        Field("pixel_limit", \.pixelLimit, .integer(ImageSettings.pixelLimits), "Pixels that a file may claim at most"),
    ]
}

/// How views differ from the image.
public struct ViewSettings: Sendable, Equatable {
    /// The ranges.
    public var ranges = AugmentationSettings()
    /// The number of different views of each image; 0 for a new one each time it is seen.
    public var views = 0

    /// The defaults.
    public init() {}
}

extension ViewSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("horizontal_flip", \.ranges.horizontalFlip, .number(0...1), "Probability of left and right exchanged"),
        Field("vertical_flip", \.ranges.verticalFlip, .number(0...1), "Probability of top and bottom exchanged"),
        Field("rotation", \.ranges.rotation, .number(0...180), "Degrees to either side"),
        Field("smallest_scale", \.ranges.smallestScale, .number(0.05...1), "Smallest side of the crop, of 1"),
        Field("brightness", \.ranges.brightness, .number(0...1), "Factor from 1 - b to 1 + b"),
        Field("contrast", \.ranges.contrast, .number(0...1), "Factor from 1 - c to 1 + c"),
        Field("saturation", \.ranges.saturation, .number(0...1), "Factor from 1 - s to 1 + s"),
        Field("hue", \.ranges.hue, .number(0...180), "Degrees on the colour circle to either side"),
        Field(
            "views", \.views, .integer(0...10_000), "Different views of each image for plain training; 0: always new"),
    ]
}
