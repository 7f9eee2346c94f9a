import Basics
import ConfigurationFile

/// How results are measured.
public struct EvaluationSettings: Sendable, Equatable {
    /// Rounds of the bootstrap; 0 for none.
    public var bootstrap = 1000
    /// Positives of a many-shot class at least.
    public var many = 100
    /// Positives of a medium-shot class at least.
    public var medium = 20
    /// Epochs between measurements on the validation split while training; 0 for the last only.
    public var every = 1
    /// Positive patients that a class needs for an interval.
    public var minimumPositivePatients = 10

    /// The defaults.
    public init() {}

    /// Where the shot groups begin.
    ///
    /// - Throws: `FoveaError` when medium-shot classes would begin above many-shot ones.
    package func bounds() throws -> ShotBounds { try ShotBounds(many: many, medium: medium) }
}

extension EvaluationSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("bootstrap", \.bootstrap, .integer(0...1_000_000), "Rounds over patients; 0: no intervals").unused,
        Field("many", \.many, .integer(1...1_000_000_000), "Training positives of a many-shot class at least"),
        Field("medium", \.medium, .integer(1...1_000_000_000), "Training positives of a medium-shot class at least"),
        Field("every", \.every, .integer(0...10_000), "Epochs between measurements while training; 0: none"),
        Field(
            "minimum_positive_patients", \.minimumPositivePatients, .integer(1...1_000_000),
            "Positive patients that a class needs for an interval"
        ).unused,
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws { _ = try bounds() }
}
