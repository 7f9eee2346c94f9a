import Basics

/// One eye in front of the painter: the image so far, the anatomy, and the randomness of one finding.
struct Scene {
    var canvas: Canvas
    let anatomy: Anatomy
    let vessels: [Vessel]
    let noise: Noise
    /// The stream of the finding being drawn, so that findings do not disturb each other.
    var random: SeededRandom
    /// How marked the finding being drawn is, 0 (subtle) to 1 (severe).
    var extent: Float = 0.5

    /// A number that grows with the extent.
    func graded(_ subtle: Float, _ severe: Float) -> Float { subtle + (severe - subtle) * extent }

    /// A count that grows with the extent, scattered by a quarter.
    mutating func count(_ subtle: Float, _ severe: Float) -> Int {
        max(1, Int((graded(subtle, severe) * random.float(0.75, 1.25)).rounded()))
    }

    /// A place inside the field of view, clear of the disc and at least `clearance` from the fovea.
    mutating func place(within radius: Float = 0.9, clearance: Float = 0) -> Point {
        var candidate = Point.zero
        for _ in 0..<40 {
            candidate = random.direction() * (radius * random.float(0, 1).squareRoot())
            let clear = (candidate - anatomy.fovea).length > clearance
            if clear, (candidate - anatomy.disc).length > anatomy.discRadii.y * 1.35, abs(candidate.y) < 0.8 { break }
        }
        return candidate
    }

    /// A place on a vessel of at most the given order, between two distances from the disc, and the vessel's direction there.
    mutating func placeOnVessel(order: Int, from near: Float, to far: Float) -> (Point, Point) {
        for _ in 0..<60 {
            let vessel = vessels[random.index(below: vessels.count)]
            guard vessel.order <= order else { continue }
            let i = random.index(below: vessel.points.count)
            let distance = (vessel.points[i] - anatomy.disc).length
            if distance > near, distance < far, vessel.points[i].length < 0.88 {
                return (vessel.points[i], vessel.direction(at: i))
            }
        }
        return (place(), Point(1, 0))
    }
}
