import Backbones
import Evaluation
import Foundation
import Phantoms
import RunTestSupport
import Settings
import TestSupport
import Testing

/// That maps lie on the findings that are drawn into phantoms.
///
/// Few images teach a network this only where it starts from ImageNet weights, which are not part of the project.
@Suite struct PhantomMapTests {
    private let folder: TemporaryFolder
    init() throws { folder = try TemporaryFolder() }

    /// One finding, a patch that may lie anywhere but in the macula and on the disc.
    @Test(.enabled(if: PhantomMaps.hasWeights, "no published weights at hand"))
    func thePeakLiesOnTheLesion() throws {
        let row = try PhantomMaps(
            in: folder.path, DrawnEye.withAndWithout(.choroidalNaevus, patients: 80), findings: [.choroidalNaevus],
            side: 128,
            settings: PhantomMaps.recipe(epochs: 4, batchSize: 12)
        ).row(.choroidalNaevus)
        #expect(row.images == 20 && row.truePositives >= 15, "\(row)")
        #expect(Double(row.hits) >= 0.8 * Double(row.truePositives), "\(row)")
        #expect(Double(row.stronger) >= 0.8 * Double(row.truePositives), "\(row)")
        // Neither any place nor the place in another image would do.
        #expect(row.chance < 0.3 * Double(row.truePositives), "\(row)")
        #expect(Double(row.hitsOfOther) < 0.6 * Double(row.truePositives), "\(row)")
    }

    /// Prints the table of docs/using-a-model.md.
    @Test(.enabled(if: PhantomMaps.givenWeights != nil, "benchmarks/maps_on_phantoms.sh runs it")) func measurement()
        throws
    {
        let local: [PhantomFinding] = [
            .choroidalNaevus, .geographicAtrophy, .branchOcclusion, .cottonWoolSpots, .flameHaemorrhages, .hardExudates,
            .drusen, .laserScars,
        ]
        var phantoms = PhantomSettings()
        phantoms.trainingPatients = 400
        phantoms.validationPatients = 200
        phantoms.minimumValidationPositives = 60
        phantoms.healthyShare = 0.2
        phantoms.prevalence = Dictionary(uniqueKeysWithValues: local.map { ($0, 0.12) })
        let eyes = try PhantomDataset(phantoms, folder: folder.path).patients.flatMap { patient in
            PhantomEye.allCases.map {
                DrawnEye(patient: patient.number, eye: $0, findings: patient.findings[$0] ?? [], split: patient.split)
            }
        }
        let maps = try PhantomMaps(
            in: folder.path, eyes, findings: local, side: 224, settings: PhantomMaps.recipe(epochs: 5, batchSize: 32))
        let header = [
            "finding", "true positives", "peak on the lesion", "on it or beside", "peak of another", "any place",
            "covering",
        ]
        print("| " + header.joined(separator: " | ") + " |")
        print("|---|---:|---|---|---|---:|---|")
        for row in try local.map(maps.row) {
            let share = { (count: Int) in
                Proportion(count, of: row.truePositives).map {
                    String(format: "%.0f [%.0f, %.0f]", 100 * $0.value, 100 * $0.lower, 100 * $0.upper)
                } ?? ""
            }
            let any = String(format: "%.0f", 100 * row.chance / Double(max(1, row.truePositives)))
            let cells =
                [row.finding.title.lowercased(), "\(row.truePositives) of \(row.images)"]
                + [row.hits, row.near, row.hitsOfOther].map(share) + [any, share(row.stronger)]
            print("| " + cells.joined(separator: " | ") + " |")
        }
    }
}
