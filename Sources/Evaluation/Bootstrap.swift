import Basics
import Synchronization

/// The values of several models in every round of one bootstrap over patients.
///
/// Classes were sorted once; a round draws patients with replacement and walks each ranking with the patients'
/// multiplicities. Every model sees the same draw, so differences between models are paired.
package struct Bootstrap: Sendable {
    /// Positions of the classes that every round keeps.
    package let fixedSet: [Int]
    /// How many rounds were drawn again.
    package let redraws: Int
    private let rounds: [Round]

    private struct Round: Sendable {
        /// For each arm the average precision of each class of the fixed set.
        var averagePrecision: [[Double]] = []
        var rocAUC: [[Double]] = []
        var redraws = 0
    }

    /// Draws all rounds; nil where one was drawn again too often in succession.
    ///
    /// - Parameters:
    ///   - arms: what is compared, each the models of several seeds, and of the same shuffles for every seed, averaged
    ///     class by class. Each round draws seeds and shuffles with replacement, apart from each other: models of one
    ///     seed, or of one shuffle, are not independent.
    ///   - seedGroups: a number for each arm; two arms with the same one share the draw of seeds.
    ///   - shuffleGroups: the same for shuffles.
    ///   - fixedSet: positions of the classes to follow.
    ///   - required: whether an arm's average precision and area of a class are defined on the images as they are; a
    ///     round in which such a value is undefined is drawn again.
    /// - Throws: `CancellationError` when stopped.
    package init?(
        arms: [[[RankedOutcomes]]], seedGroups: [Int], shuffleGroups: [Int], units: PatientIndex, fixedSet: [Int],
        required: [[(averagePrecision: Bool, rocAUC: Bool)]], options: BootstrapOptions, threads: Int?
    ) throws {
        self.fixedSet = fixedSet
        let isGivenUp = Atomic(false)
        let rounds = Parallel.map(options.rounds, threads: threads) { number -> Round? in
            var round = Round()
            while !options.shouldStop(), !isGivenUp.load(ordering: .relaxed) {
                var random = SeededRandom(seed: options.seed, UInt64(number), UInt64(round.redraws))
                let multiplicities = Self.draw(units, &random)
                let isWhole = multiplicities.withUnsafeBufferPointer { multiplicities in
                    Self.measure(
                        arms, seedGroups, shuffleGroups, fixedSet, required, multiplicities, &random, &round)
                }
                if isWhole { return round }
                guard round.redraws < options.maximumRedraws else {
                    isGivenUp.store(true, ordering: .relaxed)
                    return nil
                }
                round.redraws += 1
            }
            return nil
        }
        if isGivenUp.load(ordering: .relaxed) { return nil }
        guard rounds.allSatisfy({ $0 != nil }) else { throw CancellationError() }
        self.rounds = rounds.compactMap(\.self)
        redraws = self.rounds.reduce(0) { $0 + $1.redraws }
    }

    /// How often each row counts when as many units are drawn, with replacement, as there are.
    package static func draw(_ units: PatientIndex, _ random: inout SeededRandom) -> [Int32] {
        var times = [Int32](repeating: 0, count: units.count)
        for _ in 0..<units.count { times[random.index(below: units.count)] += 1 }
        return units.unitOfRow.map { times[Int($0)] }
    }

    /// Fills a round; false where the draw has lost every positive, or every negative, of a class.
    private static func measure(
        _ arms: [[[RankedOutcomes]]], _ seedGroups: [Int], _ shuffleGroups: [Int], _ fixedSet: [Int],
        _ required: [[(averagePrecision: Bool, rocAUC: Bool)]], _ multiplicities: UnsafeBufferPointer<Int32>,
        _ random: inout SeededRandom, _ round: inout Round
    ) -> Bool {
        round.averagePrecision = []
        round.rocAUC = []
        func some(_ count: Int, _ group: Int, _ known: inout [Int: [Int]]) -> [Int] {
            let places = known[group] ?? (count == 1 ? [0] : (0..<count).map { _ in random.index(below: count) })
            known[group] = places
            return places
        }
        var (seedsOfGroup, shufflesOfGroup): ([Int: [Int]], [Int: [Int]]) = ([:], [:])
        for (arm, models) in arms.enumerated() {
            let seeds = some(models.count, seedGroups[arm], &seedsOfGroup)
            let shuffles = some(models[0].count, shuffleGroups[arm], &shufflesOfGroup)
            let share = 1 / Double(seeds.count * shuffles.count)
            var averagePrecision = [Double](repeating: 0, count: fixedSet.count)
            var rocAUC = averagePrecision
            for (place, column) in fixedSet.enumerated() {
                for seed in seeds {
                    for shuffle in shuffles {
                        let values = models[seed][shuffle].measure(class: column, multiplicities)
                        averagePrecision[place] += values.averagePrecision * share
                        rocAUC[place] += values.rocAUC * share
                    }
                }
                let needed = required[arm][place]
                if needed.averagePrecision && averagePrecision[place].isNaN || needed.rocAUC && rocAUC[place].isNaN {
                    return false
                }
            }
            round.averagePrecision.append(averagePrecision)
            round.rocAUC.append(rocAUC)
        }
        return true
    }

    /// A metric of ranking.
    package enum Metric: Sendable {
        case averagePrecision
        case rocAUC
    }

    /// The mean of a metric over some classes (places in the fixed set) in each round.
    package func means(_ metric: Metric, arm: Int, places: [Int]) -> [Double] {
        rounds.map { round in
            let values = metric == .averagePrecision ? round.averagePrecision[arm] : round.rocAUC[arm]
            return places.reduce(0) { $0 + values[$1] } / Double(places.count)
        }
    }
}
