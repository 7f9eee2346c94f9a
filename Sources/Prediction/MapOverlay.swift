import Foundation
import FundusImaging
import Models

extension PreparedImage.Coverage {
    /// Whether a place, in shares of the photograph's width and height, is in the disc that touches the sides.
    fileprivate func hasInDisc(_ x: Double, _ y: Double) -> Bool {
        let (u, v) = (2 * (x - left) / width - 1, 2 * (y - top) / height - 1)
        return u * u + v * v <= 1
    }
}

/// A class map laid over the photograph that it belongs to.
package struct MapOverlay {
    private let rows: Int
    private let columns: Int
    private let values: [Float]
    private let coverage: PreparedImage.Coverage
    /// The square around the field of view, beyond whose disc nothing is drawn; nil where none was found.
    private let field: PreparedImage.Coverage?

    /// The map of a class, by its position among those asked for, over the part of the photograph that the network saw.
    package init(_ maps: ClassMaps, _ index: Int, of photograph: PreparedImage) {
        values = maps.map(index)
        (rows, columns) = (maps.rows, maps.columns)
        coverage = photograph.coverage
        field = photograph.field
    }

    /// Whether most speaks for the class where nothing is drawn: the middle of the highest cell lies beyond the field of view.
    package var hasHiddenPeak: Bool {
        guard let field, let peak = values.indices.max(by: { values[$0] < values[$1] }), values[peak] > 0 else {
            return false
        }
        let (row, column) = (Double(peak / columns) + 0.5, Double(peak % columns) + 0.5)
        return !field.hasInDisc(
            coverage.left + coverage.width * column / Double(columns),
            coverage.top + coverage.height * row / Double(rows))
    }

    /// The value at a place of the photograph, given in shares of its width and height: bilinear between the middles of
    /// the map's cells; nil where the network did not look.
    package func value(x: Double, y: Double) -> Float? {
        let u = (x - coverage.left) / coverage.width
        let v = (y - coverage.top) / coverage.height
        guard 0...1 ~= u, 0...1 ~= v else { return nil }
        let column = min(max(u * Double(columns) - 0.5, 0), Double(columns - 1))
        let row = min(max(v * Double(rows) - 0.5, 0), Double(rows - 1))
        let (left, top) = (Int(column), Int(row))
        let (right, bottom) = (min(left + 1, columns - 1), min(top + 1, rows - 1))
        let (a, b) = (Float(column - Double(left)), Float(row - Double(top)))
        func cell(_ row: Int, _ column: Int) -> Float { values[row * columns + column] }
        let upper = cell(top, left) * (1 - a) + cell(top, right) * a
        let lower = cell(bottom, left) * (1 - a) + cell(bottom, right) * a
        return upper * (1 - b) + lower * b
    }

    /// The colour of a value, as a share of the map's highest, and how opaque it is.
    private static func color(_ share: Float) -> (red: Float, green: Float, blue: Float, opacity: Float) {
        (255, 220 * (1 - share), 0, 0.65 * share)
    }

    /// Calls `body` for each pixel of an image of some size at which something speaks for the class, with the value there
    /// as a share of the map's highest.
    private func forEachPixel(width: Int, height: Int, _ body: (_ number: Int, _ share: Float) -> Void) {
        let highest = values.max() ?? 0
        guard highest > 0 else { return }
        for y in 0..<height {
            for x in 0..<width {
                let place = (x: (Double(x) + 0.5) / Double(width), y: (Double(y) + 0.5) / Double(height))
                guard field?.hasInDisc(place.x, place.y) ?? true, let value = value(x: place.x, y: place.y), value > 0
                else { continue }
                body(y * width + x, value / highest)
            }
        }
    }

    /// The photograph with what speaks for the class in yellow to red: the more of it, the redder and the less
    /// transparent. The scale ends at the map's highest value; what is not above 0 stays as it is.
    func drawn(over photograph: PixelImage) -> PixelImage {
        var image = photograph
        forEachPixel(width: image.width, height: image.height) { number, share in
            let color = Self.color(share)
            for (channel, level) in [color.red, color.green, color.blue].enumerated() {
                let before = Float(image.bytes[number * 3 + channel])
                image.bytes[number * 3 + channel] = UInt8(
                    (before * (1 - color.opacity) + level * color.opacity).rounded())
            }
        }
        return image
    }

    /// The same as a layer of its own, a PNG file with transparency, to be stretched over the photograph.
    package func layer(width: Int, height: Int) throws -> Data {
        var bytes = [UInt8](repeating: 0, count: width * height * 4)
        forEachPixel(width: width, height: height) { number, share in
            let color = Self.color(share)
            for (channel, level) in [color.red, color.green, color.blue, 255 * color.opacity].enumerated() {
                bytes[number * 4 + channel] = UInt8(level.rounded())
            }
        }
        return try PixelImage.png(redGreenBlueAlpha: bytes, width: width, height: height)
    }
}
