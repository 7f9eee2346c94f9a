import Basics

/// Judges predictions.
public enum Evaluator {
    /// Everything METHOD.md, section 7, asks about one model: metrics for every class, means, calibration, intervals.
    ///
    /// Outcomes with folds are taken as out-of-fold predictions of several models: classes are ranked by ranks within
    /// fold, and the means of within-fold values are given besides. F1 and calibration use the scores as they are.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for impossible options, of kind `data` when there are no images or
    ///   the bootstrap loses a class again and again.
    public static func evaluate(
        _ outcomes: Outcomes, _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> EvaluationResult {
        try options.check(outcomes)
        guard !outcomes.images.isEmpty else { throw FoveaError(.data, "cannot evaluate: there are no images") }
        let hasFolds = !outcomes.folds.isEmpty
        let pooling: Pooling = hasFolds ? .foldRanks : .scores
        var arms = [Contrast.Arm([outcomes], pooling: pooling, seedGroup: 0, threads: options.threads)]
        if hasFolds {
            arms.append(Contrast.Arm([outcomes], pooling: .foldMean, seedGroup: 0, threads: options.threads))
        }
        let contrast = try Contrast(arms, outcomes, options)
        let confusions = confusions(outcomes, contrast.groups, options)
        let classes = concurrently(outcomes.classes.count, threads: options.threads) { column in
            classResult(outcomes, options, contrast, confusions[column], class: column)
        }
        var pooled = Calibration(bins: options.calibrationBins)
        for column in contrast.groups.trained { pooled.add(outcomes, class: column) }
        let called = confusions.compactMap { $0 }
        return EvaluationResult(
            images: outcomes.images.count, patients: contrast.patients.named, pooling: pooling,
            folds: Set(outcomes.folds).sorted(), classes: classes,
            groups: ByGroup(contrast.groups) { columns in
                GroupResult(
                    classes: columns.count,
                    averagePrecision: contrast.meanEstimate(.averagePrecision, arm: 0, columns),
                    rocAUC: contrast.meanEstimate(.rocAUC, arm: 0, columns),
                    withinFoldAveragePrecision: hasFolds
                        ? contrast.meanEstimate(.averagePrecision, arm: 1, columns) : nil,
                    withinFoldROCAUC: hasFolds ? contrast.meanEstimate(.rocAUC, arm: 1, columns) : nil,
                    f1: ClassMean(columns.map { classes[$0].f1 }))
            },
            microF1: called.reduce(Confusion(), +).f1, macroF1: ClassMean(classes.map(\.f1)),
            calibrationError: pooled.error, calibrationBins: options.calibrationBins,
            specificity: options.specificity, bounds: options.bounds, bootstrap: contrast.summary)
    }

    /// The calls of each class that takes part and has a threshold.
    private static func confusions(
        _ outcomes: Outcomes, _ groups: ClassGroups, _ options: EvaluationOptions
    ) -> [Confusion?] {
        var result = [Confusion?](repeating: nil, count: outcomes.classes.count)
        for column in groups.trained {
            guard let threshold = options.thresholds?[column] else { continue }
            result[column] = Confusion(outcomes, class: column, threshold: threshold)
        }
        return result
    }

    private static func classResult(
        _ outcomes: Outcomes, _ options: EvaluationOptions, _ contrast: Contrast, _ confusion: Confusion?,
        class column: Int
    ) -> ClassResult {
        let ranking = contrast.arms[0].models[0].rankings[column][0]
        let isTrained = contrast.groups.trained.contains(column)
        let isDefined = isTrained && ranking.positives > 0
        var calibration = Calibration(bins: options.calibrationBins)
        calibration.add(outcomes, class: column)
        func withinFold(_ metric: Contrast.Metric) -> FoldEstimate? {
            guard contrast.arms.count > 1 else { return nil }
            let point = contrast.arms[1].points[0]
            let folds = metric == .averagePrecision ? point.averagePrecisionFolds : point.rocAUCFolds
            let estimate = contrast.estimate(metric, arm: 1, class: column)
            return FoldEstimate(
                value: estimate.value, folds: isTrained ? folds[column] : 0, interval: estimate.interval)
        }
        return ClassResult(
            name: outcomes.classes[column], trainingImages: options.trainingImages?[column],
            group: contrast.groups.groupOfClass[column], positives: ranking.positives, negatives: ranking.negatives,
            unknown: outcomes.images.count - ranking.positives - ranking.negatives,
            positivePatients: contrast.positivePatients[column],
            averagePrecision: contrast.estimate(.averagePrecision, arm: 0, class: column),
            rocAUC: contrast.estimate(.rocAUC, arm: 0, class: column),
            withinFoldAveragePrecision: withinFold(.averagePrecision), withinFoldROCAUC: withinFold(.rocAUC),
            sensitivityAtSpecificity: isTrained ? ranking.sensitivity(atSpecificity: options.specificity) : nil,
            threshold: options.thresholds?[column], precision: isDefined ? confusion?.precision : nil,
            recall: confusion?.recall, f1: confusion?.f1, calibrationError: isTrained ? calibration.error : nil)
    }
}
