import Basics

/// A square part of a prepared image, in shares of the image's side and as it lies in a left eye; in a right eye it is
/// mirrored.
public struct ImageWindow: Codable, Hashable, Sendable {
    /// The sides that a half may have.
    public static let halfSides = 0.02...0.5

    /// The centre, from the left of a left eye's image.
    public var x: Double
    /// The centre, from the top.
    public var y: Double
    /// Half of its side.
    public var halfSide: Double

    /// Makes a window; by default all of the image.
    public init(x: Double = 0.5, y: Double = 0.5, halfSide: Double = 0.5) {
        (self.x, self.y, self.halfSide) = (x, y, halfSide)
    }

    /// Where it lies in an eye.
    public func on(_ side: EyeSide) -> ImageWindow {
        ImageWindow(x: side == .left ? x : 1 - x, y: y, halfSide: halfSide)
    }

    /// Verifies that it lies in the image.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the value and what is allowed.
    public func validate() throws {
        guard Self.halfSides.contains(halfSide) else {
            throw FoveaError(
                .configuration,
                "half_side is \(halfSide); allowed are \(Self.halfSides.lowerBound) to \(Self.halfSides.upperBound) of the "
                    + "image's side")
        }
        for (name, centre) in [("x", x), ("y", y)] {
            // Numbers such as 0.3 and 0.7 are not exact.
            guard centre - halfSide >= -1e-9, centre + halfSide <= 1 + 1e-9 else {
                throw FoveaError(
                    .configuration,
                    "the window lies outside the image: \(name) is \(centre) and half_side \(halfSide), so it reaches from "
                        + "\(NumberFormat.fixed(centre - halfSide, decimals: 3)) to "
                        + "\(NumberFormat.fixed(centre + halfSide, decimals: 3)) of 0 to 1",
                    remedy: "Move its centre, or make half_side smaller.")
            }
        }
    }
}

extension ImageSettings {
    /// The side of the whole image of which a window of `resolution` pixels is a part.
    var wholeResolution: Int {
        window.map { Int((Double(resolution) / (2 * $0.halfSide)).rounded()) } ?? resolution
    }

    /// A window of the same square; nil: all of it, at the same resolution.
    public func cut(to window: ImageWindow?) -> ImageSettings {
        var image = self
        image.window = window
        return image
    }

    /// The whole image of which the window is a part.
    var whole: ImageSettings {
        var whole = self
        (whole.window, whole.resolution) = (nil, wholeResolution)
        return whole
    }
}

extension PreparedImage {
    /// A window of the image.
    ///
    /// - Parameter side: the eye; nil: estimated from the image.
    func cut(to window: ImageWindow, of side: EyeSide?, resolution: Int) throws -> PreparedImage {
        let window = try window.on(side ?? EyeSide(estimatedFrom: image))
        let whole = Double(image.width)
        func start(_ centre: Double) -> Int {
            max(0, min(image.width - resolution, Int((centre * whole - Double(resolution) / 2).rounded())))
        }
        let area = PixelArea(left: start(window.x), top: start(window.y), width: resolution, height: resolution)
        return PreparedImage(
            image: try image.cropped(to: area, width: resolution, height: resolution),
            foundFieldOfView: foundFieldOfView, field: field, coverage: coverage.part(area, of: image.width),
            width: width, height: height, quality: quality)
    }
}

extension PreparedImage.Coverage {
    /// What an area of the square of some side shows.
    fileprivate func part(_ area: PixelArea, of side: Int) -> Self {
        var part = self
        let side = Double(side)
        part.left += width * Double(area.left) / side
        part.top += height * Double(area.top) / side
        part.width *= Double(area.width) / side
        part.height *= Double(area.height) / side
        return part
    }
}
