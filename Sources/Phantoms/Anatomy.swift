import Basics

/// A healthy eye: places, sizes and colours, drawn as a right eye (disc to the right).
struct Anatomy {
    var disc: Point
    /// Half-axes of the disc; the vertical one is a little longer.
    var discRadii: Point
    var discTilt: Float
    /// Diameter of the cup as a share of the disc's.
    var cup: Float
    var fovea: Point
    /// How dark the macula is, 0 to 1.
    var maculaDepth: Float
    var background: Colour
    /// Strength of the choroidal pattern, 0 to 1.
    var tessellation: Float
    /// How strongly the vessels stand out.
    var vesselStrength: Float
    var tortuosity: Float
    /// The streams for the texture and the vessels.
    var textureSeed: SeededRandom
    var vesselSeed: SeededRandom

    /// The eye of a patient; the two eyes share what eyes of a person share and differ in the rest.
    init(seed: UInt64, patient: Int, eye: PhantomEye) {
        let person = UInt64(patient)
        var both = SeededRandom(seed: seed, person, SeededRandom.key("anatomy"))
        var own = SeededRandom(seed: seed, person, SeededRandom.key("anatomy"), SeededRandom.key(eye.rawValue))
        let pigment = both.float(0, 1)
        let size = both.float(0.135, 0.17)
        let cup = both.float(0.2, 0.45)
        let tortuosity = both.float(0.6, 1.4)
        let tessellation = both.float(0, 0.35)
        maculaDepth = both.float(0.3, 0.7)
        vesselStrength = both.float(0.75, 1.1)

        let gaze = Point(own.float(-0.09, 0.09), own.float(-0.07, 0.07))
        let distance = size * own.float(4.8, 5.5)
        fovea = Point(-0.16, 0.04) + gaze
        disc = fovea + Point(distance, own.float(-0.12, -0.02))
        discRadii = Point(size * own.float(0.88, 1), size * own.float(1, 1.1))
        discTilt = own.float(-0.2, 0.2)
        self.cup = cup + own.float(-0.05, 0.05)
        self.tortuosity = tortuosity * own.float(0.9, 1.1)
        self.tessellation = tessellation
        background = rgb(0.88, 0.52, 0.31).mixed(with: rgb(0.55, 0.3, 0.14), pigment)
        textureSeed = SeededRandom(seed: own.next())
        vesselSeed = SeededRandom(seed: own.next())
    }
}
