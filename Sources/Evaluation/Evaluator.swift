import Basics

/// Evaluates predictions.
public enum Evaluator {
    /// Everything docs/method.md, section 7, says about one model: metrics for every class, means, calibration,
    /// intervals.
    ///
    /// Outcomes with folds are taken as out-of-fold predictions of several models: classes are ranked by ranks within
    /// fold, and the means of within-fold values are given in addition. F1 and calibration use the scores as they are.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for impossible options, of kind `data` when there are no images.
    public static func evaluate(
        _ outcomes: Outcomes, _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> EvaluationResult {
        try evaluate([outcomes], options)
    }

    /// The same about several models of one kind, one per seed, on the same images: every metric is the mean of theirs,
    /// nil unless all define it, and each round of the bootstrap draws among the models too.
    ///
    /// - Throws: `FoveaError` of kind `data` also when there is no model, or two models differ in classes, images (same
    ///   order), labels, patients or folds.
    public static func evaluate(
        _ models: [Outcomes], _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> EvaluationResult {
        try evaluate(models.map { [$0] }, options)
    }

    /// The same about models that differ in a seed and, within each seed, in the same shuffles: a round of the bootstrap
    /// draws seeds and shuffles apart from each other.
    ///
    /// - Parameter models: by seed, then by shuffle; as many for every seed.
    public static func evaluate(
        _ models: [[Outcomes]], _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> EvaluationResult {
        let arms = models
        let models = try checkSameTruth([arms])
        guard let outcomes = models.first else { throw FoveaError(.data, "cannot evaluate: there is no model") }
        try options.check(outcomes)
        guard !outcomes.images.isEmpty else { throw FoveaError(.data, "cannot evaluate: there are no images") }
        let hasFolds = !outcomes.folds.isEmpty
        let pooling: Pooling = hasFolds ? .foldRanks : .scores
        let poolings: [Pooling] = hasFolds ? [pooling, .foldMean] : [pooling]
        let contrast = try Contrast(
            poolings.map {
                Contrast.Arm(arms, pooling: $0, seedGroup: 0, shuffleGroup: 0, threads: options.threads)
            }, outcomes, options)
        let calls = models.map { confusions($0, contrast.groups, options) }
        let classes = Parallel.map(outcomes.classes.count, threads: options.threads) { column in
            classResult(models, options, contrast, calls.map { $0[column] }, class: column)
        }
        let calibrationErrors = models.map { model in
            var pooled = Calibration(bins: options.calibrationBins)
            for column in contrast.groups.trained { pooled.add(model, class: column) }
            return pooled.error
        }
        let cells = calls.map { called in called.compactMap { $0 }.reduce(Confusion(), +) }
        return EvaluationResult(
            seeds: models.count, images: outcomes.images.count, patients: contrast.patients.named, pooling: pooling,
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
            microF1: mean(cells.map(\.f1)), microKappa: mean(cells.map(\.kappa)), macroF1: ClassMean(classes.map(\.f1)),
            calibrationError: mean(calibrationErrors), calibrationBins: options.calibrationBins,
            specificity: options.specificity, bounds: options.bounds,
            bootstrap: contrast.summary)
    }

    /// The mean over models; nil unless all define the value.
    private static func mean(_ values: [Double?]) -> Double? {
        let mean = ClassMean(values)
        return mean.classes == values.count ? mean.mean : nil
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
        _ models: [Outcomes], _ options: EvaluationOptions, _ contrast: Contrast, _ confusions: [Confusion?],
        class column: Int
    ) -> ClassResult {
        let outcomes = models[0]
        let rankings = contrast.arms[0].models.joined().map { $0.rankings[column][0] }
        // All models have the same labels, so any ranking counts them.
        let ranking = rankings[0]
        let isTrained = contrast.groups.trained.contains(column)
        let isDefined = isTrained && ranking.positives > 0
        let calibrationErrors = models.map { model in
            var calibration = Calibration(bins: options.calibrationBins)
            calibration.add(model, class: column)
            return calibration.error
        }
        let sensitivities = rankings.map { $0.sensitivity(atSpecificity: options.specificity) }
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
            sensitivityAtSpecificity: isTrained ? mean(sensitivities) : nil,
            threshold: options.thresholds?[column],
            precision: isDefined ? mean(confusions.map { $0?.precision }) : nil,
            recall: mean(confusions.map { $0?.recall }), f1: mean(confusions.map { $0?.f1 }),
            kappa: mean(confusions.map { $0?.kappa }),
            calibrationError: isTrained ? mean(calibrationErrors) : nil)
    }
}
