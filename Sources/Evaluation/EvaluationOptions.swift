import Basics

/// What an evaluation should look at.
public struct EvaluationOptions: Sendable {
    /// Training images of each class, by which the long tail is divided; nil when unknown. A class with none is left
    /// out of everything and its metrics are nil.
    public var trainingImages: [Int]?
    /// Where the long tail is divided.
    public var bounds = ShotBounds.standard
    /// The decision threshold of each class, chosen on training or validation data; nil when there are none.
    public var thresholds: [Double?]?
    /// The specificity at which the sensitivity is given, in 0 ... 1.
    public var specificity = 0.95
    /// The number of calibration bins.
    public var calibrationBins = 15
    /// How intervals are made; nil for none.
    public var bootstrap: BootstrapOptions? = BootstrapOptions()
    /// How many threads to use at most; nil for as many as there are processors. Results do not depend on it.
    public var threads: Int?

    /// The defaults.
    public init() {}

    func check(_ outcomes: Outcomes) throws {
        if let thresholds, thresholds.count != outcomes.classes.count {
            throw FoveaError(
                .configuration, "\(thresholds.count) thresholds do not fit \(outcomes.classes.count) classes")
        }
        if let column = thresholds?.firstIndex(where: { $0.map { !$0.isFinite } ?? false }) {
            throw FoveaError(.configuration, "the threshold of class \"\(outcomes.classes[column])\" is not finite")
        }
        guard specificity >= 0, specificity <= 1 else {
            throw FoveaError(.configuration, "a specificity cannot be \(specificity); allowed: 0 to 1")
        }
        guard calibrationBins >= 1, calibrationBins <= 10_000 else {
            throw FoveaError(.configuration, "there cannot be \(calibrationBins) calibration bins; allowed: 1 to 10000")
        }
        try bootstrap?.check()
    }
}

/// How a bootstrap draws.
public struct BootstrapOptions: Sendable {
    /// Rounds, each one resampling of the patients; at least 1.
    public var rounds = 1000
    /// The seed; the same seed gives the same intervals on any number of threads.
    public var seed: UInt64 = 0
    /// The share of rounds that an interval covers, between 0 and 1.
    public var level = 0.95
    /// A class with at least this many positive patients is in the fixed set, which alone gets intervals; at least 1.
    public var minimumPositivePatients = 10
    /// How often one round may be redrawn in succession before the bootstrap gives up; at least 0.
    public var maximumRedraws = 1000
    /// Called in every round; true ends the work with a `CancellationError`.
    public var shouldStop: @Sendable () -> Bool = { false }

    /// 1000 rounds, 95 %, at least 10 positive patients.
    public init() {}

    func check() throws {
        guard rounds >= 1, rounds <= 1_000_000 else {
            throw FoveaError(.configuration, "a bootstrap cannot have \(rounds) rounds; allowed: 1 to 1000000")
        }
        guard level > 0, level < 1 else {
            throw FoveaError(.configuration, "an interval cannot cover \(level); allowed: between 0 and 1")
        }
        guard minimumPositivePatients >= 1 else {
            throw FoveaError(
                .configuration, "the minimum of positive patients cannot be \(minimumPositivePatients); allowed: from 1"
            )
        }
        guard maximumRedraws >= 0 else {
            throw FoveaError(
                .configuration, "the maximum of redraws cannot be \(maximumRedraws); allowed: from 0")
        }
    }
}
