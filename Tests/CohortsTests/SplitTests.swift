import Basics
import Cohorts
import TestSupport
import Testing

@Suite struct SplitTests {
    @Test func foldsTakeTheirParts() throws {
        let cohort = try makeCohort(["1", "0", "1", "0"], patients: ["p", "p", "q", "r"], folds: [0, 0, 1, 2])
        let split = try Split.byFold(cohort, validation: [1])
        #expect(split.training == [0, 1, 3] && split.validation == [2] && split.excluded.isEmpty)
        let without = try Split.byFold(cohort, validation: [1], excluded: [0])
        #expect(without.training == [3] && without.excluded == [0, 1] && without.name == "fold 1 without 0")
    }

    @Test func wording() throws {
        let cohort = try makeCohort(["1", "0", "1", "0"], patients: ["p", "p", "q", "r"], folds: [0, 0, 1, 2])
        let words = try makeCohort(["1", "0", "1"], splits: ["train", "val", "test"])
        let patients = ["p", "q", "p", "q"]
        let parted = try makeCohort(["1", "0", "1", "0"], patients: patients, folds: [0, 1, 2, 2])
        let partedWords = try makeCohort(
            ["1", "0", "1", "0"], patients: patients, splits: ["train", "train", "val", "test"])
        let few = try makeCohort(["1", "0", "1"], patients: ["p", "p", "q"])
        let refusals: [(String, () throws -> Any)] = [
            ("a fold that does not exist", { try Split.byFold(cohort, validation: [7]) }),
            ("validation without folds", { try Split.byFold(cohort, validation: []) }),
            ("validation of all folds", { try Split.byFold(cohort, validation: [0, 1, 2]) }),
            ("a fold twice", { try Split.byFold(cohort, validation: [0], excluded: [1, 0]) }),
            (
                "an image without a fold",
                { try Split.byFold(makeCohort(["1", "0", "1"], folds: [0, nil, 1]), validation: [0]) }
            ),
            ("no column of folds", { try Split.byFold(words, validation: [0]) }),
            ("training without words", { try Split.byColumn(words, training: [], validation: ["val"]) }),
            ("a word twice", { try Split.byColumn(words, training: ["train", "val"], validation: ["val"]) }),
            ("a word misspelt", { try Split.byColumn(words, training: ["trains"], validation: ["val"]) }),
            ("a patient in two folds", { try Split.byFold(parted, validation: [2]) }),
            ("patients in two parts", { try Split.byColumn(partedWords, training: ["train"], validation: ["val"]) }),
            ("a patient in two lists", { try Split("mine", training: [0], validation: [2], of: parted) }),
            ("a row in two lists", { try Split("mine", training: [0], validation: [0], of: parted) }),
            ("more folds than patients", { try Split.makeFolds(of: few, count: 3, seed: 0) }),
            ("one fold", { try Split.makeFolds(of: few, count: 1, seed: 0) }),
            ("an inner split of all", { try Split.inner(of: few, rows: [0, 1, 2], share: 1, seed: 5) }),
            ("an inner split of one row", { try Split.inner(of: few, rows: [0], seed: 5) }),
        ]
        let found = refusals.map { cause, body in (cause: cause, error: foveaError { _ = try body() }) }
        #expect(try MessageSnapshot.differences("splits", found) == [])
    }

    @Test func splitsByWord() throws {
        let cohort = try makeCohort(["1", "0", "1"], splits: ["train", "val", "test"])
        let split = try Split.byColumn(cohort, training: ["train"], validation: ["val"])
        #expect(split.training == [0] && split.validation == [1] && split.excluded == [2])
    }

    @Test func aWordThatIsNearlyThatOfAPartIsRefused() throws {
        let found = try ["Train", "TRAIN", "tra in", "train\u{3000}", "ｔrain"].map { word in
            let cohort = try makeCohort(["1", "0", "1", "1"], splits: ["train", "val", word, word])
            let both = try Split.byColumn(cohort, training: ["train", word], validation: ["val"])
            #expect(both.training == [0, 2, 3] && both.leftOutNote(of: cohort) == nil)
            let error = foveaError { _ = try Split.byColumn(cohort, training: ["train"], validation: ["val"]) }
            return (cause: word, error: error)
        }
        #expect(try MessageSnapshot.differences("similar-splits", found) == [])
    }

    @Test func rowsInNeitherPartAreCountedAndNamed() throws {
        let cohort = try Cohort(
            classes: ["A"],
            photographs: ["train", "val", "test", nil, "test"].enumerated().map {
                Photograph(image: "\($0.offset)", path: "\($0.offset)", split: $0.element)
            }, labels: [1, 1, 1, 1, 1])
        let split = try Split.byColumn(cohort, training: ["train"], validation: ["val"])
        #expect(
            split.leftOutNote(of: cohort)
                == "3 photographs are in neither part of the split: the split column says \"test\" (2), an empty cell (1)"
        )
    }

    /// 600 patients with one to four photographs, ten classes from 400 down to 3 patients, several at once.
    private func longTailed() throws -> Cohort {
        var random = SeededRandom(seed: 3)
        var rows: [String] = []
        var patients: [String] = []
        for patient in 0..<600 {
            let findings = (0..<10).map { column in
                let size = [400, 250, 150, 90, 50, 30, 15, 8, 5, 3][column]
                return (patient &* 7919 &+ column &* 131) % 600 < size
            }
            for _ in 0...random.index(below: 4) {
                rows.append(findings.map { $0 && random.uniform() < 0.8 ? "1" : "0" }.joined())
                patients.append("p\(patient)")
            }
        }
        return try makeCohort(rows, patients: patients)
    }

    @Test func madeFoldsKeepPatientsAndSpreadRareClasses() throws {
        let cohort = try longTailed()
        let folds = try Split.makeFolds(of: cohort, count: 5, seed: 1)
        #expect(cohort.patients(inSeveralOf: folds.map { "\($0)" }).isEmpty)
        #expect(try folds == Split.makeFolds(of: cohort, count: 5, seed: 1))
        #expect(try folds != Split.makeFolds(of: cohort, count: 5, seed: 2))
        let counts = cohort.classCounts()
        for fold in 0..<5 {
            let rows = folds.indices.filter { folds[$0] == fold }
            // A random assignment of patients is off by about 27 photographs, and by 16 for the first class.
            #expect(abs(Double(rows.count) - Double(cohort.count) / 5) <= 12, "fold \(fold): \(rows.count)")
            for (all, part) in zip(counts, cohort.classCounts(rows: rows)) {
                #expect(abs(Double(part) - Double(all) / 5) <= 4, "\(part) of \(all) in fold \(fold)")
            }
        }
        let split = try Split.from(folds: folds, of: cohort, validation: [0], excluded: [4])
        #expect(split.training.count + split.validation.count + split.excluded.count == cohort.count)
    }

    @Test func rareClassesReachEveryFold() throws {
        // Six patients with the rare class among 200 without: a random split misses a fold in most draws.
        for seed in 0..<10 as Range<UInt64> {
            let cohort = try makeCohort((0..<206).map { $0 % 34 == 0 && $0 < 200 ? "11" : ($0 % 2 == 0 ? "10" : "00") })
            let folds = try Split.makeFolds(of: cohort, count: 5, seed: seed)
            let rare = (0..<5).map { fold in
                cohort.classCounts(rows: folds.indices.filter { folds[$0] == fold })[1]
            }
            #expect(rare.sorted() == [1, 1, 1, 1, 2])
        }
    }

    @Test func thereMayBeAsManyFoldsAsPatients() throws {
        let cohort = try makeCohort(["1", "0", "1"], patients: ["p", "p", "q"])
        #expect(try Set(Split.makeFolds(of: cohort, count: 2, seed: 0)) == [0, 1])
    }

    @Test func innerSplitsStayInsideTheirRows() throws {
        let cohort = try longTailed()
        let rows = Array(stride(from: 0, to: cohort.count / 2, by: 1))
        let patientsInside = rows.filter {
            cohort.photographs[$0].patient != cohort.photographs[cohort.count / 2].patient
        }
        let inner = try Split.inner(of: cohort, rows: patientsInside, share: 0.2, seed: 5)
        #expect((inner.training + inner.validation).sorted() == patientsInside)
        #expect(inner.excluded.isEmpty)
        #expect(abs(Double(inner.validation.count) - 0.2 * Double(patientsInside.count)) <= 4)
        #expect(try inner == Split.inner(of: cohort, rows: patientsInside, share: 0.2, seed: 5))
    }
}
