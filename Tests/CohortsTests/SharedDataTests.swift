import Cohorts
import Foundation
import Testing

/// Facts of public data sets, counted by Golden/dataset_facts.py; run only where the data are.
@Suite(.enabled(if: sharedData != nil, "skipped: there is no ../shared/data beside the project"))
struct SharedDataTests {
    let shared = sharedData ?? ""

    private func readODIR() throws -> (Cohort, ClassAttributes) {
        let attributes = try ClassAttributes(path: shared + "/labels/odir33.yaml")
        let folder = shared + "/data/odir256"
        let cohort = try CohortReader(attributes: attributes)
            .read(table: folder + "/labels.csv", images: folder + "/images")
        return (cohort, attributes)
    }

    @Test func odir() throws {
        let (cohort, attributes) = try readODIR()
        #expect(cohort.count == 5015 && cohort.classes.count == 33)
        #expect(cohort.ignoredColumns == ["N", "D", "G", "C", "A", "H", "M", "O"])
        #expect(Set(cohort.patientNumbers).count == 2620)
        #expect(cohort.patients(inSeveralOf: cohort.photographs.map { "\($0.fold ?? -1)" }).isEmpty)
        #expect(cohort.missingImages.isEmpty)
        #expect(cohort.labelsPerImage() == [4, 4646, 341, 22, 2])
        let counts = cohort.classCounts()
        #expect(counts.max() == 2229 && counts.min() == 3 && cohort.photographs[0].age == 57)

        let split = try Split.byFold(cohort, validation: [0])
        #expect(split.validation.count == 1005 && split.training.count == 4010)
        let trained = cohort.classCounts(rows: split.training)
        let grouping = try Grouping.make(
            "shot+region+feature", classes: cohort.classes, counts: trained, attributes: attributes)
        let sizes = grouping.subsets.map { "\($0.name) \($0.classes.count)" }
        #expect(sizes.prefix(3) == ["shot-many 12", "shot-medium 8", "shot-few 13"])
        let positives = grouping.subsets.map { cohort.rows(showing: $0.classes, among: split.training).count }
        let known = [
            "region-vessels": 1210, "region-disc": 262, "region-media": 277, "region-whole": 212, "region-macula": 522,
            "feature-haemorrhage": 1161, "feature-disc_shape": 206, "feature-opacity": 277, "feature-atrophy": 162,
            "feature-deposit": 319, "feature-vessel_shape": 129, "feature-membrane": 231, "feature-scar": 50,
        ]
        #expect(grouping.subsets.count == 16)
        for (subset, count) in zip(grouping.subsets, positives) where known[subset.name] != nil {
            #expect(count == known[subset.name], "\(subset.name)")
        }
        #expect(grouping.teachersPerClass(classCount: 33)[0] == 1, "normal is in no region or feature")
    }

    @Test func odirFoldsMadeHere() throws {
        let (cohort, _) = try readODIR()
        let folds = try Split.makeFolds(of: cohort, count: 5, seed: 0)
        #expect(cohort.patients(inSeveralOf: folds.map { "\($0)" }).isEmpty)
        let counts = cohort.classCounts()
        for fold in 0..<5 {
            let rows = folds.indices.filter { folds[$0] == fold }
            #expect(abs(rows.count - 1003) <= 15)
            for (all, part) in zip(counts, cohort.classCounts(rows: rows)) {
                #expect(abs(Double(part) - Double(all) / 5) < 3, "\(part) of \(all) in fold \(fold)")
            }
        }
    }

    @Test func odirPairs() throws {
        let (cohort, attributes) = try readODIR()
        let inspection = try Inspection(cohort, attributes: attributes, comparesContent: false)
        let first = inspection.pairs.first
        #expect(first?.first == "moderate_non_proliferative_retinopathy" && first?.second == "laser_spot")
        #expect(first?.count == 39 && inspection.pairs[1].count == 28)
        #expect(inspection.patientConflicts.isEmpty && inspection.warnings.count == 1)
    }

    @Test func rfmidOriginalTables() throws {
        let folder = shared + "/data/rfmid64"
        let tables = [("Training", "train"), ("Validation", "val")].map { name, split in
            LabelTable(
                path: folder + "/RFMiD_\(name)_Labels.csv", images: folder + "/images", split: split,
                imagePattern: split + "_{ID}.png")
        }
        let cohort = try CohortReader().read(tables)
        #expect(cohort.count == 2560 && cohort.classes.count == 45)
        #expect(cohort.labelsPerImage()[0] == 401 + 134)
        let training = cohort.photographs.indices.filter { cohort.photographs[$0].split == "train" }
        let counts = cohort.classCounts(rows: training)
        let diabetic = try #require(cohort.classes.firstIndex(of: "DR"))
        let haze = try #require(cohort.classes.firstIndex(of: "MH"))
        #expect(counts[diabetic] == 376 && counts[haze] == 317)
        #expect(cohort.missingImages.count == 2560 - 1244)

        let present = try CohortReader(
            attributes: ClassAttributes(path: shared + "/labels/rfmid45.yaml"), leavesOutMissingImages: true
        ).read(tables)
        #expect(present.count == 1244 && present.leftOutImages.count == 1316)
        let split = try Split.byColumn(present, training: ["train"], validation: ["val"])
        #expect(split.training.count == 949 && split.validation.count == 295)
        // The derived table says the same of the same photographs.
        let derived = try CohortReader(classes: present.classes)
            .read(table: folder + "/labels.csv", images: folder + "/images")
        let labels = Dictionary(
            uniqueKeysWithValues: derived.photographs.indices.map { row in
                (derived.photographs[row].path, derived.positives(of: row))
            })
        #expect(
            present.photographs.indices.allSatisfy { labels[present.photographs[$0].path] == present.positives(of: $0) }
        )
    }

    @Test func idrid() throws {
        let folder = shared + "/data/idrid_fullres"
        let cohort = try CohortReader().read(table: folder + "/labels.csv", images: folder + "/images")
        #expect(cohort.count == 40 && cohort.classes == ["hard_exudates", "haemorrhage"])
        #expect(cohort.missingImages.isEmpty && !cohort.knowsPatients)
    }
}
