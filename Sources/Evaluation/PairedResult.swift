import Basics

/// What a comparison of two arms on the same images says; a difference is candidate minus reference.
///
/// An arm is one model, or the models of several seeds, whose values are averaged class by class.
public struct PairedResult: Codable, Equatable, Sendable {
    /// The number of images.
    public let images: Int
    /// The number of patients known by name.
    public let patients: Int
    /// How many seeds the candidate has.
    public let candidateSeeds: Int
    /// How many seeds the reference has.
    public let referenceSeeds: Int
    /// How folds came together: `scores` without folds, `fold_ranks` with them.
    public let pooling: Pooling
    /// Every class, in the order of the table.
    public let classes: [ClassDifference]
    /// Means over all classes and over each part of the long tail.
    public let groups: ByGroup<GroupDifference>
    /// How the intervals were made; nil where there are none.
    @ExplicitNull public internal(set) var bootstrap: BootstrapSummary?
}

/// One class under two arms.
public struct ClassDifference: Codable, Equatable, Sendable {
    /// The class.
    public let name: String
    /// Its part of the long tail; nil when training images are unknown or none.
    @ExplicitNull public internal(set) var group: ShotGroup?
    /// Patients with a positive image.
    public let positivePatients: Int
    /// Average precision; with folds, from ranks within fold.
    public let averagePrecision: Difference
    /// Area under the ROC curve; with folds, from ranks within fold.
    public let rocAUC: Difference
    /// The mean over folds of the average precision within a fold; nil without folds.
    @ExplicitNull public internal(set) var withinFoldAveragePrecision: Difference?
    /// The mean over folds of the area within a fold; nil without folds.
    @ExplicitNull public internal(set) var withinFoldROCAUC: Difference?

    enum CodingKeys: String, CodingKey {
        case name, group, positivePatients, averagePrecision, withinFoldAveragePrecision
        case rocAUC = "rocAuc"
        case withinFoldROCAUC = "withinFoldRocAuc"
    }
}

/// Means over a part of the long tail under two arms.
public struct GroupDifference: Codable, Equatable, Sendable {
    /// How many classes the part has, defined or not.
    public let classes: Int
    /// Mean average precision.
    public let averagePrecision: MeanDifference
    /// Mean area under the ROC curve.
    public let rocAUC: MeanDifference
    /// The mean of the classes' mean within-fold average precision; nil without folds.
    @ExplicitNull public internal(set) var withinFoldAveragePrecision: MeanDifference?
    /// The mean of the classes' mean within-fold area; nil without folds.
    @ExplicitNull public internal(set) var withinFoldROCAUC: MeanDifference?

    enum CodingKeys: String, CodingKey {
        case classes, averagePrecision, withinFoldAveragePrecision
        case rocAUC = "rocAuc"
        case withinFoldROCAUC = "withinFoldRocAuc"
    }
}

/// A metric of one class under two arms. Outside the fixed set there is neither interval nor p-value.
public struct Difference: Codable, Equatable, Sendable {
    /// The candidate's value; nil where undefined.
    @ExplicitNull public internal(set) var candidate: Double?
    /// The reference's value; nil where undefined.
    @ExplicitNull public internal(set) var reference: Double?
    /// Candidate minus reference.
    @ExplicitNull public internal(set) var difference: Double?
    /// The interval of the difference.
    @ExplicitNull public internal(set) var interval: Interval?
    /// The two-sided p-value of no difference, by the bootstrap.
    @ExplicitNull public internal(set) var pValue: Double?
    /// The p-value after Holm's correction for the classes of the fixed set.
    @ExplicitNull public internal(set) var holmPValue: Double?
}

/// A mean over classes under two arms: over all that define the metric, and over the fixed set.
public struct MeanDifference: Codable, Equatable, Sendable {
    /// The candidate's mean over all classes that define the metric; nil when none does.
    @ExplicitNull public internal(set) var candidate: Double?
    /// The reference's.
    @ExplicitNull public internal(set) var reference: Double?
    /// Candidate minus reference.
    @ExplicitNull public internal(set) var difference: Double?
    /// Over how many classes.
    public let classes: Int
    /// The same over the fixed set, with interval and p-value; nil without such classes or without a bootstrap.
    @ExplicitNull public internal(set) var fixedSet: FixedSetDifference?
}

/// A difference of means over a set of classes that is the same in every bootstrap round: what claims rest on.
public struct FixedSetDifference: Codable, Equatable, Sendable {
    /// The candidate's mean on the images as they are.
    public let candidate: Double
    /// The reference's.
    public let reference: Double
    /// Candidate minus reference.
    public let difference: Double
    /// How many classes the set has.
    public let classes: Int
    /// The interval of the difference.
    public let interval: Interval
    /// The two-sided p-value of no difference, by the bootstrap; not corrected for other comparisons.
    public let pValue: Double
}
