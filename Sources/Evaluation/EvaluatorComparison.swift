import Basics

extension Evaluator {
    /// The differences between two arms on the same images, by a paired bootstrap: in each round both are evaluated on
    /// the same resampled patients, and, where an arm has several seeds, on seeds resampled within the arm.
    ///
    /// Which seed of one arm belongs to which of the other is not known here, so that each arm draws its own.
    ///
    /// With folds, ranks within fold and within-fold means are both compared.
    ///
    /// - Parameters:
    ///   - candidate: the models of the first arm, one per seed; at least one.
    ///   - reference: the models of the second arm.
    ///   - options: thresholds and calibration have no part in a comparison.
    /// - Throws: `FoveaError` of kind `data` when an arm is empty, or two models differ in classes, images (same order),
    ///   labels, patients or folds, naming the first difference.
    public static func compare(
        candidate: [Outcomes], reference: [Outcomes], _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> PairedResult {
        try compare(candidate: candidate.map { [$0] }, reference: reference.map { [$0] }, sharesSeeds: false, options)
    }

    /// The same for models that differ in a seed and, within each seed, in the same shuffles.
    ///
    /// - Parameters:
    ///   - candidate: by seed, then by shuffle; as many shuffles for every seed.
    ///   - reference: likewise.
    ///   - sharesSeeds: whether both arms have the same seeds in the same order, so that a round draws them once for both
    ///     and what a seed brings to both cancels out.
    public static func compare(
        candidate: [[Outcomes]], reference: [[Outcomes]], sharesSeeds: Bool,
        _ options: EvaluationOptions = EvaluationOptions()
    ) throws -> PairedResult {
        guard !candidate.isEmpty, !reference.isEmpty else {
            throw FoveaError(.data, "a comparison needs at least one model on each side")
        }
        guard !sharesSeeds || candidate.count == reference.count else {
            throw FoveaError(.data, "\(candidate.count) and \(reference.count) seeds cannot be the same seeds")
        }
        let first = try checkSameTruth([candidate, reference])[0]
        try options.check(first)
        guard !first.images.isEmpty else { throw FoveaError(.data, "cannot compare: there are no images") }
        let poolings: [Pooling] = first.folds.isEmpty ? [.scores] : [.foldRanks, .foldMean]
        let arms = poolings.flatMap { pooling in
            [candidate, reference].enumerated().map { side, models in
                Contrast.Arm(
                    models, pooling: pooling, seedGroup: sharesSeeds ? 0 : side, shuffleGroup: side,
                    threads: options.threads)
            }
        }
        let contrast = try Contrast(arms, first, options)
        let columns = Array(first.classes.indices)
        let averagePrecision = contrast.differences(.averagePrecision, pooling: 0, columns)
        let rocAUC = contrast.differences(.rocAUC, pooling: 0, columns)
        let hasFolds = poolings.count > 1
        let foldAveragePrecision = hasFolds ? contrast.differences(.averagePrecision, pooling: 1, columns) : []
        let foldROCAUC = hasFolds ? contrast.differences(.rocAUC, pooling: 1, columns) : []
        return PairedResult(
            images: first.images.count, patients: contrast.patients.named, candidateSeeds: candidate.count,
            referenceSeeds: reference.count, pooling: poolings[0],
            classes: columns.map { column in
                ClassDifference(
                    name: first.classes[column], group: contrast.groups.groupOfClass[column],
                    positivePatients: contrast.positivePatients[column], averagePrecision: averagePrecision[column],
                    rocAUC: rocAUC[column],
                    withinFoldAveragePrecision: hasFolds ? foldAveragePrecision[column] : nil,
                    withinFoldROCAUC: hasFolds ? foldROCAUC[column] : nil)
            },
            groups: ByGroup(contrast.groups) { columns in
                GroupDifference(
                    classes: columns.count,
                    averagePrecision: contrast.meanDifference(.averagePrecision, pooling: 0, columns),
                    rocAUC: contrast.meanDifference(.rocAUC, pooling: 0, columns),
                    withinFoldAveragePrecision: hasFolds
                        ? contrast.meanDifference(.averagePrecision, pooling: 1, columns) : nil,
                    withinFoldROCAUC: hasFolds ? contrast.meanDifference(.rocAUC, pooling: 1, columns) : nil)
            }, bootstrap: contrast.summary)
    }

    /// Verifies that all models are evaluated on the same classes and images, and that every seed of an arm has as many
    /// shuffles.
    ///
    /// - Returns: all models, one after the other.
    static func checkSameTruth(_ arms: [[[Outcomes]]]) throws -> [Outcomes] {
        for arm in arms where arm.contains(where: { $0.isEmpty || $0.count != arm[0].count }) {
            throw FoveaError(.data, "every seed must have as many models: \(arm.map(\.count))")
        }
        let models = arms.flatMap { $0.flatMap { $0 } }
        for (number, other) in models.dropFirst().enumerated() {
            try checkSameTruth(models[0], other, number: number + 2)
        }
        return models
    }

    private static func checkSameTruth(_ first: Outcomes, _ other: Outcomes, number: Int) throws {
        func fail(_ what: String) -> FoveaError {
            FoveaError(
                .data, "models 1 and \(number) cannot be evaluated together: \(what)",
                remedy: "Both must have predicted the same images, in the same order, with the same labels.")
        }
        guard first.classes == other.classes else { throw fail("their classes, or the order of them, differ") }
        guard first.images.count == other.images.count else {
            throw fail("they have \(first.images.count) and \(other.images.count) images")
        }
        for row in first.images.indices where first.images[row] != other.images[row] {
            throw fail("row \(row + 1) is image \"\(first.images[row])\" in one, \"\(other.images[row])\" in the other")
        }
        for cell in first.labels.indices where first.labels[cell] != other.labels[cell] {
            let (row, column) = cell.quotientAndRemainder(dividingBy: first.classes.count)
            throw fail("image \"\(first.images[row])\", class \"\(first.classes[column])\" has two labels")
        }
        guard first.patients == other.patients else { throw fail("their patients differ") }
        guard first.folds == other.folds else { throw fail("their folds differ") }
    }
}

extension Contrast {
    /// The differences of classes under a pooling, corrected together.
    fileprivate func differences(_ metric: Metric, pooling: Int, _ columns: [Int]) -> [Difference] {
        let (candidate, reference) = (2 * pooling, 2 * pooling + 1)
        var result = columns.map { column in
            let values = (
                point(metric, arm: candidate, class: column), point(metric, arm: reference, class: column)
            )
            let rounds = differencesByRound(metric, pooling: pooling, [column])
            return Difference(
                candidate: values.0, reference: values.1, difference: Self.minus(values.0, values.1),
                interval: interval(rounds), pValue: rounds.isEmpty ? nil : Significance.twoSidedPValue(rounds))
        }
        for (place, value) in Significance.holm(result.map(\.pValue)).enumerated() { result[place].holmPValue = value }
        return result
    }

    /// The difference of means over classes under a pooling.
    fileprivate func meanDifference(_ metric: Metric, pooling: Int, _ columns: [Int]) -> MeanDifference {
        let (candidate, reference) = (2 * pooling, 2 * pooling + 1)
        let means = [candidate, reference].map { ClassMean(points(metric, arm: $0, columns)) }
        let fixed = fixed(metric, arm: candidate, columns)
        let fixedMeans = [candidate, reference].map { ClassMean(points(metric, arm: $0, fixed.columns)).mean }
        let rounds = differencesByRound(metric, pooling: pooling, columns)
        var fixedSet: FixedSetDifference?
        if let first = fixedMeans[0], let second = fixedMeans[1], let interval = interval(rounds) {
            fixedSet = FixedSetDifference(
                candidate: first, reference: second, difference: first - second, classes: fixed.columns.count,
                interval: interval, pValue: Significance.twoSidedPValue(rounds))
        }
        return MeanDifference(
            candidate: means[0].mean, reference: means[1].mean, difference: Self.minus(means[0].mean, means[1].mean),
            classes: means[0].classes, fixedSet: fixedSet)
    }

    /// In each round the difference of means over those classes that are in the fixed set; empty without any.
    private func differencesByRound(_ metric: Metric, pooling: Int, _ columns: [Int]) -> [Double] {
        let places = fixed(metric, arm: 2 * pooling, columns).places
        return zip(
            rounds(metric, arm: 2 * pooling, places: places), rounds(metric, arm: 2 * pooling + 1, places: places)
        ).map { $0 - $1 }
    }

    private static func minus(_ a: Double?, _ b: Double?) -> Double? {
        guard let a, let b else { return nil }
        return a - b
    }
}
