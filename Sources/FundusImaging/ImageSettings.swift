import Basics

/// How a photograph becomes the square image that a network sees; the same in training and in prediction.
public struct ImageSettings: Codable, Hashable, Sendable {
    /// What of the photograph is kept.
    public enum Crop: String, NamedChoice, Sendable {
        /// All of it.
        case none
        /// The bright disc that the fundus camera shows, without the black around it.
        case fieldOfView = "field_of_view"
    }

    /// The sides that an image may have, in pixels.
    public static let resolutions = 16...4096
    /// The limits that may be set to the pixels of a file.
    public static let pixelLimits = 1...4_000_000_000

    /// Side of the square image in pixels, one of `resolutions`.
    public var resolution: Int
    /// What of the photograph is kept. What is kept is never stretched: black fills it up to a square.
    public var crop: Crop
    /// Whether slow changes of brightness and colour are taken out (see `LocalContrast`).
    public var localContrast: Bool
    /// Photographs with more pixels than this are refused before they are decoded.
    public var pixelLimit: Int
    /// The part of the image that is cut out of the photograph, at `resolution`; nil for all of it.
    public var window: ImageWindow?

    /// Makes settings; the defaults suit raw photographs of any camera.
    public init(
        resolution: Int, crop: Crop = .fieldOfView, localContrast: Bool = false, pixelLimit: Int = 100_000_000,
        window: ImageWindow? = nil
    ) {
        self.resolution = resolution
        self.crop = crop
        self.localContrast = localContrast
        self.pixelLimit = pixelLimit
        self.window = window
    }

    /// Checks the ranges.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the value and what is allowed.
    public func validate() throws {
        guard Self.resolutions.contains(resolution) else {
            throw FoveaError(
                .configuration,
                "resolution is \(resolution); allowed are \(Self.resolutions.lowerBound) to \(Self.resolutions.upperBound) pixels"
            )
        }
        guard Self.pixelLimits.contains(pixelLimit) else {
            throw FoveaError(
                .configuration, "pixel_limit is \(pixelLimit); allowed are 1 to \(Self.pixelLimits.upperBound) pixels")
        }
        try window?.validate()
        guard wholeResolution <= Self.resolutions.upperBound else {
            throw FoveaError(
                .configuration,
                "a window with half_side \(window?.halfSide ?? 0) at \(resolution) pixels is a part of an image of "
                    + "\(wholeResolution) pixels; allowed are at most \(Self.resolutions.upperBound)",
                remedy: "Lower its resolution, or make the window larger.")
        }
    }

    /// All that decides on the prepared pixels, as a text. A change of the algorithm, or of what is refused, changes
    /// the number in front.
    package var key: String {
        "3 resolution \(resolution) crop \(crop.rawValue) localContrast \(localContrast) pixelLimit \(pixelLimit)"
            + (window.map { " window \($0.x) \($0.y) \($0.halfSide)" } ?? "")
    }
}
