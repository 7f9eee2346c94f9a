import Basics
import Evaluation
import Synchronization
import Testing

@Suite struct BootstrapTests {
    /// Every round done again by copying rows; a class without a positive or a negative makes it drawn again.
    @Test func intervalsAndRedrawsAreThoseOfCopiedRows() throws {
        let outcomes = try madeUp(120, shares: [0.4, 0.03, 0.02], seed: 4)
        let options = options(rounds: 60, minimumPositivePatients: 1)
        let result = try Evaluator.evaluate(outcomes, options)
        #expect(result.bootstrap?.fixedSet == outcomes.classes)
        let units = PatientIndex(outcomes)
        var redraws = 0
        var values: (averagePrecision: [Double], rocAUC: [Double]) = ([], [])
        for round in 0..<60 as Range<UInt64> {
            var attempt: UInt64 = 0
            while true {
                var random = SeededRandom(seed: 3, round, attempt)
                let summary = ClassSummary(try physical(outcomes, Bootstrap.draw(units, &random)))
                let means = (summary.meanAveragePrecision(), summary.meanROCAUC())
                if means.1.classes == 3, let averagePrecision = means.0.mean, let rocAUC = means.1.mean {
                    values.averagePrecision.append(averagePrecision)
                    values.rocAUC.append(rocAUC)
                    break
                }
                attempt += 1
                redraws += 1
            }
        }
        #expect(redraws > 0)
        #expect(result.bootstrap?.redraws == redraws)
        for (found, expected) in [
            (result.groups.all.averagePrecision, values.averagePrecision), (result.groups.all.rocAUC, values.rocAUC),
        ] {
            let interval = try #require(Interval(percentilesOf: expected, level: 0.95))
            let fixedSet = try #require(found.fixedSet)
            #expect(fixedSet.classes == 3)
            #expect(fixedSet.mean == found.mean)
            #expect(abs(fixedSet.interval.low - interval.low) < 1e-12)
            #expect(abs(fixedSet.interval.high - interval.high) < 1e-12)
            #expect(interval.low < fixedSet.mean && fixedSet.mean < interval.high)
        }
    }

    @Test func aStopIsHeardWithinTheRounds() throws {
        var options = options(rounds: 1_000_000)
        let asked = Atomic(0)
        options.bootstrap?.shouldStop = { asked.add(1, ordering: .relaxed).newValue > 20 }
        #expect(throws: CancellationError.self) { try Evaluator.evaluate(madeUp(300, shares: [0.4], seed: 1), options) }
    }

    @Test func percentilesAreInterpolated() throws {
        let interval = try #require(Interval(percentilesOf: (0...10).map(Double.init).reversed(), level: 0.95))
        #expect(abs(interval.low - 0.25) < 1e-12)
        #expect(abs(interval.high - 9.75) < 1e-12)
        #expect(Interval(percentilesOf: [], level: 0.95) == nil)
    }

    @Test func onlyClassesWithEnoughPositivePatientsGetIntervals() throws {
        let outcomes = try madeUp(300, shares: [0.4, 0.01], seed: 8)
        let result = try Evaluator.evaluate(outcomes, options(rounds: 30))
        #expect(result.classes[0].positivePatients >= 10 && result.classes[1].positivePatients < 10)
        #expect(result.classes[0].positivePatients < result.classes[0].positives)
        #expect(result.classes[0].averagePrecision.interval != nil)
        #expect(result.classes[1].averagePrecision.value != nil)
        #expect(result.classes[1].averagePrecision.interval == nil)
        #expect(result.groups.all.averagePrecision.classes == 2)
        #expect(result.groups.all.averagePrecision.fixedSet?.classes == 1)
        #expect(result.groups.all.averagePrecision.fixedSet?.interval == result.classes[0].averagePrecision.interval)
        #expect(result.bootstrap?.redraws == 0)
    }

    @Test func resultsDependOnTheSeedAndNotOnThreads() throws {
        let outcomes = try madeUp(200, shares: [0.3, 0.02], seed: 9, folds: 3)
        let one = try Evaluator.evaluate(outcomes, options(rounds: 40, minimumPositivePatients: 1, threads: 1))
        let five = try Evaluator.evaluate(outcomes, options(rounds: 40, minimumPositivePatients: 1, threads: 5))
        #expect(one == five)
        #expect(one.classes[0].withinFoldAveragePrecision?.interval != nil)
        let other = try Evaluator.evaluate(outcomes, options(rounds: 40, seed: 4, minimumPositivePatients: 1))
        #expect(other.classes[0].averagePrecision.interval != one.classes[0].averagePrecision.interval)
        #expect(other.classes[0].averagePrecision.value == one.classes[0].averagePrecision.value)
    }

    @Test func patientsWithManyImagesWidenTheInterval() throws {
        let single = try madeUp(100, shares: [0.3], seed: 10)
        let rows = (0..<400).map { $0 / 4 }
        func copies(patients: [String?]) throws -> Outcomes {
            try Outcomes(
                classes: single.classes, images: (0..<400).map { "\($0)" }, labels: rows.map { single.labels[$0] },
                scores: rows.map { single.scores[$0] }, patients: patients)
        }
        func width(_ outcomes: Outcomes) throws -> Double {
            let interval = try Evaluator.evaluate(outcomes, options(rounds: 200)).classes[0].rocAUC.interval
            return try #require(interval).high - (try #require(interval).low)
        }
        let byRow = try width(copies(patients: []))
        let byPatient = try width(copies(patients: rows.map { "\($0)" }))
        #expect(byPatient > 1.5 * byRow)
    }

    @Test func classesThatAreLostAgainAndAgainGetNoInterval() throws {
        let outcomes = try Outcomes(
            classes: ["rare"], images: (0..<20).map { "\($0)" }, labels: [1] + [Int8](repeating: 0, count: 19),
            scores: (0..<20).map(Double.init))
        var options = options(rounds: 50, minimumPositivePatients: 1)
        options.bootstrap?.maximumRedraws = 0
        let without = try Evaluator.evaluate(outcomes, options)
        #expect(without.bootstrap?.lost == ["rare"] && without.bootstrap?.fixedSet == [])
        #expect(without.classes[0].averagePrecision.value != nil && without.classes[0].averagePrecision.interval == nil)
        options.bootstrap?.maximumRedraws = 1000
        let with = try Evaluator.evaluate(outcomes, options).bootstrap
        #expect(with?.redraws ?? 0 > 5 && with?.lost == nil)
    }

    /// One positive, or negative, image of each class but the first: no draw has one of each.
    @Test func manyClassesOfOnePatientGetNoIntervalAndTheOthersDo() throws {
        let classes = (0...40).map { "class \($0)" }
        func label(_ row: Int, _ column: Int) -> Int8 {
            let isPositive = column == 0 ? row % 2 == 0 : (row == column) == (column % 2 == 0)
            return isPositive ? 1 : 0
        }
        let many = try Outcomes(
            classes: classes, images: (0..<200).map { "\($0)" },
            labels: (0..<200).flatMap { row in classes.indices.map { label(row, $0) } },
            scores: (0..<200 * classes.count).map { Double($0 * 7919 % 1009) })
        let options = options(rounds: 20, minimumPositivePatients: 1)
        let result = try Evaluator.evaluate(many, options)
        #expect(result.bootstrap?.fixedSet == ["class 0"])
        #expect(result.bootstrap?.lost == Array(classes.dropFirst()))
        let interval = result.classes[0].averagePrecision.interval
        #expect(interval != nil)
        #expect(result.groups.all.averagePrecision.classes == 41)
        #expect(result.groups.all.averagePrecision.fixedSet?.interval == interval)
        let paired = try Evaluator.compare(candidate: [many], reference: [many], options)
        let withInterval = paired.classes.filter { $0.averagePrecision.interval != nil }
        #expect(withInterval.map(\.name) == ["class 0"])
    }
}
