import Basics
import Cohorts
import Foundation
import Testing

@Suite struct InspectionTests {
    @Test func countsByHand() throws {
        let cohort = try makeCohort(["110", "100", "0?0", "111", "000"])
        #expect(cohort.classCounts() == [3, 2, 1])
        #expect(cohort.classCounts(rows: [1, 2]) == [1, 0, 0])
        #expect(cohort.unknownCounts() == [0, 1, 0])
        #expect(cohort.labelsPerImage() == [2, 1, 1, 1])
        let together = CoOccurrence(of: cohort, limit: 2)
        #expect(
            together.pairs.map { [$0.first, $0.second, $0.count] } == [[0, 1, 2], [1, 2, 1]] && together.total == 3)
        #expect(cohort.rows(showing: [1, 2]) == [0, 3])
        #expect(cohort.positives(of: 3) == [0, 1, 2])
        #expect(cohort.duplicates(hashes: ["x", nil, "y", "x", "y"]) == [[0, 3], [2, 4]])
    }

    @Test func patientsAreNumberedAndTheUnknownStandAlone() throws {
        let cohort = try makeCohort(["1", "1", "1", "1"], patients: ["p", nil, "p", nil])
        #expect(cohort.patientNumbers == [0, 1, 0, 2])
        #expect(cohort.knowsPatients)
    }

    @Test func cohortsInMemoryAreVerified() throws {
        let photograph = Photograph(image: "a", path: "a")
        func refusal(_ classes: [String], _ photographs: [Photograph], _ labels: [Int8]) -> String {
            message { _ = try Cohort(classes: classes, photographs: photographs, labels: labels) }
        }
        #expect(refusal([], [photograph], []).contains("at least one of each"))
        #expect(refusal(["A"], [photograph], [2]).contains("labels of 0, 1 or -1"))
        #expect(refusal(["A"], [photograph], [1, 0]).contains("found 2 labels"))
        #expect(refusal(["A", "A"], [photograph], [1, 0]).contains("the class \"A\" appears twice"))
        #expect(refusal(["A"], [photograph, photograph], [1, 0]).contains("the image \"a\" appears twice"))
    }

    @Test func seesEverythingThatInspectPrints() throws {
        let scratch = try Scratch()
        try scratch.makeImages("a.jpg", "b.jpg", "c.jpg")
        // Equal bytes under two names; c.jpg differs but is as long; d.jpg is missing.
        try AtomicFile.write("same!", to: scratch.images + "/a.jpg")
        try AtomicFile.write("same!", to: scratch.images + "/b.jpg")
        let table = try scratch.write(
            """
            image,patient,fold,rare,common,none,comment
            a.jpg,p,0,1,1,0,x
            b.jpg,p,1,0,1,0,x
            c.jpg,q,1,0,1,,x
            d.jpg,r,1,0,0,0,x

            """)
        let attributes = try ClassAttributes(
            yaml: """
                classes:
                  - {id: rare, name: Rare one, region: [disc]}
                  - {id: common, region: []}
                """, source: "a.yaml")
        let cohort = try CohortReader(classes: ["rare", "common", "none"], attributes: attributes)
            .read(table: table, images: scratch.images)
        ProgressReporter.isSilent = true
        let inspection = try Inspection(
            cohort, attributes: attributes, unreadable: [.init(image: "c.jpg", reason: "truncated")])
        #expect(inspection.images == 4 && inspection.patients == 3)
        #expect(inspection.classes.map(\.id) == ["common", "rare", "none"])
        #expect(inspection.classes.map(\.positives) == [3, 1, 0])
        #expect(inspection.classes.map(\.patients) == [2, 1, 0])
        #expect(inspection.classes.map(\.unknown) == [0, 0, 1])
        #expect(inspection.classes.map(\.shot) == [.few, .few, nil])
        #expect(inspection.classes[1].name == "Rare one" && inspection.imbalance == 3)
        #expect(inspection.labelsPerImage == [1, 2, 1])
        let pairs = inspection.pairs.map { "\($0.first), \($0.second): \($0.count)" }
        #expect(pairs == ["common, rare: 1"] && inspection.pairs[0].overlap == 1.0 / 3)
        #expect(inspection.pairCount == 1)
        #expect(inspection.folds == [0: 1, 1: 3] && inspection.splits.isEmpty)
        #expect(inspection.groupings.map(\.name) == ["shot", "region"])
        let subsets = inspection.groupings[1].subsets
        #expect(subsets.map(\.name) == ["region-disc"] && subsets.map(\.positives) == [1])
        #expect(subsets.map(\.classes) == [["rare"]])
        #expect(inspection.groupings[1].outside == ["common", "none"])
        #expect(inspection.missing == [scratch.images + "/d.jpg"])
        #expect(inspection.unreadable.map(\.image) == ["c.jpg"])
        #expect(inspection.duplicates == [["a.jpg", "b.jpg"]])
        #expect(inspection.patientConflicts.map(\.patient) == ["p"])
        #expect(inspection.patientConflicts.map(\.parts) == [["fold 0", "fold 1"]])
        #expect(
            inspection.warnings == [
                "classes without a positive photograph: none", "a.yaml does not describe: none",
                "columns that are not among the classes, left out: comment",
            ])
        // The worst first: with no split known, what is twice in the table may come into both parts.
        let ranks = inspection.findings.filter { !$0.items.isEmpty }.map { "\($0.rank): \($0.text)" }
        #expect(
            ranks == [
                "stopsTraining: 1 missing image", "stopsTraining: 1 unreadable image",
                "stopsTraining: 1 group of images with the same content in several parts of the table",
                "stopsTraining: 1 patient in two splits",
            ], "\(ranks)")
        // It goes into a report as JSON.
        let json = try JSONFormat.encoded(inspection)
        #expect(try JSONFormat.decoded(Inspection.self, from: json).classes == inspection.classes)
    }

    @Test func aCohortWithoutLabelsIsInspectedToo() throws {
        let inspection = try Inspection(try makeCohort(["00", "0?"]), comparesContent: false)
        #expect(inspection.groupings.isEmpty && inspection.imbalance == nil && inspection.patients == nil)
        #expect(inspection.missing.count == 2)
    }

    /// Work that grows with the square of the classes is bounded, and what is left out is said.
    @Test func photographsThatShowAllOfManyClassesTakeNoLonger() throws {
        let classes = (0..<20_000).map { "c\($0)" }
        let all = String(repeating: "1", count: 20_000)
        // The last classes are the most frequent ones.
        let last = String(repeating: "0", count: 19_990) + String(repeating: "1", count: 10)
        let cohort = try makeCohort([all, all, all, last], classes: classes)
        let together = CoOccurrence(of: cohort, limit: 50)
        // Not the time, which is the machine's: the classes that are compared in pairs.
        #expect(together.shown == 20_000 && together.compared < 6000)
        #expect(together.pairs.count == 50)
        #expect(together.pairs.prefix(45).allSatisfy { $0.count == 4 && $0.first >= 19_990 && $0.second >= 19_990 })
        #expect(together.pairs.dropFirst(45).allSatisfy { $0.count == 3 })
        #expect(together.total == together.compared * (together.compared - 1) / 2)
        let warnings = try Inspection(cohort, comparesContent: false).warnings
        #expect(
            warnings.contains { $0.contains("among the \(together.compared) most frequent of 20000 classes only") },
            "\(warnings)")
        // Where all can be compared, nothing is said.
        let few = CoOccurrence(of: try makeCohort(["111", "011"]), limit: 1)
        #expect(few.compared == 3 && few.total == 3 && few.pairs.map(\.count) == [2])
    }

    @Test func ofManyPairsTheMostFrequentAreKeptAndAllCounted() throws {
        let classes = (0..<4000).map { "c\($0)" }
        let rows = (0..<200).map { row in
            String((0..<4000).map { ($0 &* 7919 &+ row &* 104_729) % 100 == 0 || $0 < 2 ? "1" : "0" as Character })
        }
        let cohort = try makeCohort(rows, classes: classes)
        let inspection = try Inspection(cohort, comparesContent: false)
        // By hand, in a set of all pairs.
        var all = Set<[Int]>()
        for row in 0..<200 {
            let positives = cohort.positives(of: row)
            for a in positives { for b in positives where b > a { all.insert([a, b]) } }
        }
        #expect(inspection.pairCount == all.count)
        #expect(inspection.pairs.count == Inspection.pairLimit && inspection.pairCount > 50 * Inspection.pairLimit)
        #expect(
            inspection.pairs[0].count == 200 && inspection.pairs[0].first == "c0" && inspection.pairs[0].second == "c1")
        #expect(zip(inspection.pairs, inspection.pairs.dropFirst()).allSatisfy { $0.count >= $1.count })
    }
}
