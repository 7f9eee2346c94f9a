/// How densely arteries (first lane) and veins (second) cover each pixel, from 0 to 1, and the reflex on arteries.
struct VesselLayer {
    private let grid: PixelGrid
    private(set) var density: [SIMD4<Float>]

    init(_ grid: PixelGrid) {
        self.grid = grid
        density = Array(repeating: .zero, count: grid.side * grid.side)
    }

    /// Adds vessels; `widening` multiplies their widths.
    mutating func add(_ vessels: [Vessel], widening: Float = 1) {
        for vessel in vessels {
            let pixel = grid.grain
            for i in 1..<vessel.points.count {
                let half = (vessel.halfWidths[i] + vessel.halfWidths[i - 1]) / 2 * widening
                // Thinner than a pixel: as wide as a pixel but fainter, so that no vessel breaks up into dots.
                let drawn = max(half, 0.5 * pixel)
                segment(
                    vessel.points[i - 1], vessel.points[i], drawn, strength: half / drawn,
                    isArtery: vessel.isArtery)
            }
        }
    }

    private mutating func segment(
        _ a: Point, _ b: Point, _ half: Float, strength: Float, isArtery: Bool
    ) {
        let edge = grid.grain
        let mask = isArtery ? SIMD4<Float>(1, 0, 0, 0) : SIMD4<Float>(0, 1, 0, 0)
        let reflex = isArtery ? SIMD4<Float>(0, 0, 1, 0) : .zero
        let along = b - a
        let inverse = 1 / max((along * along).sum(), 1e-9)
        let middle = (a + b) / 2
        let reach = half + edge
        let columns = grid.span(middle.x, abs(along.x) / 2 + reach)
        let rows = grid.span(middle.y, abs(along.y) / 2 + reach)
        let (side, origin) = (grid.side, grid.middle)
        density.withUnsafeMutableBufferPointer { density in
            for row in rows {
                for column in columns {
                    let d = Point(Float(column) - origin, Float(row) - origin) * edge - a
                    let t = max(0, min(1, (d * along).sum() * inverse))
                    let distance = (d - along * t).length
                    guard distance < reach else { continue }
                    let cover = strength * min(1, (reach - distance) / (1.3 * edge))
                    let core = half > edge ? strength * max(0, 1 - distance / (0.45 * half)) : 0
                    let i = row * side + column
                    let new = mask * cover + reflex * core
                    density[i].replace(with: new, where: new .> density[i])
                }
            }
        }
    }
}

extension Canvas {
    /// Paints vessels: blood absorbs green and blue first, and the crest of an artery shines.
    mutating func apply(_ layer: VesselLayer, strength: Float) {
        let arterial = Colour(0.13, 0.33, 0.34, 0) * strength
        let venous = Colour(0.3, 0.5, 0.44, 0) * strength
        for i in pixels.indices {
            let density = layer.density[i]
            guard density.x + density.y > 0 else { continue }
            let blood =
                pixels[i] * (Colour(repeating: 1) - arterial * density.x) * (Colour(repeating: 1) - venous * density.y)
            pixels[i] = blood + pixels[i] * Colour(0.1, 0.08, 0.05, 0) * (density.z * (1 - density.y))
        }
    }
}
