/// How the pixels of a square image lie over the field of view.
struct PixelGrid {
    let side: Int
    /// Pixels per unit, that is, the radius of the field of view in pixels.
    let scale: Float

    /// The size of a pixel in units.
    var grain: Float { 1 / scale }
    /// The coordinate of the centre of the field of view, in pixels.
    var middle: Float { Float(side) / 2 - 0.5 }

    /// The columns (or rows) whose centres lie within `reach` of a coordinate.
    func span(_ coordinate: Float, _ reach: Float) -> Range<Int> {
        let limit = Float(side)
        let low = max(0, min(limit, ((coordinate - reach) * scale + middle).rounded(.up)))
        let high = max(low, min(limit, ((coordinate + reach) * scale + middle).rounded(.down) + 1))
        return Int(low)..<Int(high)
    }
}

/// A square image that is painted in the coordinates of the field of view.
struct Canvas {
    let grid: PixelGrid
    var pixels: [Colour]

    var side: Int { grid.side }
    var grain: Float { grid.grain }

    init(_ grid: PixelGrid) {
        self.grid = grid
        pixels = Array(repeating: .zero, count: grid.side * grid.side)
    }

    /// Changes every pixel whose centre lies in the square of half-width `reach` around `centre`.
    @inline(__always)
    mutating func paint(around centre: Point, reach: Float, _ shade: (Point, inout Colour) -> Void) {
        let (side, grain, middle) = (side, grain, grid.middle)
        let (columns, rows) = (grid.span(centre.x, reach), grid.span(centre.y, reach))
        pixels.withUnsafeMutableBufferPointer { pixels in
            for row in rows {
                let y = (Float(row) - middle) * grain
                for column in columns {
                    shade(Point((Float(column) - middle) * grain, y), &pixels[row * side + column])
                }
            }
        }
    }

    /// Changes every pixel.
    @inline(__always)
    mutating func paintAll(_ shade: (Point, inout Colour) -> Void) {
        paint(around: .zero, reach: .greatestFiniteMagnitude, shade)
    }

    /// Blurs by a bell of standard deviation `sigma` in pixels, as passes of three taps.
    mutating func blur(sigma: Float) {
        guard sigma > 0.05 else { return }
        let passes = max(1, Int((sigma * sigma * 1.5).rounded(.up)))
        let outer = sigma * sigma / Float(2 * passes)
        let inner = 1 - 2 * outer
        var other = pixels
        for _ in 0..<passes {
            Self.smooth(pixels, into: &other, side: side, step: 1, inner, outer)
            Self.smooth(other, into: &pixels, side: side, step: side, inner, outer)
        }
    }

    private static func smooth(
        _ source: [Colour], into target: inout [Colour], side: Int, step: Int, _ inner: Float, _ outer: Float
    ) {
        source.withUnsafeBufferPointer { source in
            target.withUnsafeMutableBufferPointer { target in
                // The frame of the image is dark surround: it may stay as it is.
                for row in 1..<side - 1 {
                    for i in row * side + 1..<(row + 1) * side - 1 {
                        target[i] = source[i] * inner + (source[i - step] + source[i + step]) * outer
                    }
                }
            }
        }
    }
}
