import Basics

/// An ellipse with an irregular, soft edge: the shape of most findings.
struct Blob {
    var centre: Point
    /// The half-axes, in units; `radii.x` lies along `angle`.
    var radii: Point
    /// The turn of the first half-axis, in radians.
    var angle: Float = 0
    /// The width of the edge as a share of the radius.
    var softness: Float = 0.3
    /// How far the edge strays, as a share of the radius, and how many bays it has around.
    var irregularity: Float = 0
    var bays: Float = 3

    /// Makes a round blob.
    init(_ centre: Point, radius: Float, softness: Float = 0.3, irregularity: Float = 0) {
        self.centre = centre
        radii = Point(radius, radius)
        self.softness = softness
        self.irregularity = irregularity
    }

    /// Makes a turned ellipse.
    init(_ centre: Point, radii: Point, angle: Float, softness: Float = 0.3, irregularity: Float = 0) {
        self.init(centre, radius: radii.x, softness: softness, irregularity: irregularity)
        self.radii = radii
        self.angle = angle
    }
}

extension Canvas {
    /// Changes the pixels of a blob; `shade` gets the place in the blob's own frame (edge near length 1), the coverage
    /// from 0 to 1, and the colour.
    @inline(__always)
    mutating func paint(_ blob: Blob, _ noise: Noise, _ shade: (Point, Float, inout Colour) -> Void) {
        // A blob smaller than a pixel keeps its area, fainter, instead of falling between pixel centres.
        let smallest = 0.6 * grain
        let radii = blob.radii.replacing(with: Point(repeating: smallest), where: blob.radii .< smallest)
        let fade = (blob.radii.x * blob.radii.y) / (radii.x * radii.y)
        let softness = max(blob.softness, min(1, 0.7 * grain / min(radii.x, radii.y)))
        let (c, s) = (cosine(blob.angle), sine(blob.angle))
        let inverse = Point(1, 1) / radii
        let reach = max(radii.x, radii.y) * (1 + softness + blob.irregularity)
        paint(around: blob.centre, reach: reach) { point, colour in
            let d = point - blob.centre
            let local = Point(c * d.x + s * d.y, c * d.y - s * d.x) * inverse
            var distance = local.length
            guard distance < 1 + softness + blob.irregularity else { return }
            if blob.irregularity > 0 {
                distance += blob.irregularity * noise.fractal(local * blob.bays + blob.centre * 37)
            }
            let coverage = fade * (1 - smoothstep(1 - softness, 1 + softness, distance))
            if coverage > 0 { shade(local, coverage, &colour) }
        }
    }

    /// Covers a blob with a colour; `opacity` from 0 to 1.
    mutating func cover(_ blob: Blob, _ noise: Noise, with paint: Colour, opacity: Float) {
        self.paint(blob, noise) { _, coverage, colour in colour = colour.mixed(with: paint, opacity * coverage) }
    }

    /// Lets a blob absorb light: `tint` is what passes of red, green and blue where the blob is densest.
    mutating func stain(_ blob: Blob, _ noise: Noise, with tint: Colour, opacity: Float) {
        let absorbed = Colour(repeating: 1) - tint
        paint(blob, noise) { _, coverage, colour in
            colour *= Colour(repeating: 1) - absorbed * (opacity * coverage)
        }
    }
}
