import Basics

/// Average precision and area under the ROC curve of every class, and nothing else: for use during training, for
/// weights that compare a teacher with a student, and wherever intervals are not needed.
public struct ClassSummary: Sendable {
    /// Images labelled positive, for each class.
    public let positives: [Int]
    /// Images labelled negative, for each class.
    public let negatives: [Int]
    /// For each class the average precision in 0 ... 1, nil without a positive; equal to scikit-learn's.
    public let averagePrecision: [Double?]
    /// For each class the area under the ROC curve in 0 ... 1, nil without a positive or without a negative.
    public let rocAUC: [Double?]
    /// For each class over how many folds the average precision is a mean; 1 or 0 unless `pooling` is `foldMean`.
    public let averagePrecisionFolds: [Int]
    /// For each class over how many folds the area is a mean.
    public let rocAUCFolds: [Int]

    /// Ranks every class once.
    ///
    /// - Parameters:
    ///   - pooling: how folds come together; without folds there is nothing to pool.
    ///   - threads: the most that are used; nil for as many as there are processors.
    public init(_ outcomes: Outcomes, pooling: Pooling = .scores, threads: Int? = nil) {
        self.init(
            RankedOutcomes(outcomes, pooling: pooling, threads: threads), rows: outcomes.images.count,
            threads: threads)
    }

    init(_ ranked: RankedOutcomes, rows: Int, threads: Int?) {
        let once = [Int32](repeating: 1, count: rows)
        let values = Parallel.map(ranked.rankings.count, threads: threads) { column in
            once.withUnsafeBufferPointer { ranked.measure(class: column, $0) }
        }
        positives = ranked.rankings.map { $0.reduce(0) { $0 + $1.positives } }
        negatives = ranked.rankings.map { $0.reduce(0) { $0 + $1.negatives } }
        averagePrecision = values.map { $0.averagePrecision.isNaN ? nil : $0.averagePrecision }
        rocAUC = values.map { $0.rocAUC.isNaN ? nil : $0.rocAUC }
        averagePrecisionFolds = values.map(\.definedAP)
        rocAUCFolds = values.map(\.definedAUC)
    }

    /// The mean average precision over some classes (positions; nil for all), undefined ones left out, and how many
    /// classes it covers.
    public func meanAveragePrecision(over classes: [Int]? = nil) -> ClassMean {
        ClassMean(classes.map { $0.map { averagePrecision[$0] } } ?? averagePrecision)
    }

    /// The mean area under the ROC curve over some classes (positions; nil for all), undefined ones left out.
    public func meanROCAUC(over classes: [Int]? = nil) -> ClassMean {
        ClassMean(classes.map { $0.map { rocAUC[$0] } } ?? rocAUC)
    }
}

/// A mean over the classes where something is defined; a class where it is not is left out and never counts as 0.
public struct ClassMean: Codable, Equatable, Sendable {
    /// The mean; nil when no class defines it.
    @ExplicitNull public private(set) var mean: Double?
    /// Over how many classes it is taken.
    public let classes: Int

    /// The mean of those values that are there.
    public init(_ values: [Double?]) {
        let defined = values.compactMap { $0 }
        classes = defined.count
        mean = defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
    }
}
