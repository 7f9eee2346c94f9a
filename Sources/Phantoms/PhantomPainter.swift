import Basics
import FundusImaging

/// Draws fundus photographs of eyes that do not exist.
///
/// An image is a pure function of the seed, the side, the patient, the eye and the findings. Every finding has a
/// stream of its own, so adding or leaving out one changes nothing else about the image.
public struct PhantomPainter: Sendable {
    /// Decides every eye.
    public let seed: UInt64
    /// Width and height of the image in pixels, at least 32.
    public let side: Int

    /// Makes a painter; sides below 32 become 32.
    public init(seed: UInt64, side: Int) {
        self.seed = seed
        self.side = max(32, side)
    }

    /// Draws one eye as an image of `side` x `side` pixels, black outside the field of view.
    public func paint(patient: Int, eye: PhantomEye, findings: Set<PhantomFinding>) throws -> PixelImage {
        try PixelImage(
            width: side, height: side, bytes: bytes(patient: patient, eye: eye, findings: findings))
    }

    /// The bytes of that image: red, green, blue, row by row.
    private func bytes(patient: Int, eye: PhantomEye, findings: Set<PhantomFinding>) -> [UInt8] {
        let camera = Camera.of(seed: seed, patient: patient)
        let exposure = Exposure(seed: seed, patient: patient, eye: eye)
        var anatomy = Anatomy(seed: seed, patient: patient, eye: eye)
        let stream = { (finding: PhantomFinding) -> (SeededRandom, Float) in
            var random = SeededRandom(
                seed: seed, UInt64(patient), SeededRandom.key(eye.rawValue), SeededRandom.key(finding.rawValue))
            let extent = random.float(0, 1)
            return (random, extent)
        }
        if findings.contains(.tessellation) { anatomy.tessellation = 0.75 + 0.25 * stream(.tessellation).1 }
        if findings.contains(.tortuousVessels) { anatomy.tortuosity = 2.8 + 1.8 * stream(.tortuousVessels).1 }

        var grower = VesselGrower(
            disc: anatomy.disc, fovea: anatomy.fovea, tortuosity: anatomy.tortuosity, random: anatomy.vesselSeed)
        var texture = anatomy.textureSeed
        let grid = PixelGrid(side: side, scale: camera.field * Float(side))
        var scene = Scene(
            canvas: Canvas(grid), anatomy: anatomy, vessels: grower.grow(),
            noise: Noise(&texture), random: anatomy.vesselSeed)
        let draw = { (finding: PhantomFinding, scene: inout Scene, paint: (inout Scene) -> Void) in
            guard findings.contains(finding) else { return }
            (scene.random, scene.extent) = stream(finding)
            paint(&scene)
        }

        scene.canvas.paintRetina(anatomy)
        draw(.choroidalNaevus, &scene) { $0.paintChoroidalNaevus() }
        draw(.geographicAtrophy, &scene) { $0.paintGeographicAtrophy() }
        draw(.laserScars, &scene) { $0.paintLaserScars() }
        draw(.peripapillaryAtrophy, &scene) { $0.paintPeripapillaryAtrophy() }
        let looks = Scene.discLooks(of: anatomy, findings: findings, stream: stream)
        scene.canvas.paintDisc(anatomy, looks, scene.noise)
        draw(.drusen, &scene) { $0.paintDrusen() }
        draw(.hardExudates, &scene) { $0.paintHardExudates() }
        draw(.subretinalFluid, &scene) { $0.paintSubretinalFluid() }

        var layer = VesselLayer(grid)
        layer.add(scene.vessels)
        if findings.contains(.branchOcclusion) {
            var random = stream(.branchOcclusion).0
            let vein = Scene.occludedVein(scene.vessels, disc: anatomy.disc, &random)
            layer.add(vein.map { [$0] } ?? [], widening: 1.5)
        }
        scene.canvas.apply(layer, strength: anatomy.vesselStrength)

        draw(.discOedema, &scene) { $0.paintDiscOedema() }
        draw(.vesselSheathing, &scene) { $0.paintVesselSheathing() }
        draw(.cottonWoolSpots, &scene) { $0.paintCottonWoolSpots() }
        draw(.flameHaemorrhages, &scene) { $0.paintFlameHaemorrhages() }
        draw(.branchOcclusion, &scene) { $0.paintBranchOcclusion() }
        draw(.dotHaemorrhages, &scene) { $0.paintDotHaemorrhages() }
        draw(.epiretinalMembrane, &scene) { $0.paintEpiretinalMembrane() }
        draw(.asteroidHyalosis, &scene) { $0.paintAsteroidHyalosis() }
        draw(.mediaHaze, &scene) { $0.paintMediaHaze() }

        scene.canvas.photograph(camera, exposure)
        return scene.canvas.bytes(camera, mirrored: eye == .left)
    }
}
