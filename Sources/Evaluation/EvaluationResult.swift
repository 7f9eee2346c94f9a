import Basics

/// Everything an evaluation says about one model on one set of images, or about several of one kind, one per seed,
/// whose metrics are averaged; written as JSON with keys in snake case and `null` for what is undefined.
public struct EvaluationResult: Codable, Equatable, Sendable {
    /// How many models, one per seed, the metrics are means of.
    public let seeds: Int
    /// The number of images.
    public let images: Int
    /// The number of patients known by name.
    public let patients: Int
    /// How folds came together in the metrics of ranking: `scores` without folds, `fold_ranks` with them.
    public let pooling: Pooling
    /// The folds, ascending; empty without folds.
    public let folds: [Int]
    /// Every class, in the order of the table.
    public let classes: [ClassResult]
    /// Means over all classes and over each part of the long tail.
    public let groups: ByGroup<GroupResult>
    /// F1 of all cells of the classes that have a threshold, counted together; nil without thresholds.
    @ExplicitNull public internal(set) var microF1: Double?
    /// Cohen's kappa of the same cells, as in the ODIR-2019 challenge; nil without thresholds.
    @ExplicitNull public internal(set) var microKappa: Double?
    /// The mean of the classes' F1; nil without thresholds.
    public let macroF1: ClassMean
    /// Expected calibration error of all known cells together; nil where a score is not a probability.
    @ExplicitNull public internal(set) var calibrationError: Double?
    /// The number of calibration bins.
    public let calibrationBins: Int
    /// The specificity at which sensitivities are given.
    public let specificity: Double
    /// How the long tail was divided.
    public let bounds: ShotBounds
    /// How the intervals were made; nil where there are none.
    @ExplicitNull public internal(set) var bootstrap: BootstrapSummary?
}

/// What an evaluation says about one class. Metrics are nil where undefined: without a positive image, for the area and
/// the sensitivity also without a negative one, and all of them for a class without a training image.
public struct ClassResult: Codable, Equatable, Sendable {
    /// The class.
    public let name: String
    /// Its training images; nil when not given.
    @ExplicitNull public internal(set) var trainingImages: Int?
    /// Its part of the long tail; nil when training images are unknown or none.
    @ExplicitNull public internal(set) var group: ShotGroup?
    /// Images labelled positive.
    public let positives: Int
    /// Images labelled negative.
    public let negatives: Int
    /// Images whose label is unknown; they take part in nothing.
    public let unknown: Int
    /// Patients with a positive image (an image of an unknown patient counts as a patient).
    public let positivePatients: Int
    /// Average precision; with folds, from ranks within fold.
    public let averagePrecision: Estimate
    /// Area under the ROC curve; with folds, from ranks within fold.
    public let rocAUC: Estimate
    /// The mean over folds of the average precision within a fold; nil without folds.
    @ExplicitNull public internal(set) var withinFoldAveragePrecision: FoldEstimate?
    /// The mean over folds of the area within a fold; nil without folds.
    @ExplicitNull public internal(set) var withinFoldROCAUC: FoldEstimate?
    /// The highest sensitivity among thresholds that reach the specificity; from the same ranking as the area.
    @ExplicitNull public internal(set) var sensitivityAtSpecificity: Double?
    /// The decision threshold, as given.
    @ExplicitNull public internal(set) var threshold: Double?
    /// Precision at the threshold; nil also when nothing is called positive.
    @ExplicitNull public internal(set) var precision: Double?
    /// Recall at the threshold.
    @ExplicitNull public internal(set) var recall: Double?
    /// F1 at the threshold.
    @ExplicitNull public internal(set) var f1: Double?
    /// Cohen's kappa at the threshold; nil also without a negative image.
    @ExplicitNull public internal(set) var kappa: Double?
    /// Expected calibration error; nil where a score is not a probability. Defined without positives too.
    @ExplicitNull public internal(set) var calibrationError: Double?

    enum CodingKeys: String, CodingKey {
        case name, trainingImages, group, positives, negatives, unknown, positivePatients, averagePrecision
        case withinFoldAveragePrecision, sensitivityAtSpecificity, threshold, precision, recall, f1
        case kappa, calibrationError
        case rocAUC = "rocAuc"
        case withinFoldROCAUC = "withinFoldRocAuc"
    }
}

/// Means over the classes of a part of the long tail, undefined ones left out.
public struct GroupResult: Codable, Equatable, Sendable {
    /// How many classes the part has, defined or not.
    public let classes: Int
    /// Mean average precision.
    public let averagePrecision: MeanEstimate
    /// Mean area under the ROC curve.
    public let rocAUC: MeanEstimate
    /// The mean of the classes' mean within-fold average precision; nil without folds.
    @ExplicitNull public internal(set) var withinFoldAveragePrecision: MeanEstimate?
    /// The mean of the classes' mean within-fold area; nil without folds.
    @ExplicitNull public internal(set) var withinFoldROCAUC: MeanEstimate?
    /// Mean F1 at the thresholds.
    public let f1: ClassMean

    enum CodingKeys: String, CodingKey {
        case classes, averagePrecision, withinFoldAveragePrecision, f1
        case rocAUC = "rocAuc"
        case withinFoldROCAUC = "withinFoldRocAuc"
    }
}
