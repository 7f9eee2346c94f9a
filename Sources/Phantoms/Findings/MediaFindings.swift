import Basics

extension Scene {
    mutating func paintMediaHaze() {
        canvas.blur(sigma: graded(0.006, 0.014) * Float(canvas.side))
        let veil = graded(0.2, 0.5)
        let centre = random.direction() * random.float(0, 0.5)
        let tint = rgb(0.66, 0.58, 0.42).mixed(with: rgb(0.62, 0.62, 0.6), random.float(0, 1))
        let clouds = noise
        canvas.paintAll { point, colour in
            let thick = 1 - 0.45 * min(1, (point - centre).length) + 0.15 * clouds(point * 1.5)
            colour = colour.mixed(with: tint, min(0.75, veil * thick))
        }
    }

    mutating func paintAsteroidHyalosis() {
        let centre = random.direction() * random.float(0, 0.35)
        for _ in 0..<count(40, 150) {
            let place = centre + Point(random.normal(), random.normal()) * 0.36
            guard place.length < 0.95 else { continue }
            let spark = Blob(place, radius: random.float(0.009, 0.02), softness: 0.4, irregularity: 0.2)
            canvas.cover(spark, noise, with: rgb(1, 0.96, 0.78), opacity: random.float(0.6, 1))
        }
    }
}
