import ConfigurationFile
import FundusImaging

extension ImageSettings: ConfigurationSection {
    /// The defaults.
    public init() { self.init(resolution: 224) }

    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("resolution", \.resolution, .integer(resolutions), "Side in pixels"),
        Field("crop", \.crop, .choice, "Whether the dark surround is cut off; images are padded, never stretched"),
        Field("local_contrast", \.localContrast, .flag, "Subtract the local mean (Graham 2015)"),
        // It decides which files are refused, not what is seen of the others.
        Field("pixel_limit", \.pixelLimit, .integer(pixelLimits), "Pixels that a file may claim at most").unused,
    ]
}

extension AugmentationSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("horizontal_flip", \.horizontalFlip, .number(0...1), "Probability of left and right exchanged"),
        Field("vertical_flip", \.verticalFlip, .number(0...1), "Probability of top and bottom exchanged"),
        Field("rotation", \.rotation, .number(0...180), "Degrees to either side"),
        Field("smallest_scale", \.smallestScale, .number(0.05...1), "Smallest side of the crop, of 1"),
        Field("brightness", \.brightness, .number(0...1), "Factor from 1 - b to 1 + b"),
        Field("contrast", \.contrast, .number(0...1), "Factor from 1 - c to 1 + c"),
        Field("saturation", \.saturation, .number(0...1), "Factor from 1 - s to 1 + s"),
        Field("hue", \.hue, .number(0...180), "Degrees on the colour circle to either side"),
        Field(
            "views", \.views, .integer(0...10_000), "Different views of each image for plain training; 0: always new"
        ).resolved,
    ]
}
