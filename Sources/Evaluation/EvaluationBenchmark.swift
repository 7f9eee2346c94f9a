import Basics
import Foundation

/// Times the two things that an evaluation spends its time on, on synthetic outcomes of a given size.
public struct EvaluationBenchmark: Sendable {
    /// Seconds for average precision and area of every class.
    public let rankingSeconds: Double
    /// Seconds for the whole evaluation of the second size, bootstrap included.
    public let bootstrapSeconds: Double

    /// Makes outcomes and times them; the standard sizes are those that the project promises a time for (1 s and 10 s on
    /// two cores).
    ///
    /// - Parameter shouldStop: called between rounds; true ends the work with `CancellationError`.
    public static func run(
        ranking: (images: Int, classes: Int) = (100_000, 50),
        bootstrap: (images: Int, classes: Int, rounds: Int) = (5000, 33, 1000), threads: Int? = nil,
        shouldStop: @escaping @Sendable () -> Bool = { false }
    ) throws -> EvaluationBenchmark {
        let clock = ContinuousClock()
        let large = try madeUp(images: ranking.images, classes: ranking.classes)
        let rankingTime = clock.measure { _ = ClassSummary(large, threads: threads) }
        let small = try madeUp(images: bootstrap.images, classes: bootstrap.classes)
        var options = EvaluationOptions()
        options.bootstrap?.rounds = bootstrap.rounds
        options.bootstrap?.minimumPositivePatients = 1
        options.bootstrap?.shouldStop = shouldStop
        options.threads = threads
        let bootstrapTime = try clock.measure { _ = try Evaluator.evaluate(small, options) }
        return EvaluationBenchmark(
            rankingSeconds: rankingTime / .seconds(1), bootstrapSeconds: bootstrapTime / .seconds(1))
    }

    /// Outcomes with a long tail from half of the images down to a hundredth, and scores that know something.
    private static func madeUp(images: Int, classes: Int) throws -> Outcomes {
        var random = SeededRandom(seed: 1)
        var labels: [Int8] = []
        var scores: [Double] = []
        for _ in 0..<images {
            for column in 0..<classes {
                let share = 0.5 * exp(-4 * Double(column) / Double(max(1, classes - 1)))
                let isPositive = random.uniform() < share
                labels.append(isPositive ? 1 : 0)
                scores.append(Double(Float(random.uniform() * (isPositive ? 1 : 0.8))))
            }
        }
        return try Outcomes(
            classes: (0..<classes).map { "class \($0)" }, images: (0..<images).map { "image \($0)" }, labels: labels,
            scores: scores, patients: (0..<images).map { "patient \($0 / 2)" })
    }
}
