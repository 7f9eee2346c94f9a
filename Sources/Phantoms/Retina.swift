import Basics

extension Canvas {
    /// The background: colour, slow shading, fine texture, choroidal pattern, and the darker macula.
    mutating func paintRetina(_ anatomy: Anatomy) {
        var random = anatomy.textureSeed
        let texture = Noise(&random)
        let choroid = Noise(&random)
        let (base, pattern) = (anatomy.background, anatomy.tessellation)
        let pale = base.mixed(with: rgb(0.97, 0.6, 0.36), 0.55)
        paintAll { point, colour in
            guard point.length < 1.03 else { return }
            // Nerve fibres shine along the arcades, most next to the disc.
            let sheen = 0.16 * (1 - smoothstep(0.1, 0.9, (point - anatomy.disc).length))
            let shade = sheen + 0.1 * texture(point * 1.6) + 0.05 * texture.fractal(point * 9 + 11)
            var here = base
            if pattern > 0.02 {
                // Choroidal vessels are the pale net; the pigment between them hides them near the macula.
                let far = smoothstep(0.15, 0.7, (point - anatomy.fovea).length)
                let net = choroid.net(point * 6.5) * pattern * (0.2 + 0.8 * far)
                here = here * (1 - 0.25 * pattern * far)
                here = here.mixed(with: pale, 0.75 * net)
            }
            colour = here * (1 + shade)
        }
        paintMacula(anatomy)
    }

    private mutating func paintMacula(_ anatomy: Anatomy) {
        paint(around: anatomy.fovea, reach: 0.5) { point, colour in
            let distance = (point - anatomy.fovea).length
            let macula = 1 - smoothstep(0, 0.46, distance)
            let fovea = 1 - smoothstep(0, 0.13, distance)
            let depth = anatomy.maculaDepth * (0.45 * macula + 0.4 * fovea)
            colour *= Colour(repeating: 1) - Colour(0.65, 0.8, 0.9, 0) * depth
        }
        paint(around: anatomy.fovea, reach: 0.03) { point, colour in
            let reflex = 1 - smoothstep(0, 0.022, (point - anatomy.fovea).length)
            colour += rgb(0.22, 0.18, 0.12) * (reflex * anatomy.maculaDepth)
        }
    }

    /// The optic disc: a pink rim, paler to the temporal side, around a bright cup.
    mutating func paintDisc(_ anatomy: Anatomy, _ looks: DiscLooks, _ noise: Noise) {
        let radii = anatomy.discRadii * looks.swelling
        let disc = Blob(anatomy.disc, radii: radii, angle: anatomy.discTilt, softness: looks.softness)
        let rim = rgb(0.99, 0.7, 0.46).mixed(with: rgb(0.97, 0.86, 0.68), looks.pallor)
        let temporal = rgb(1, 0.78, 0.5).mixed(with: rgb(1, 0.93, 0.8), looks.pallor)
        let cup = rgb(1, 0.96, 0.82).mixed(with: rgb(1, 0.97, 0.88), looks.pallor)
        let red = rgb(0.93, 0.5, 0.32)
        let cupShare = looks.cup
        // A thin dark line often bounds the disc.
        stain(
            Blob(anatomy.disc, radii: radii * 1.12, angle: anatomy.discTilt, softness: 0.12 + looks.softness), noise,
            with: rgb(0.82, 0.74, 0.72), opacity: 0.6 * (1 - looks.hyperaemia))
        paint(disc, noise) { local, coverage, colour in
            let distance = (local + Point(0.1, 0)).length / max(cupShare, 0.05)
            let side = smoothstep(0.7, -0.9, local.x)
            let tissue = rim.mixed(with: temporal, side).mixed(with: red, looks.hyperaemia)
            let inCup = (1 - smoothstep(0.78, 1.12, distance)) * (1 - looks.hyperaemia)
            colour = colour.mixed(with: tissue.mixed(with: cup, inCup), 0.95 * coverage)
        }
    }
}

/// What findings change about the disc.
struct DiscLooks {
    /// Diameter of the cup as a share of the disc's.
    var cup: Float
    var pallor: Float = 0
    var hyperaemia: Float = 0
    var swelling: Float = 1
    var softness: Float = 0.1
}
