import Basics

extension Scene {
    mutating func paintPeripapillaryAtrophy() {
        let width = graded(0.35, 1)
        // The crescent lies mostly to the temporal side; a severe one becomes a ring.
        let shift = Point(-1, random.float(-0.3, 0.3)) * (anatomy.discRadii.x * width * random.float(0.4, 0.75))
        let radii = anatomy.discRadii * (1 + width * 0.62)
        let patch = Blob(anatomy.disc + shift, radii: radii, angle: 0, softness: 0.12, irregularity: 0.16)
        let choroid = noise
        canvas.stain(
            Blob(anatomy.disc + shift, radii: radii * 1.12, angle: 0, softness: 0.12, irregularity: 0.2), noise,
            with: rgb(0.5, 0.42, 0.4), opacity: 0.7)
        canvas.paint(patch, noise) { local, coverage, colour in
            let bare = rgb(0.98, 0.8, 0.55).mixed(with: rgb(0.86, 0.46, 0.28), 0.5 * choroid.net(local * 2.5))
            colour = colour.mixed(with: bare, 0.85 * coverage)
        }
    }

    /// The disc as the eye's findings shape it.
    static func discLooks(
        of anatomy: Anatomy, findings: Set<PhantomFinding>, stream: (PhantomFinding) -> (SeededRandom, Float)
    ) -> DiscLooks {
        var looks = DiscLooks(cup: anatomy.cup)
        if findings.contains(.enlargedCup) {
            let (_, extent) = stream(.enlargedCup)
            looks.cup = 0.74 + 0.22 * extent
        }
        if findings.contains(.discPallor) {
            let (_, extent) = stream(.discPallor)
            looks.pallor = 0.65 + 0.35 * extent
            looks.cup = max(looks.cup, 0.45)
        }
        if findings.contains(.discOedema) {
            let (_, extent) = stream(.discOedema)
            looks.hyperaemia = 0.6 + 0.35 * extent
            looks.swelling = 1.3 + 0.3 * extent
            looks.softness = 0.35
        }
        return looks
    }

    /// The swollen nerve fibres that veil the margin of the disc and the vessels on it.
    mutating func paintDiscOedema() {
        let radius = anatomy.discRadii.y * graded(1.55, 2.2)
        let halo = Blob(anatomy.disc, radius: radius, softness: 0.5, irregularity: 0.12)
        let fibres = noise
        let strength = graded(0.4, 0.6)
        canvas.paint(halo, noise) { local, coverage, colour in
            let turn = arcTangent(local.y, local.x)
            let streak = 0.65 + 0.35 * fibres(Point(turn * 7, local.length * 1.2))
            colour = colour.mixed(with: rgb(0.95, 0.68, 0.48), strength * streak * coverage)
        }
    }
}
