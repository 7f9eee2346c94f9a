import Basics

extension Scene {
    mutating func paintLaserScars() {
        // Burns are set in a pattern: rows of one sector, or all around.
        let sector = random.direction()
        let isAllAround = extent > 0.6
        for _ in 0..<count(16, 70) {
            let place = place(within: 0.92, clearance: 0.5)
            guard isAllAround || (place * sector).sum() > 0.1 else { continue }
            let radius = random.float(0.026, 0.045)
            canvas.cover(
                Blob(place, radius: radius, softness: 0.25, irregularity: 0.2), noise, with: rgb(0.96, 0.8, 0.52),
                opacity: random.float(0.5, 0.8))
            let pigment = Blob(place, radius: radius * random.float(0.3, 0.6), softness: 0.5, irregularity: 0.5)
            canvas.stain(pigment, noise, with: rgb(0.3, 0.25, 0.28), opacity: random.float(0.4, 0.9))
        }
    }

    mutating func paintChoroidalNaevus() {
        let radius = graded(0.09, 0.2)
        let place = place(within: 0.75, clearance: 0.3)
        let radii = Point(radius, radius * random.float(0.7, 1))
        let patch = Blob(place, radii: radii, angle: random.float(0, 3), softness: 0.25, irregularity: 0.12)
        let strength = graded(0.5, 0.75)
        canvas.paint(patch, noise) { _, coverage, colour in
            let slate = rgb(0.27, 0.25, 0.25) * (0.6 + 0.6 * colour.brightness)
            colour = colour.mixed(with: slate, strength * coverage)
        }
    }
}
