import Basics

/// One vessel as a chain of places with its half-width at each.
struct Vessel {
    var isArtery: Bool
    /// 0 for a trunk, then 1, 2, ... for its branches.
    var order: Int
    var points: [Point]
    var halfWidths: [Float]

    /// The direction of the chain at a place, with a length of 1.
    func direction(at i: Int) -> Point {
        let (a, b) = (points[max(0, i - 1)], points[min(points.count - 1, i + 1)])
        return (b - a) / max((b - a).length, 1e-6)
    }
}

/// Grows the vessels of an eye: four pairs of an artery and a vein leave the disc, the temporal ones arch around the
/// macula, and all give off branches.
struct VesselGrower {
    let disc: Point
    let fovea: Point
    /// 1 in an ordinary eye; the amplitude of the windings.
    let tortuosity: Float
    private var random: SeededRandom
    private(set) var vessels: [Vessel] = []

    private static let stride: Float = 0.028

    init(disc: Point, fovea: Point, tortuosity: Float, random: SeededRandom) {
        self.disc = disc
        self.fovea = fovea
        self.tortuosity = tortuosity
        self.random = random
    }

    /// All vessels of the eye, trunks before their branches.
    mutating func grow() -> [Vessel] {
        // Half of the branching is symmetrical about the line from disc to fovea.
        for upward: Float in [-1, 1] {
            for isArtery in [false, true] {
                growTemporal(upward, isArtery)
                growNasal(upward, isArtery)
            }
        }
        for _ in 0..<3 { growMacular() }
        return vessels
    }

    private mutating func growTemporal(_ upward: Float, _ isArtery: Bool) {
        let inner: Float = isArtery ? random.float(-0.1, 0.02) : random.float(-0.02, 0.08)
        let height = random.float(0.56, 0.8) + inner
        let bend = disc + Point(random.float(-0.08, 0.08), upward * (random.float(0.42, 0.58) + inner))
        let crown = fovea + Point(random.float(0.05, 0.3), upward * height)
        let end = fovea + Point(random.float(-1.1, -0.8), upward * random.float(0.2, 0.75))
        trunk([start(upward), bend, crown, end], halfWidth: isArtery ? 0.0105 : 0.015, isArtery)
    }

    private mutating func growNasal(_ upward: Float, _ isArtery: Bool) {
        let shift: Float = isArtery ? random.float(-0.06, 0.06) : random.float(0, 0.12)
        let bend = disc + Point(random.float(0.02, 0.12), upward * random.float(0.2, 0.34))
        let crown = disc + Point(random.float(0.14, 0.34) + shift, upward * random.float(0.4, 0.6))
        let end = disc + Point(random.float(0.3, 0.6) + shift, upward * random.float(0.8, 1.15))
        trunk([start(upward), bend, crown, end], halfWidth: isArtery ? 0.0085 : 0.0115, isArtery)
    }

    /// A thin vessel from the disc straight towards the macula.
    private mutating func growMacular() {
        let origin = disc + Point(-0.07, random.float(-0.08, 0.08))
        let angle = Float.pi + random.float(-0.55, 0.55)
        branch(
            from: origin, heading: angle, bend: 0, halfWidth: random.float(0.003, 0.005),
            length: random.float(0.3, 0.5),
            order: 2, random.chance(0.5))
    }

    private mutating func start(_ upward: Float) -> Point {
        disc + Point(random.float(-0.015, 0.035), upward * random.float(0, 0.03))
    }

    private mutating func trunk(_ control: [Point], halfWidth: Float, _ isArtery: Bool) {
        let count = 52
        let meander = (random.float(3, 6), random.float(0, 6.3), random.float(-0.035, 0.035))
        let wave = (random.float(10, 16), random.float(0, 6.3), random.float(24, 34), random.float(0, 6.3))
        var vessel = Vessel(isArtery: isArtery, order: 0, points: [], halfWidths: [])
        for i in 0...count {
            let t = Float(i) / Float(count)
            let u = 1 - t
            let place =
                control[0] * (u * u * u) + control[1] * (3 * u * u * t) + control[2] * (3 * u * t * t)
                + control[3] * (t * t * t)
            let toward =
                (control[1] - control[0]) * (u * u) + (control[2] - control[1]) * (2 * u * t)
                + (control[3] - control[2]) * (t * t)
            let across = Point(-toward.y, toward.x) / max(toward.length, 1e-6)
            let winding = 0.7 * sine(wave.0 * t + wave.1) + 0.3 * tortuosity * sine(wave.2 * t + wave.3)
            let amplitude = 0.011 * tortuosity * smoothstep(0.02, 0.25, t)
            let drift = meander.2 * sine(meander.0 * t + meander.1) * smoothstep(0.1, 0.4, t)
            vessel.points.append(place + across * (winding * amplitude + drift))
            vessel.halfWidths.append(halfWidth * (1 - 0.55 * t))
        }
        vessels.append(vessel)
        branches(of: vessel, count: random.index(below: 4) + 5)
    }

    private mutating func branches(of parent: Vessel, count: Int) {
        var side: Float = random.chance(0.5) ? 1 : -1
        let last = parent.points.count - 3
        let first = parent.order == 0 ? 8 : 4
        guard last > first else { return }
        for k in 0..<count {
            let i = min(last, first + (last - first) * k / count + random.index(below: 8))
            side = random.chance(0.7) ? -side : side
            // Some forks are even and narrow, most give off a thin side branch at a wide angle.
            let isFork = parent.order < 2 && random.chance(0.3)
            let heading = parent.direction(at: i).turned(by: side * (isFork ? 0.4 : random.float(0.5, 1.15)))
            let width = isFork ? random.float(0.7, 0.85) : random.float(0.3, 0.6)
            branch(
                from: parent.points[i], heading: arcTangent(heading.y, heading.x), bend: -side * random.float(0, 0.045),
                halfWidth: parent.halfWidths[i] * width,
                length: (isFork ? 1.2 : 0.9) * random.float(0.3, 0.8) * (parent.order == 0 ? 1 : 0.6),
                order: parent.order + 1, parent.isArtery)
        }
    }

    /// A branch that leaves at `heading` and turns by `bend` a step back towards its parent's direction, less and less.
    private mutating func branch(
        from origin: Point, heading: Float, bend: Float, halfWidth: Float, length: Float, order: Int, _ isArtery: Bool
    ) {
        guard halfWidth > 0.0016 else { return }
        var vessel = Vessel(isArtery: isArtery, order: order, points: [origin], halfWidths: [halfWidth])
        var (place, heading, turn) = (origin, heading, Float(0))
        let wave = (random.float(16, 34), random.float(0, 6.3))
        let steps = max(2, Int(length / Self.stride))
        for i in 1...steps {
            let share = Float(i) / Float(steps)
            turn = 0.8 * turn + random.float(-0.07, 0.07)
            heading += bend * (1 - share) + turn
            heading += 0.14 * tortuosity * cosine(wave.0 * Float(i) * Self.stride + wave.1)
            place += Point(Self.stride, 0).turned(by: heading)
            // No vessel crosses the avascular zone of the fovea, and none matters outside the field of view.
            guard (place - fovea).length > 0.12, place.length < 1.05 else { break }
            vessel.points.append(place)
            vessel.halfWidths.append(halfWidth * (1 - 0.5 * share))
        }
        guard vessel.points.count > 2 else { return }
        vessels.append(vessel)
        if order < 3 { branches(of: vessel, count: random.index(below: 3) + (order == 1 ? 1 : 0)) }
    }
}
