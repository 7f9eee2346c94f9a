import Basics

/// What passes through clotted blood; all haemorrhages share it.
private let clot = rgb(0.46, 0.2, 0.23)

extension Scene {
    mutating func paintDotHaemorrhages() {
        for _ in 0..<count(12, 46) {
            let radius = random.chance(0.7) ? random.float(0.015, 0.024) : random.float(0.022, graded(0.032, 0.05))
            let dot = Blob(place(within: 0.85), radius: radius, softness: 0.35, irregularity: 0.3)
            canvas.stain(dot, noise, with: clot, opacity: graded(0.8, 1))
        }
    }

    mutating func paintFlameHaemorrhages() {
        for _ in 0..<count(6, 17) {
            let (place, direction) = placeOnVessel(order: 1, from: 0.2, to: 0.75)
            flame(at: place + random.direction() * random.float(0.01, 0.05), along: direction)
        }
    }

    /// A splinter of blood between nerve fibres: long, with frayed ends.
    private mutating func flame(at place: Point, along direction: Point) {
        let angle = arcTangent(direction.y, direction.x) + random.float(-0.25, 0.25)
        let length = random.float(0.04, graded(0.07, 0.11))
        for _ in 0..<3 {
            let radii = Point(length * random.float(0.6, 1), random.float(0.008, 0.018))
            let shift = Point(random.float(-0.4, 0.4) * length, random.float(-0.012, 0.012)).turned(by: angle)
            let streak = Blob(place + shift, radii: radii, angle: angle, softness: 0.6, irregularity: 0.35)
            canvas.stain(streak, noise, with: clot, opacity: 0.55)
        }
    }

    /// The temporal vein that is occluded, if the eye has such a vein.
    static func occludedVein(_ vessels: [Vessel], disc: Point, _ random: inout SeededRandom) -> Vessel? {
        let temporal = vessels.filter { vessel in
            guard let end = vessel.points.last else { return false }
            return vessel.order == 0 && !vessel.isArtery && end.x < disc.x
        }
        return temporal.isEmpty ? nil : temporal[random.index(below: temporal.count)]
    }

    mutating func paintBranchOcclusion() {
        guard let vein = Self.occludedVein(vessels, disc: anatomy.disc, &random) else { return }
        let first = vein.points.count / 4
        let outward: Float = vein.points[first].y < anatomy.disc.y ? -1 : 1
        for k in 0..<count(30, 80) {
            let i = first + random.index(below: vein.points.count - first)
            let away = Point(random.float(-0.12, 0.12), random.normal() * 0.11 + outward * 0.02)
            let place = vein.points[i] + away
            guard place.length < 0.93 else { continue }
            if k % 2 == 0 {
                flame(at: place, along: place - anatomy.disc)
            } else {
                let blot = Blob(place, radius: random.float(0.015, 0.04), softness: 0.4, irregularity: 0.4)
                canvas.stain(blot, noise, with: clot, opacity: 0.75)
            }
        }
    }

    mutating func paintVesselSheathing() {
        var trunks = vessels.filter { $0.order == 0 }
        trunks.shuffle(using: &random)
        let opacity = graded(0.55, 0.9)
        for vessel in trunks.prefix(count(2, 5)) {
            let first = 4 + random.index(below: 10)
            let last = min(vessel.points.count - 1, first + Int(graded(16, 34)))
            for i in first..<max(first, last) {
                let ahead = vessel.direction(at: i)
                let across = Point(-ahead.y, ahead.x) * (vessel.halfWidths[i] + 0.008)
                for side: Float in [-1, 1] {
                    let line = Blob(
                        vessel.points[i] + across * side, radii: Point(0.018, 0.007),
                        angle: arcTangent(ahead.y, ahead.x), softness: 0.4)
                    canvas.cover(line, noise, with: rgb(0.98, 0.93, 0.8), opacity: opacity)
                }
            }
        }
    }

    mutating func paintCottonWoolSpots() {
        for _ in 0..<count(4, 11) {
            let (place, direction) = placeOnVessel(order: 1, from: 0.25, to: 0.85)
            let angle = arcTangent(direction.y, direction.x)
            let size = random.float(0.034, graded(0.052, 0.08))
            let spot = Blob(
                place + random.direction() * random.float(0.02, 0.06),
                radii: Point(size, size * random.float(0.5, 0.85)), angle: angle, softness: 0.6, irregularity: 0.3)
            canvas.cover(spot, noise, with: rgb(0.99, 0.93, 0.76), opacity: graded(0.7, 0.9))
        }
    }
}
