import Basics
import Evaluation
import Testing

@Suite struct RankingTests {
    /// Area and average precision by their definitions, in quadratic time.
    private func naive(_ labels: [Int8], _ scores: [Double]) -> (averagePrecision: Double, rocAUC: Double) {
        let positives = labels.indices.filter { labels[$0] == 1 }
        let negatives = labels.indices.filter { labels[$0] == 0 }
        var wins = 0.0
        for p in positives {
            for n in negatives { wins += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0 }
        }
        // Each positive adds the precision at its own score; ties share theirs.
        let precisions = positives.map { p in
            let above = labels.indices.filter { labels[$0] >= 0 && scores[$0] >= scores[p] }
            return Double(above.count { labels[$0] == 1 }) / Double(above.count)
        }
        return (
            precisions.reduce(0, +) / Double(positives.count), wins / Double(positives.count * negatives.count)
        )
    }

    @Test func anyFiniteScoresAreRanked() throws {
        var random = SeededRandom(seed: 5)
        for count in [40, 1500] {
            let labels = (0..<count).map { _ in Int8(random.index(below: 3)) - 1 }
            var scores = (0..<count).map { _ in random.uniform(-1, 1) }
            for index in stride(from: 0, to: count, by: 3) { scores[index] = scores[index] > 0 ? 0 : -0.0 }
            for index in stride(from: 1, to: count, by: 5) { scores[index] *= 1e300 }
            for index in stride(from: 2, to: count, by: 7) { scores[index] *= 1e-300 }
            let outcomes = try Outcomes(
                classes: ["a"], images: (0..<count).map { "\($0)" }, labels: labels, scores: scores)
            let found = ClassSummary(outcomes)
            let expected = naive(labels, scores)
            #expect(abs((found.averagePrecision[0] ?? 0) - expected.averagePrecision) < 1e-12)
            #expect(abs((found.rocAUC[0] ?? 0) - expected.rocAUC) < 1e-12)
        }
    }

    @Test func multiplicitiesAreCopiesOfRows() throws {
        let outcomes = try madeUp(300, shares: [0.4, 0.1, 0.02], seed: 11)
        let ranked = RankedOutcomes(outcomes, pooling: .scores, threads: 1)
        let units = PatientIndex(outcomes)
        var random = SeededRandom(seed: 1)
        for _ in 0..<20 {
            let times = Bootstrap.draw(units, &random)
            #expect(times.contains { $0 > 1 })
            let copies = try physical(outcomes, times)
            let expected = ClassSummary(copies)
            for column in 0..<3 {
                let found = times.withUnsafeBufferPointer { ranked.measure(class: column, $0) }
                #expect(abs(found.averagePrecision - (expected.averagePrecision[column] ?? .infinity)) < 1e-12)
                #expect(abs(found.rocAUC - (expected.rocAUC[column] ?? .infinity)) < 1e-12)
            }
        }
    }

    @Test func imagesOfOnePatientAreDrawnTogether() throws {
        let outcomes = try madeUp(200, shares: [0.5], seed: 2)
        let units = PatientIndex(outcomes)
        #expect(units.count > units.named && units.named > 10)
        var random = SeededRandom(seed: 1)
        let times = Bootstrap.draw(units, &random)
        for (row, patient) in outcomes.patients.enumerated() where patient != nil {
            #expect(times[row] == times[outcomes.patients.firstIndex(of: patient) ?? row])
        }
    }

    @Test func meansLeaveUndefinedClassesOut() throws {
        let summary = ClassSummary(
            try Outcomes(
                classes: ["a", "b", "c"], images: ["1", "2", "3"], labels: [1, 0, 1, 0, 0, 1, 0, 0, -1],
                scores: [Float](repeating: 0, count: 9)))
        #expect(summary.averagePrecision == [1.0 / 3, nil, 1])
        #expect(summary.rocAUC == [0.5, nil, nil])
        #expect(summary.meanAveragePrecision() == ClassMean([1.0 / 3, 1]))
        #expect(summary.meanAveragePrecision(over: [1, 2]) == ClassMean([1]))
        #expect(summary.meanROCAUC(over: [1]).mean == nil)
        #expect(summary.meanROCAUC(over: [1]).classes == 0)
    }
}

/// The rows as often as they count, as a table of its own.
func physical(_ outcomes: Outcomes, _ times: [Int32]) throws -> Outcomes {
    let rows = times.indices.flatMap { [Int](repeating: $0, count: Int(times[$0])) }
    return try Outcomes(
        classes: outcomes.classes, images: rows.indices.map { "copy \($0)" },
        labels: rows.flatMap { row in outcomes.classes.indices.map { outcomes.label(image: row, class: $0) } },
        scores: rows.flatMap { row in outcomes.classes.indices.map { outcomes.score(image: row, class: $0) } })
}
