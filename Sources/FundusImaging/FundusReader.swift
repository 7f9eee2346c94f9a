import Basics

/// A photograph ready for a network.
public struct PreparedImage: Sendable, Equatable {
    /// A square image of the settings' resolution.
    public let image: PixelImage
    /// Whether the disc of the fundus camera was found and cropped to.
    public let foundFieldOfView: Bool
    /// The square around the round disc of the fundus camera; nil where none was found, or where nothing is cropped and
    /// quality was not requested.
    public let field: Coverage?
    /// What the square shows of the upright photograph.
    public let coverage: Coverage
    /// Width of the upright photograph, in pixels.
    public let width: Int
    /// Height of the upright photograph, in pixels.
    public let height: Int
    /// How well it shows the retina; nil where that was not requested.
    public package(set) var quality: ImageQuality?
    /// The images that further networks see of the same photograph.
    var others: [PixelImage] = []

    /// The pixels of all images, one image after the other.
    public var bytes: [UInt8] { others.isEmpty ? image.bytes : image.bytes + others.flatMap(\.bytes) }

    /// A rectangle on a photograph, in shares of its width and height; beyond 0 ... 1 where the square is filled up with
    /// black.
    public struct Coverage: Sendable, Equatable {
        /// Where it begins, from the photograph's left.
        public var left: Double
        /// Where it begins, from the top.
        public var top: Double
        /// Its width.
        public var width: Double
        /// Its height.
        public var height: Double

        /// The square around the middle of an area of an image of some size.
        init(around area: PixelArea, in image: PixelImage) {
            let side = Double(max(area.width, area.height))
            width = side / Double(image.width)
            height = side / Double(image.height)
            left = (Double(area.left) - (side - Double(area.width)) / 2) / Double(image.width)
            top = (Double(area.top) - (side - Double(area.height)) / 2) / Double(image.height)
        }
    }
}

/// The one way from a file to the image a network sees: the cache, prediction and serving all call it.
public enum FundusReader {
    /// Reads a photograph, crops it, fills it up to a square with black and resizes it; or a window of that square.
    ///
    /// - Parameters:
    ///   - others: the images that further networks see of it (`PreparedImage.bytes`).
    ///   - side: the eye, which decides where windows lie; nil: estimated from the photograph.
    /// - Throws: `FoveaError` of kind `data` that names the path (see `ImageFile`).
    public static func read(
        path: String, settings: ImageSettings, others: [ImageSettings] = [], side: EyeSide? = nil,
        withQuality: Bool = false
    ) throws -> PreparedImage {
        try settings.validate()
        return try prepare(
            ImageFile(path: path, pixelLimit: settings.pixelLimit), settings: settings, others: others, side: side,
            withQuality: withQuality)
    }

    /// The same for a file whose bytes are in memory.
    public static func prepare(
        _ file: ImageFile, settings: ImageSettings, others: [ImageSettings] = [], side: EyeSide? = nil,
        withQuality: Bool = false
    ) throws -> PreparedImage {
        // Windows of one size are parts of one image.
        var wholes: [ImageSettings: PreparedImage] = [:]
        func prepared(_ settings: ImageSettings, withQuality: Bool) throws -> PreparedImage {
            try settings.validate()
            let whole =
                try wholes[settings.whole]
                ?? prepareWhole(file, settings: settings.whole, withQuality: withQuality)
            wholes[settings.whole] = whole
            return try settings.window.map { try whole.cut(to: $0, of: side, resolution: settings.resolution) } ?? whole
        }
        var result = try prepared(settings, withQuality: withQuality)
        result.others = try others.map { try prepared($0, withQuality: false).image }
        return result
    }

    private static func prepareWhole(
        _ file: ImageFile, settings: ImageSettings, withQuality: Bool
    ) throws -> PreparedImage {
        let side = settings.resolution
        let header = try file.header()
        let decoded: PixelImage
        let field: Field
        switch settings.crop {
        case .none:
            decoded = try file.decode(header, side: side, enlarge: true, pixelLimit: settings.pixelLimit)
            field = Field(whole: decoded)
        case .fieldOfView: (decoded, field) = try fieldOfView(of: file, header, settings: settings)
        }
        let scale = Double(side) / Double(max(field.area.width, field.area.height))
        let isWhole = settings.crop == .none
        let kept =
            isWhole
            ? decoded
            : try decoded.cropped(
                to: field.area, width: min(side, max(1, Int((Double(field.area.width) * scale).rounded()))),
                height: min(side, max(1, Int((Double(field.area.height) * scale).rounded()))))
        let square = kept.padded(toSquare: side)
        let located = isWhole && withQuality ? try locate(in: decoded) : field
        return PreparedImage(
            image: settings.localContrast ? LocalContrast.apply(to: square) : square,
            foundFieldOfView: field.isFound,
            field: located.isRound ? .init(around: located.area, in: decoded) : nil,
            coverage: .init(around: field.area, in: decoded),
            width: header.isTurned ? header.height : header.width,
            height: header.isTurned ? header.width : header.height,
            quality: withQuality ? try quality(of: decoded, located) : nil)
    }

    private static func quality(of decoded: PixelImage, _ field: Field) throws -> ImageQuality {
        let onPaper = field.isFound ? nil : try decoded.withoutWhiteSurround.map { try locate(in: $0) }
        let field = onPaper ?? field
        return try ImageQuality(of: decoded, field: field.area, isRound: field.isRound)
    }

    /// Decodes at about twice the final size, which leaves enough pixels after cropping away wide borders; a disc that
    /// is smaller still is decoded again, larger.
    private static func fieldOfView(
        of file: ImageFile, _ header: ImageHeader, settings: ImageSettings
    ) throws -> (PixelImage, Field) {
        let side = settings.resolution
        let decoded = try file.decode(header, side: 2 * side, pixelLimit: settings.pixelLimit)
        let field = try locate(in: decoded)
        let longest = max(field.area.width, field.area.height)
        guard longest < side, max(decoded.width, decoded.height) == 2 * side else { return (decoded, field) }
        let larger = try file.decode(
            header, side: (2 * side * side + longest - 1) / longest, pixelLimit: settings.pixelLimit)
        return (larger, try locate(in: larger))
    }

    /// The disc's rectangle in a decoded image, or the whole image.
    private struct Field {
        var area: PixelArea
        var isFound = false
        var isRound = false

        init(whole image: PixelImage) { area = PixelArea(left: 0, top: 0, width: image.width, height: image.height) }
    }

    /// The disc's rectangle, found in a copy of at most 256 pixels a side.
    private static func locate(in image: PixelImage) throws -> Field {
        var result = Field(whole: image)
        let longest = max(image.width, image.height)
        let factor = max(1, Double(longest) / 256)
        let reduced =
            factor == 1
            ? image
            : try image.cropped(
                to: result.area, width: max(1, Int(Double(image.width) / factor)),
                height: max(1, Int(Double(image.height) / factor)))
        let field = FieldOfView(in: reduced)
        guard field.isFound else { return result }
        let scaleX = Double(image.width) / Double(reduced.width)
        let scaleY = Double(image.height) / Double(reduced.height)
        let left = Int(Double(field.area.left) * scaleX)
        let top = Int(Double(field.area.top) * scaleY)
        let right = min(image.width, Int((Double(field.area.left + field.area.width) * scaleX).rounded(.up)))
        let bottom = min(image.height, Int((Double(field.area.top + field.area.height) * scaleY).rounded(.up)))
        result.area = PixelArea(left: left, top: top, width: right - left, height: bottom - top)
        (result.isFound, result.isRound) = (true, field.isRound)
        return result
    }
}
