import Basics

extension Scene {
    mutating func paintDrusen() {
        let spread = random.float(0.12, 0.22)
        let size = random.float(0.8, 1.25)
        for _ in 0..<count(20, 62) {
            let place = anatomy.fovea + Point(random.normal(), random.normal()) * spread
            let radius = size * random.float(0.012, graded(0.024, 0.04))
            let spot = Blob(place, radius: radius, softness: 0.45, irregularity: 0.25)
            canvas.cover(spot, noise, with: rgb(0.98, 0.82, 0.46), opacity: graded(0.55, 0.85))
        }
    }

    mutating func paintHardExudates() {
        for _ in 0..<count(1, 3) {
            let centre = anatomy.fovea + random.direction() * random.float(0.08, 0.3)
            let ring = random.float(0.08, 0.18)
            let (start, sweep) = (random.float(0, 6.28), random.float(2, 6))
            for _ in 0..<count(12, 34) {
                let around = Point(ring, 0).turned(by: start + random.float(0, sweep))
                let place = centre + around * random.float(0.7, 1.15)
                let radius = random.float(0.008, graded(0.018, 0.026))
                let spot = Blob(place, radius: radius, softness: 0.15, irregularity: 0.35)
                canvas.cover(spot, noise, with: rgb(1, 0.9, 0.5), opacity: random.float(0.75, 0.95))
            }
        }
    }

    mutating func paintGeographicAtrophy() {
        let base = graded(0.1, 0.28)
        for _ in 0..<count(1, 3) {
            let centre = anatomy.fovea + random.direction() * random.float(0, 0.12)
            let radii = Point(base * random.float(0.6, 1), base * random.float(0.6, 1))
            let patch = Blob(centre, radii: radii, angle: random.float(0, 3), softness: 0.1, irregularity: 0.3)
            let floor = rgb(0.96, 0.72, 0.45)
            let choroid = noise
            canvas.paint(patch, noise) { local, coverage, colour in
                let vessels = choroid.net(local * 2.2 + 5)
                let bare = floor.mixed(with: rgb(0.86, 0.42, 0.24), 0.6 * vessels)
                colour = colour.mixed(with: bare, 0.85 * coverage)
            }
        }
    }

    mutating func paintSubretinalFluid() {
        let radius = graded(0.16, 0.34)
        let centre = anatomy.fovea + random.direction() * random.float(0, 0.1)
        let radii = Point(radius, radius * random.float(0.8, 1))
        let dome = Blob(centre, radii: radii, angle: random.float(0, 3), softness: 0.2, irregularity: 0.08)
        let strength = graded(0.45, 0.75)
        canvas.paint(dome, noise) { local, coverage, colour in
            // Light falls on the dome from one side, and its margin shines.
            let distance = local.length
            let margin = smoothstep(0.7, 0.95, distance)
            let relief = 1 + 0.25 * (local.x + local.y) * distance
            let fluid = rgb(0.56, 0.42, 0.36) * relief
            let grey = colour.mixed(with: fluid, strength)
            colour = colour.mixed(with: grey.mixed(with: rgb(0.95, 0.78, 0.6), 0.3 * margin), coverage)
        }
    }

    mutating func paintEpiretinalMembrane() {
        let radius = graded(0.2, 0.42)
        let centre = anatomy.fovea + random.direction() * random.float(0.02, 0.16)
        let radii = Point(radius, radius * random.float(0.6, 0.95))
        let angle = random.float(0, 3)
        let sheet = Blob(centre, radii: radii, angle: angle, softness: 0.4, irregularity: 0.4)
        let strength = graded(0.3, 0.5)
        let (folds, phase) = (random.float(12, 20), random.float(0, 6))
        let wrinkles = noise
        canvas.paint(sheet, noise) { local, coverage, colour in
            let sheen = 0.6 + 0.4 * wrinkles(local * 3)
            let line = sine(folds * (local.y + 0.35 * wrinkles(local * 1.5 + 9)) + phase)
            let fold = smoothstep(0.45, 1, line)
            colour = colour.mixed(with: rgb(0.8, 0.78, 0.7), coverage * strength * sheen)
            colour = colour.mixed(with: rgb(0.97, 0.95, 0.88), coverage * strength * fold)
        }
    }
}
