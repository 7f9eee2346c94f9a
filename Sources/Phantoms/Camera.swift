import Basics

/// What a camera does to the image: framing, light, colour, sharpness, noise.
struct Camera {
    /// The radius of the field of view as a share of the image's side.
    var field: Float
    /// The height at which the field of view is cut off above and below, in units; 1 for a whole circle.
    var cut: Float
    /// Multiplies red, green and blue.
    var cast: Colour
    /// The share of light lost at the edge.
    var vignetting: Float
    /// The colour and strength of the stray light near the edge.
    var edge: Colour
    var edgeStrength: Float
    /// Standard deviation of the blur, as a share of the image's side.
    var blur: Float
    /// Standard deviation of the sensor's noise.
    var noise: Float

    static let all = [
        Camera(
            field: 0.48, cut: 1, cast: rgb(1, 0.98, 0.95), vignetting: 0.38, edge: rgb(0.5, 0.42, 0.26),
            edgeStrength: 0.25, blur: 0.002, noise: 0.007),
        Camera(
            field: 0.49, cut: 0.86, cast: rgb(1.08, 0.74, 0.42), vignetting: 0.3, edge: rgb(0.7, 0.25, 0.08),
            edgeStrength: 0.15, blur: 0.0024, noise: 0.006),
        Camera(
            field: 0.47, cut: 1, cast: rgb(1.02, 1.06, 1.42), vignetting: 0.2, edge: rgb(0.6, 0.45, 0.5),
            edgeStrength: 0.3, blur: 0.0018, noise: 0.008),
        Camera(
            field: 0.485, cut: 1, cast: rgb(0.86, 1.1, 1.02), vignetting: 0.25, edge: rgb(0.45, 0.55, 0.36),
            edgeStrength: 0.5, blur: 0.003, noise: 0.006),
        Camera(
            field: 0.46, cut: 0.93, cast: rgb(0.92, 0.88, 0.98), vignetting: 0.36, edge: rgb(0.34, 0.28, 0.22),
            edgeStrength: 0.2, blur: 0.002, noise: 0.01),
    ]

    /// The camera that took a patient's photographs.
    static func of(seed: UInt64, patient: Int) -> Camera {
        var random = SeededRandom(seed: seed, UInt64(patient), SeededRandom.key("camera"))
        return all[random.index(below: all.count)]
    }
}

/// The light of one exposure: how bright, where its centre is, and how it falls off to one side.
struct Exposure {
    var brightness: Float
    var centre: Point
    var gradient: Point
    var defocus: Float
    var grainSeed: UInt64

    init(seed: UInt64, patient: Int, eye: PhantomEye) {
        var random = SeededRandom(
            seed: seed, UInt64(patient), SeededRandom.key("exposure"), SeededRandom.key(eye.rawValue))
        brightness = random.float(0.8, 1.2)
        centre = Point(random.float(-0.3, 0.3), random.float(-0.3, 0.3))
        gradient = random.direction() * random.float(0, 0.25)
        defocus = random.float(1, 1.5)
        grainSeed = random.next()
    }
}

extension Canvas {
    /// Takes the photograph: blur, light, colour cast, stray light at the edge, noise.
    mutating func photograph(_ camera: Camera, _ exposure: Exposure) {
        blur(sigma: camera.blur * exposure.defocus * Float(side))
        var state = exposure.grainSeed
        paintAll { point, colour in
            let off = point - exposure.centre
            let light =
                exposure.brightness * (1 - camera.vignetting * min(1.4, (off * off).sum()))
                * (1 + (point * exposure.gradient).sum())
            let rim = camera.edgeStrength * smoothstep(0.8, 1, point.length)
            let seen = (colour * camera.cast * light).mixed(with: camera.edge, rim)
            colour = seen + (Self.grain(&state) * camera.noise)
        }
    }

    /// Noise of standard deviation 1, alike in all colours but for a third of it; a xorshift generator per pixel.
    @inline(__always)
    private static func grain(_ state: inout UInt64) -> Colour {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let lanes = SIMD4<UInt16>(
            UInt16(truncatingIfNeeded: state), UInt16(truncatingIfNeeded: state >> 16),
            UInt16(truncatingIfNeeded: state >> 32), UInt16(truncatingIfNeeded: state >> 48))
        let values = Colour(lanes) * (1 / 32768) - 1
        return (values + values.w * 1.5)
    }

    /// The bytes of the image, red, green, blue, row by row, black outside the field of view.
    ///
    /// A left eye is the mirror image of what was painted.
    func bytes(_ camera: Camera, mirrored: Bool) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: side * side * 3)
        let middle = grid.middle
        for row in 0..<side {
            let y = (Float(row) - middle) * grain
            let above = smoothstep(-0.5 * grain, 1.5 * grain, camera.cut - abs(y))
            guard above > 0 else { continue }
            for column in 0..<side {
                let x = (Float(column) - middle) * grain
                let inside = above * smoothstep(-0.5 * grain, 1.5 * grain, 1 - Point(x, y).length)
                guard inside > 0 else { continue }
                let colour = pixels[row * side + column] * (255 * inside) + 0.5
                let at = (row * side + (mirrored ? side - 1 - column : column)) * 3
                bytes[at] = UInt8(max(0, min(255, colour.x)))
                bytes[at + 1] = UInt8(max(0, min(255, colour.y)))
                bytes[at + 2] = UInt8(max(0, min(255, colour.z)))
            }
        }
        return bytes
    }
}
