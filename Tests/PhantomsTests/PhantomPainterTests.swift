import Foundation
import FundusImaging
import Phantoms
import Testing

@Suite struct PhantomPainterTests {
    private let painter = PhantomPainter(seed: 5, side: 128)

    @Test func sameSeedGivesSameBytes() throws {
        let first = try painter.paint(patient: 3, eye: .left, findings: [.drusen])
        let again = try PhantomPainter(seed: 5, side: 128).paint(patient: 3, eye: .left, findings: [.drusen])
        #expect(first == again)
        #expect(try first != PhantomPainter(seed: 6, side: 128).paint(patient: 3, eye: .left, findings: [.drusen]))
        #expect(try first != painter.paint(patient: 4, eye: .left, findings: [.drusen]))
    }

    @Test(arguments: PhantomFinding.allCases)
    func findingShowsAndStaysInTheFieldOfView(_ finding: PhantomFinding) throws {
        for patient in 0..<4 {
            let eye = PhantomEye.allCases[patient % 2]
            let healthy = try painter.paint(patient: patient, eye: eye, findings: [])
            let ill = try painter.paint(patient: patient, eye: eye, findings: [finding])
            var changed = 0
            for i in 0..<128 * 128 {
                let (a, b) = (brightness(healthy, i), brightness(ill, i))
                if abs(a - b) > 8 { changed += 1 }
                // Outside the field of view both are black.
                let (x, y) = (Double(i % 128) - 63.5, Double(i / 128) - 63.5)
                if x * x + y * y > 64 * 64 { #expect(a == 0 && b == 0) }
            }
            #expect(changed >= 8, "\(finding) of patient \(patient) changes \(changed) pixels")
        }
    }

    @Test func findingsDoNotDisturbEachOther() throws {
        // A naevus lies away from the fovea; dots drawn as well must leave all other pixels as they were.
        let dots = try painter.paint(patient: 8, eye: .right, findings: [.dotHaemorrhages])
        let both = try painter.paint(patient: 8, eye: .right, findings: [.dotHaemorrhages, .choroidalNaevus])
        let same = (0..<128 * 128).filter { brightness(dots, $0) == brightness(both, $0) }.count
        #expect(same > 128 * 128 * 8 / 10)
        #expect(same < 128 * 128)
    }

    /// What maps are judged by: with and without a local finding, an eye differs only where the finding is to be seen.
    @Test(arguments: [
        PhantomFinding.choroidalNaevus, .geographicAtrophy, .branchOcclusion, .cottonWoolSpots, .flameHaemorrhages,
        .hardExudates, .drusen, .laserScars,
    ])
    func localFindingsChangeOnlyTheirPlace(_ finding: PhantomFinding) throws {
        for patient in 0..<6 {
            let healthy = try painter.paint(patient: patient, eye: .right, findings: [])
            let ill = try painter.paint(patient: patient, eye: .right, findings: [finding])
            let changes = (0..<128 * 128).map { i in
                (3 * i..<3 * i + 3).map { abs(Int(healthy.bytes[$0]) - Int(ill.bytes[$0])) }.max() ?? 0
            }
            let seen = changes.indices.filter { changes[$0] > 16 }
            let away = changes.indices.filter { changes[$0] > 0 }.filter { i in
                !seen.contains { abs($0 % 128 - i % 128) <= 6 && abs($0 / 128 - i / 128) <= 6 }
            }
            #expect(away.count <= 128 * 128 / 200, "\(finding) of patient \(patient): \(seen.count), \(away.count)")
        }
    }

    @Test func eyesAreMirrored() throws {
        // The disc is right of the middle in a right eye, left of it in a left one.
        for patient in 0..<12 {
            for eye in PhantomEye.allCases {
                let column = discColumn(try painter.paint(patient: patient, eye: eye, findings: []))
                #expect(eye == .right ? column > 76 : column < 52, "patient \(patient), \(eye): \(column)")
            }
        }
    }

    @Test func looksLikeAFundus() throws {
        for patient in 0..<8 {
            let image = try painter.paint(patient: patient, eye: .right, findings: [])
            var sums = (red: 0.0, green: 0.0, blue: 0.0, count: 0.0)
            for y in 44..<84 {
                for x in 44..<84 {
                    let pixel = image[x, y]
                    sums.red += Double(pixel.red)
                    sums.green += Double(pixel.green)
                    sums.blue += Double(pixel.blue)
                    sums.count += 1
                }
            }
            #expect(sums.red > sums.green && sums.green > sums.blue)
            #expect(sums.red / sums.count > 60 && sums.red / sums.count < 250)
        }
    }

    @Test(arguments: [PhantomFinding.drusen, .hardExudates, .cottonWoolSpots, .laserScars, .mediaHaze])
    func paleFindingsBrighten(_ finding: PhantomFinding) throws {
        #expect(try meanChange(finding) > 0.02)
    }

    @Test(arguments: [PhantomFinding.dotHaemorrhages, .flameHaemorrhages, .branchOcclusion, .choroidalNaevus])
    func darkFindingsDarken(_ finding: PhantomFinding) throws {
        #expect(try meanChange(finding) < -0.02)
    }

    /// The mean change of brightness over twelve eyes.
    private func meanChange(_ finding: PhantomFinding) throws -> Double {
        var sum = 0
        for patient in 0..<12 {
            let healthy = try painter.paint(patient: patient, eye: .right, findings: [])
            let ill = try painter.paint(patient: patient, eye: .right, findings: [finding])
            for i in 0..<128 * 128 { sum += brightness(ill, i) - brightness(healthy, i) }
        }
        return Double(sum) / Double(12 * 128 * 128)
    }

    private func brightness(_ image: PixelImage, _ i: Int) -> Int {
        (Int(image.bytes[3 * i]) + Int(image.bytes[3 * i + 1]) + Int(image.bytes[3 * i + 2])) / 3
    }

    /// The column of the patch that is brightest by comparison with a ring around it.
    private func discColumn(_ image: PixelImage) -> Int {
        var best = (contrast: -Double.infinity, column: 0)
        let ring = (0..<16).map { k in
            let angle = Double(k) * .pi / 8
            return Int(20 * cos(angle)) + 128 * Int(20 * sin(angle))
        }
        for y in 40..<88 {
            for x in 20..<108 {
                let i = y * 128 + x
                let patch = (0..<25).reduce(0) { $0 + brightness(image, i + ($1 % 5 - 2) + 128 * ($1 / 5 - 2)) }
                let around = ring.map { brightness(image, i + $0) }.filter { $0 > 20 }
                let contrast = Double(patch) / 25 - Double(around.reduce(0, +)) / Double(max(1, around.count))
                if contrast > best.contrast { best = (contrast, x) }
            }
        }
        return best.column
    }
}
