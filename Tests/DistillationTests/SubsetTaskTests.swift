import Basics
import Cohorts
import Distillation
import Foundation
import Testing

@Suite struct SubsetTaskTests {
    /// Three classes; rows 0 to 3 show one of the first two, rows 4 to 11 none, row 12 is not in training.
    private static func cohort() throws -> Cohort {
        try makeCohort(
            ["100", "010", "111", "1?0"] + ["001", "000", "?00", "000", "000", "001", "000", "000"] + ["110"])
    }
    private static let training = Array(0..<12)
    private static let pair = ClassSubset(name: "pair", classes: [0, 1])

    private static func task(
        _ mode: Negatives, _ subset: ClassSubset = pair, seed: UInt64 = 1
    ) throws -> SubsetTask {
        try SubsetTask(subset, cohort: cohort(), trainingRows: training, negatives: mode, seed: seed)
    }

    @Test func dropSeesPositivesOnly() throws {
        let task = try Self.task(.drop)
        #expect(task.positives == [0, 1, 2, 3] && task.negatives == Array(4..<12))
        #expect(task.rows(epoch: 0) == [0, 1, 2, 3] && task.rows(epoch: 9) == [0, 1, 2, 3])
        #expect(task.negativesPerEpoch == 0)
    }

    @Test func allSeesEveryImage() throws {
        #expect(try Self.task(.all).rows(epoch: 5) == Self.training)
    }

    @Test func sampledNegativesAreDrawnAnewEachEpoch() throws {
        let task = try Self.task(.sampled(ratio: 1))
        #expect(task.negativesPerEpoch == 4)
        let epochs = (0..<40).map(task.rows)
        for rows in epochs {
            #expect(rows.count == 8 && Set(rows).count == 8 && rows == rows.sorted())
            #expect(rows.prefix(4) == [0, 1, 2, 3])
        }
        #expect(Set(epochs).count > 20)
        // Each of 8 negatives is expected 20 times in 40 epochs.
        for row in 4..<12 { #expect((10...30).contains(epochs.count { $0.contains(row) })) }
    }

    @Test func rowsAreAFunctionOfSeedSubsetAndEpoch() throws {
        let task = try Self.task(.sampled(ratio: 1))
        #expect(try Self.task(.sampled(ratio: 1)).rows(epoch: 7) == task.rows(epoch: 7))
        func differs(_ other: SubsetTask) -> Bool { (0..<5).contains { other.rows(epoch: $0) != task.rows(epoch: $0) } }
        #expect(try differs(Self.task(.sampled(ratio: 1), seed: 2)))
        #expect(try differs(Self.task(.sampled(ratio: 1), ClassSubset(name: "other", classes: [0, 1]))))
    }

    @Test func aLargeRatioIsLimitedByWhatThereIs() throws {
        #expect(try Self.task(.sampled(ratio: 100)).rows(epoch: 0) == Self.training)
        #expect(try Self.task(.sampled(ratio: 1.5)).negativesPerEpoch == 6)
    }

    @Test func aSubsetWithoutPositivesIsRefused() throws {
        let cohort = try makeCohort(["10", "00"])
        let error = #expect(throws: FoveaError.self) {
            try SubsetTask(
                ClassSubset(name: "empty", classes: [1]), cohort: cohort, trainingRows: [0, 1], negatives: .all,
                seed: 0)
        }
        #expect(error?.kind == .configuration && error?.message.contains("empty") == true)
    }

    @Test func oneClassNeedsNegatives() throws {
        let single = ClassSubset(name: "alone", classes: [2])
        // Three images are positive: a ratio below 1 / 6 rounds to no negative.
        for mode in [Negatives.drop, .sampled(ratio: 0), .sampled(ratio: 0.01), .sampled(ratio: 0.16)] {
            let error = #expect(throws: FoveaError.self) { try Self.task(mode, single) }
            #expect(error?.kind == .configuration && error?.message.contains("alone") == true)
            #expect(error?.message.contains("3 positive images") == true && error?.message.contains("c2") == true)
            #expect(error?.remedy?.contains("distillation.teachers.negatives") == true)
        }
        #expect(try Self.task(.sampled(ratio: 0.17), single).negativesPerEpoch == 1)
        #expect(try Self.task(.all, single).positives == [2, 4, 9])
        #expect(try Self.task(.sampled(ratio: 1), single).rows(epoch: 0).count == 6)
    }

    /// A teacher learns nothing where no class of its subset is absent in anything that it sees, for whatever reason.
    @Test(arguments: [
        ([0], ["1", "1"], Negatives.all),  // all images are positive
        ([0], ["1", "?", "?"], .all),  // of the others nothing is known
        ([0, 1], ["11", "11", "00"], .drop),  // two names of one thing, and no other image
        ([0, 1], ["11", "1?", "00"], .sampled(ratio: 0.2)),
    ])
    func aTeacherThatSeesNoClassAbsentIsRefused(_ classes: [Int], _ rows: [String], _ mode: Negatives) throws {
        let cohort = try makeCohort(rows)
        let error = #expect(throws: FoveaError.self) {
            try SubsetTask(
                ClassSubset(name: "alike", classes: classes), cohort: cohort, trainingRows: Array(rows.indices),
                negatives: mode, seed: 0)
        }
        #expect(error?.kind == .configuration && error?.remedy != nil)
        for word in ["alike", "c0", "is known to be without"] { #expect(error?.message.contains(word) == true) }
    }

    @Test func aClassThatATeacherSeesInEveryImageIsTold() throws {
        let cohort = try makeCohort(["11", "01", "00"])
        func task(_ mode: Negatives) throws -> SubsetTask {
            try SubsetTask(
                ClassSubset(name: "s", classes: [0, 1]), cohort: cohort, trainingRows: [0, 1, 2], negatives: mode,
                seed: 0)
        }
        #expect(try task(.drop).alwaysPresent(in: cohort) == [1])
        #expect(try task(.all).alwaysPresent(in: cohort) == [])
    }

    /// Class 0: positive in rows 0, 2, 3; absent in row 1 and in 7 of the 8 negatives (unknown in row 6).
    /// Class 1: positive in rows 1, 2; absent in row 0 (unknown in row 3) and in all 8 negatives.
    @Test func priorShiftsAreThoseByHand() throws {
        let cohort = try Self.cohort()
        #expect(distance(try Self.task(.all).priorShift(cohort: cohort), [0, 0]) < 1e-12)
        // logit(p~) - logit(p) = log(3 / 1) - log(3 / 8) and log(2 / 1) - log(2 / 9).
        #expect(distance(try Self.task(.drop).priorShift(cohort: cohort), [log(8), log(9)]) < 1e-12)
        // Half of the negatives are seen: 1 + 3.5 of 8 and 1 + 4 of 9.
        #expect(
            distance(try Self.task(.sampled(ratio: 1)).priorShift(cohort: cohort), [log(8 / 4.5), log(9.0 / 5)]) < 1e-12
        )
    }

    @Test func priorShiftsStayFiniteWithoutNegativesOfAClass() throws {
        let cohort = try makeCohort(["11", "01", "00"])
        let task = try SubsetTask(
            ClassSubset(name: "s", classes: [0, 1]), cohort: cohort, trainingRows: [0, 1, 2], negatives: .drop, seed: 0)
        // One of two negatives of class 0 is seen, none of class 1's only one.
        #expect(distance(task.priorShift(cohort: cohort), [log(2), log(2)]) < 1e-12)
    }
}

extension Negatives {
    fileprivate static let drop = Negatives(.drop)
    fileprivate static let all = Negatives(.all)
    fileprivate static func sampled(ratio: Double) -> Negatives { Negatives(.sampled, ratio: ratio) }
}
