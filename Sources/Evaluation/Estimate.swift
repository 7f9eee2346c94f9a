import Basics

/// The ends of a bootstrap percentile interval.
public struct Interval: Codable, Equatable, Sendable {
    /// The lower end.
    public let low: Double
    /// The upper end.
    public let high: Double

    /// The percentiles (1 - level) / 2 and (1 + level) / 2, interpolated linearly between neighbours; nil without
    /// values.
    package init?(percentilesOf values: [Double], level: Double) {
        let sorted = values.sorted()
        guard !sorted.isEmpty else { return nil }
        func percentile(_ share: Double) -> Double {
            let place = share * Double(sorted.count - 1)
            let below = Int(place)
            let above = min(below + 1, sorted.count - 1)
            return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
        }
        low = percentile((1 - level) / 2)
        high = percentile((1 + level) / 2)
    }
}

/// A metric of one class, with its interval.
public struct Estimate: Codable, Equatable, Sendable {
    /// The value on the images as they are; nil where undefined.
    @ExplicitNull public internal(set) var value: Double?
    /// The interval; nil for a class outside the fixed set, which has too few positive patients for one or is lost too often.
    @ExplicitNull public internal(set) var interval: Interval?
}

/// A metric of one class as a mean over folds.
public struct FoldEstimate: Codable, Equatable, Sendable {
    /// The mean over the folds that define the metric; nil when none does.
    @ExplicitNull public internal(set) var value: Double?
    /// How many folds define it.
    public let folds: Int
    /// The interval; nil for a class outside the fixed set.
    @ExplicitNull public internal(set) var interval: Interval?
}

/// A mean over classes: over all that define the metric, and over the fixed set that the interval is about.
public struct MeanEstimate: Codable, Equatable, Sendable {
    /// The mean over all classes that define the metric; nil when none does.
    @ExplicitNull public internal(set) var mean: Double?
    /// How many classes that is.
    public let classes: Int
    /// The same over the classes with enough positive patients; nil without such classes or without a bootstrap.
    @ExplicitNull public internal(set) var fixedSet: FixedSetMean?
}

/// A mean over a set of classes that is the same in every bootstrap round.
public struct FixedSetMean: Codable, Equatable, Sendable {
    /// The mean on the images as they are.
    public let mean: Double
    /// How many classes it covers.
    public let classes: Int
    /// Its interval.
    public let interval: Interval
}

/// How intervals were made.
public struct BootstrapSummary: Codable, Equatable, Sendable {
    /// The number of rounds.
    public let rounds: Int
    /// The seed.
    public let seed: UInt64
    /// The share of rounds that an interval covers.
    public let level: Double
    /// How many units were drawn from: patients, and rows whose patient is unknown.
    public let units: Int
    /// How many of those are patients known by name.
    public let patients: Int
    /// A class with at least this many positive patients is in the fixed set.
    public let minimumPositivePatients: Int
    /// The classes of the fixed set.
    public let fixedSet: [String]
    /// How many rounds were redrawn because a class of the fixed set had lost every positive, or every negative.
    public let redraws: Int
    /// Classes with as many positive patients that have no interval, since the draws lost one of them too often; nil where
    /// there are none.
    public let lost: [String]?
}
