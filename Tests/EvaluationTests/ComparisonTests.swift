import Basics
import Evaluation
import Testing

@Suite struct ComparisonTests {
    private let shares = [0.4, 0.2, 0.1, 0.01]

    private func model(_ seed: UInt64, skill: Double, folds: Int = 0) throws -> Outcomes {
        try madeUp(300, shares: shares, seed: seed, skill: skill, truth: 77, folds: folds)
    }

    @Test func identicalModelsDifferByExactlyNothing() throws {
        for folds in [0, 3] {
            let model = try model(1, skill: 0.3, folds: folds)
            let result = try Evaluator.compare(candidate: [model], reference: [model], options(rounds: 50))
            let nothing = try #require(Interval(percentilesOf: [0], level: 0.95))
            let means =
                [result.groups.all.averagePrecision, result.groups.all.rocAUC]
                + [result.groups.all.withinFoldAveragePrecision, result.groups.all.withinFoldROCAUC].compactMap { $0 }
            #expect(means.count == (folds == 0 ? 2 : 4))
            for mean in means {
                #expect(mean.difference == 0)
                #expect(mean.fixedSet?.interval == nothing)
                #expect(mean.fixedSet?.pValue == 1)
                #expect(mean.fixedSet?.classes == 3)
            }
            #expect(result.classes[0].averagePrecision.interval == nothing)
            #expect(result.classes[0].averagePrecision.holmPValue == 1)
            #expect(result.classes[3].averagePrecision.difference == 0)
            #expect(result.classes[3].averagePrecision.interval == nil)
            #expect(result.classes[3].averagePrecision.pValue == nil)
        }
    }

    @Test func sidesMayBeExchanged() throws {
        let (a, b) = (try model(1, skill: 0.5), try model(2, skill: 0.2))
        let one = try Evaluator.compare(candidate: [a], reference: [b], options(rounds: 200))
        let other = try Evaluator.compare(candidate: [b], reference: [a], options(rounds: 200))
        let first = try #require(one.groups.all.averagePrecision.fixedSet)
        let second = try #require(other.groups.all.averagePrecision.fixedSet)
        #expect(first.difference == -second.difference)
        #expect(abs(first.interval.low + second.interval.high) < 1e-12)
        #expect(first.pValue == second.pValue)
        #expect(first.interval.low > 0 && first.interval.low < first.difference)
        #expect(first.pValue == 2.0 / 201)
        let single = try Evaluator.evaluate(a, options(rounds: 200))
        #expect(one.classes[1].averagePrecision.candidate == single.classes[1].averagePrecision.value)
        #expect(first.candidate == single.groups.all.averagePrecision.fixedSet?.mean)
    }

    @Test func severalSeedsOfOneModelAreAveraged() throws {
        let models = [try model(1, skill: 0.5), try model(2, skill: 0.2)]
        var settings = options(rounds: 50)
        settings.thresholds = [Double?](repeating: 0.4, count: shares.count)
        let both = try Evaluator.evaluate(models, settings)
        let alone = try models.map { try Evaluator.evaluate($0, settings) }
        #expect(both.seeds == 2 && alone[0].seeds == 1)
        let metrics: [(EvaluationResult) -> Double?] = [
            { $0.classes[0].averagePrecision.value }, { $0.classes[0].rocAUC.value },
            { $0.classes[0].sensitivityAtSpecificity }, { $0.classes[0].precision }, { $0.classes[0].f1 },
            { $0.classes[0].calibrationError }, { $0.groups.all.averagePrecision.fixedSet?.mean }, { $0.microF1 },
            { $0.calibrationError },
        ]
        for (number, metric) in metrics.enumerated() {
            let values = try alone.map { try #require(metric($0)) }
            let mean = try #require(metric(both))
            #expect(abs(mean - (values[0] + values[1]) / 2) < 1e-12, "metric \(number)")
        }
        // The interval holds the seeds' own variation.
        let interval = try #require(both.groups.all.averagePrecision.fixedSet?.interval)
        #expect(interval.low < interval.high)
        let other = try madeUp(300, shares: shares, seed: 1, truth: 78)
        #expect(throws: FoveaError.self) { try Evaluator.evaluate([models[0], other], settings) }
        #expect(throws: FoveaError.self) { try Evaluator.evaluate([Outcomes](), settings) }
    }

    @Test func pairingNarrowsTheInterval() throws {
        let a = try model(1, skill: 0.3)
        // Nearly the same model: almost all of the variation is that of the patients, which pairing takes out.
        let b = try Outcomes(
            classes: a.classes, images: a.images, labels: a.labels,
            scores: a.scores.enumerated().map { $1 + ($0 % 50 == 0 ? 0.05 : 0) }, patients: a.patients)
        let single = try #require(try Evaluator.evaluate(a, options(rounds: 200)).groups.all.averagePrecision.fixedSet)
        let paired = try #require(
            try Evaluator.compare(candidate: [a], reference: [b], options(rounds: 200)).groups.all.averagePrecision
                .fixedSet)
        let widths = (single.interval.high - single.interval.low, paired.interval.high - paired.interval.low)
        #expect(widths.1 > 0)
        #expect(widths.1 < 0.5 * widths.0)
    }

    @Test func seedsAreResampledToo() throws {
        let (good, poor, other) = (try model(1, skill: 0.6), try model(2, skill: 0), try model(3, skill: 0.3))
        func difference(_ candidate: [Outcomes]) throws -> FixedSetDifference {
            let result = try Evaluator.compare(candidate: candidate, reference: [other], options(rounds: 200))
            #expect(result.candidateSeeds == candidate.count)
            return try #require(result.groups.all.averagePrecision.fixedSet)
        }
        let both = try difference([good, poor])
        let (high, low) = (try difference([good]), try difference([poor]))
        #expect(abs(both.difference - (high.difference + low.difference) / 2) < 1e-12)
        // A quarter of the rounds draw the good seed twice, a quarter the poor one.
        #expect(both.interval.high > high.interval.low)
        #expect(both.interval.low < low.interval.high)
        #expect(both.pValue > 0.1)
        #expect(high.pValue < 0.05 && low.pValue < 0.05)
        // Two equal seeds are one: nothing is left to resample.
        let twice = try difference([good, good])
        #expect(abs(twice.interval.low - high.interval.low) < 0.02)
    }

    /// A good and a poor seed, and a candidate that is a little better with each.
    @Test func seedsOfBothArmsAreDrawnTogether() throws {
        let references = [try model(1, skill: 0.3), try model(2, skill: 0)]
        let candidates = try references.map { reference in
            try Outcomes(
                classes: reference.classes, images: reference.images, labels: reference.labels,
                scores: zip(reference.scores, reference.labels).map { $0 + ($1 == 1 ? 0.05 : 0) },
                patients: reference.patients)
        }
        func difference(sharesSeeds: Bool) throws -> FixedSetDifference {
            let result = try Evaluator.compare(
                candidate: candidates.map { [$0] }, reference: references.map { [$0] }, sharesSeeds: sharesSeeds,
                options(rounds: 200))
            return try #require(result.groups.all.averagePrecision.fixedSet)
        }
        let (together, apart) = (try difference(sharesSeeds: true), try difference(sharesSeeds: false))
        #expect(together.difference == apart.difference)
        #expect(together.interval.low > 0 && together.pValue < 0.02)
        #expect(apart.interval.low < 0 && apart.pValue > 0.1)
        #expect(throws: FoveaError.self) {
            try Evaluator.compare(
                candidate: [[candidates[0]]], reference: references.map { [$0] }, sharesSeeds: true)
        }
    }

    /// A good and a poor shuffle, the same for three seeds: six models, but two independent ones.
    @Test func shufflesAreDrawnForAllSeedsAtOnce() throws {
        let (good, poor, other) = (try model(1, skill: 0.6), try model(2, skill: 0), try model(3, skill: 0.3))
        func difference(_ candidate: [[Outcomes]]) throws -> FixedSetDifference {
            let result = try Evaluator.compare(
                candidate: candidate, reference: [[other]], sharesSeeds: false, options(rounds: 200))
            return try #require(result.groups.all.averagePrecision.fixedSet)
        }
        let crossed = try difference([[good, poor], [good, poor], [good, poor]])
        let (high, low) = (try difference([[good]]), try difference([[poor]]))
        // A quarter of the rounds draw the good shuffle twice, a quarter the poor one.
        #expect(crossed.interval.high > high.interval.low && crossed.interval.low < low.interval.high)
        let flat = try difference([good, poor, good, poor, good, poor].map { [$0] })
        #expect(
            flat.interval.high - flat.interval.low < 0.85 * (crossed.interval.high - crossed.interval.low))
        #expect(throws: FoveaError.self) { try difference([[good, poor], [good]]) }
    }

    @Test func modelsOnOtherImagesAreRefused() throws {
        let a = try model(1, skill: 0.3)
        var labels = a.labels
        labels[5] = labels[5] == 1 ? 0 : 1
        let relabelled = try Outcomes(
            classes: a.classes, images: a.images, labels: labels, scores: a.scores, patients: a.patients)
        let fewer = try a.selecting(images: Array(0..<299))
        let turned = try a.selecting(images: Array((0..<300).reversed()))
        let classes = try a.selecting(classes: a.classes.reversed())
        let strangers = try Outcomes(classes: a.classes, images: a.images, labels: a.labels, scores: a.scores)
        for (other, word) in [
            (relabelled, "image \"image 1\", class \"class 1\" has two labels"), (fewer, "300 and 299 images"),
            (turned, "row 1 is image \"image 0\" in one"), (classes, "classes"), (strangers, "patients"),
        ] {
            let error = #expect(throws: FoveaError.self) { try Evaluator.compare(candidate: [a], reference: [other]) }
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        #expect(throws: FoveaError.self) { try Evaluator.compare(candidate: [], reference: [a]) }
    }

    @Test func holmCountsTestsThatAreStillToCome() {
        #expect(Significance.holm([0.01, nil, 0.02], tests: 4) == [0.04, nil, 0.06])
    }

    @Test func holmByHand() {
        // Ascending .005 .01 .03 .04 times 4 3 2 1 is .02 .03 .06 .04, made monotone.
        let found = Significance.holm([0.01, 0.04, nil, 0.03, 0.005])
        let expected: [Double?] = [0.03, 0.06, nil, 0.06, 0.02]
        for (a, b) in zip(found, expected) { #expect(abs((a ?? -1) - (b ?? -1)) < 1e-12) }
        #expect(Significance.holm([0.6, 0.7]) == [1, 1])
        #expect(Significance.holm([]) == [])
    }

    @Test func pValuesByHand() {
        #expect(Significance.twoSidedPValue([1, 2, 3, -1, 4, 5, 6, 7, 8]) == 2 * 2.0 / 10)
        #expect(Significance.twoSidedPValue([1, 2, 3]) == 0.5)
        #expect(Significance.twoSidedPValue([0, 0]) == 1)
        #expect(Significance.twoSidedPValue([]) == 1)
    }
}
