import Basics
import Cohorts
import Testing

@Suite struct SplitTests {
    @Test func foldsTakeTheirParts() throws {
        let cohort = try makeCohort(["1", "0", "1", "0"], patients: ["p", "p", "q", "r"], folds: [0, 0, 1, 2])
        let split = try Split.byFold(cohort, validation: [1])
        #expect(split.training == [0, 1, 3] && split.validation == [2] && split.excluded.isEmpty)
        let without = try Split.byFold(cohort, validation: [1], excluded: [0])
        #expect(without.training == [3] && without.excluded == [0, 1] && without.name == "fold 1 without 0")
        #expect(
            message { _ = try Split.byFold(cohort, validation: [7]) }.contains("no fold 7\n  Its folds are: 0, 1, 2."))
        #expect(
            message { _ = try Split.byFold(cohort, validation: []) }.contains("no photograph is left for validation"))
        #expect(
            message { _ = try Split.byFold(cohort, validation: [0, 1, 2]) }.contains(
                "no photograph is left for training"))
        #expect(
            message { _ = try Split.byFold(try makeCohort(["1", "0", "1"], folds: [0, nil, 1]), validation: [0]) }
                .contains("1 photograph has no fold: i1.png"))
        #expect(
            message { _ = try Split.byFold(try makeCohort(["1", "0"]), validation: [0]) }
                .contains("has no column \"fold\""))
    }

    @Test func impossiblePartsNameTheirKeys() throws {
        let cohort = try makeCohort(["1", "0", "1"], folds: [0, 1, 2], splits: ["a", "b", "c"])
        let none = message { _ = try Split.byFold(cohort, validation: []) }
        #expect(none.contains("data.split.validation_folds is empty") && none.contains("has: 0, 1, 2."))
        #expect(
            message { _ = try Split.byFold(cohort, validation: [0], excluded: [1, 0]) }
                .contains("fold 0 is in data.split.validation_folds and in data.split.excluded_folds"))
        #expect(
            message { _ = try Split.byColumn(cohort, training: [], validation: ["a"]) }
                .contains("data.split.training is empty"))
        #expect(
            message { _ = try Split.byColumn(cohort, training: ["a", "b"], validation: ["b"]) }
                .contains("the split \"b\" is in data.split.training and in data.split.validation"))
    }

    @Test func aPatientInTwoPartsIsRefused() throws {
        let patients = ["p", "p", "q", "r"]
        let cohort = try makeCohort(["1", "0", "1", "0"], patients: patients, folds: [0, 1, 2, 2])
        let refusal = message { _ = try Split.byFold(cohort, validation: [2]) }
        #expect(refusal.contains("1 patient is in several parts: p (fold 0, fold 1)"))
        let byWord = try makeCohort(
            ["1", "0", "1", "0"], patients: ["p", "q", "p", "q"], splits: ["train", "train", "val", "test"])
        #expect(
            message { _ = try Split.byColumn(byWord, training: ["train"], validation: ["val"]) }
                .contains("2 patients are in several parts: p (train, val), q (test, train)"))
        #expect(
            message { _ = try Split("mine", training: [0], validation: [1], of: cohort) }
                .contains("mine: 1 patient is in several parts: p (training, validation)"))
        #expect(message { _ = try Split("mine", training: [0], validation: [0], of: cohort) }.contains("row 0"))
    }

    @Test func splitsByWord() throws {
        let cohort = try makeCohort(["1", "0", "1"], splits: ["train", "val", "test"])
        let split = try Split.byColumn(cohort, training: ["train"], validation: ["val"])
        #expect(split.training == [0] && split.validation == [1] && split.excluded == [2])
        #expect(
            message { _ = try Split.byColumn(cohort, training: ["trains"], validation: ["val"]) }
                .contains("no photograph has the split \"trains\"\n  did you mean \"train\"?"))
    }

    @Test(arguments: ["Train", "TRAIN", "tra in", "train\u{3000}", "ｔrain"])
    func aWordThatIsNearlyThatOfAPartIsRefused(word: String) throws {
        let cohort = try makeCohort(["1", "0", "1", "1"], splits: ["train", "val", word, word])
        let refusal = message { _ = try Split.byColumn(cohort, training: ["train"], validation: ["val"]) }
        #expect(refusal.contains("2 photographs have the split \"\(word)\", which is nearly \"train\""))
        let both = try Split.byColumn(cohort, training: ["train", word], validation: ["val"])
        #expect(both.training == [0, 2, 3] && both.leftOutNote(of: cohort) == nil)
    }

    @Test func rowsInNeitherPartAreCountedAndNamed() throws {
        let cohort = try Cohort(
            classes: ["A"],
            photographs: ["train", "val", "test", nil, "test"].enumerated().map {
                Photograph(image: "\($0.offset)", path: "\($0.offset)", split: $0.element)
            }, labels: [1, 1, 1, 1, 1])
        let split = try Split.byColumn(cohort, training: ["train"], validation: ["val"])
        let note = try #require(split.leftOutNote(of: cohort))
        #expect(note.contains("3 photographs are in neither part"))
        #expect(note.contains("\"test\" (2), an empty cell (1)"))
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

    @Test func foldsNeedEnoughPatients() throws {
        let cohort = try makeCohort(["1", "0", "1"], patients: ["p", "p", "q"])
        #expect(message { _ = try Split.makeFolds(of: cohort, count: 3, seed: 0) }.contains("3 folds of 2 patients"))
        #expect(message { _ = try Split.makeFolds(of: cohort, count: 1, seed: 0) }.contains("cannot be made"))
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
        #expect(message { _ = try Split.inner(of: cohort, rows: rows, share: 1, seed: 5) }.contains("between 0 and 1"))
        #expect(message { _ = try Split.inner(of: cohort, rows: [0], seed: 5) }.contains("no photograph is left"))
    }
}
