/// Point values and bootstrap rounds of several arms over the same images, with the arithmetic that evaluations and
/// comparisons share.
struct Contrast {
    typealias Metric = Bootstrap.Metric

    /// One side of a comparison under one pooling.
    struct Arm {
        /// For each seed a model, or one for each shuffle.
        var models: [[RankedOutcomes]]
        /// Values on the images as they are, one per model.
        var points: [ClassSummary]
        /// Arms with the same one share the draw of seeds.
        var seedGroup: Int
        /// Arms with the same one share the draw of shuffles.
        var shuffleGroup: Int

        init(_ models: [[Outcomes]], pooling: Pooling, seedGroup: Int, shuffleGroup: Int, threads: Int?) {
            self.models = models.map { $0.map { RankedOutcomes($0, pooling: pooling, threads: threads) } }
            points = zip(models.joined(), self.models.joined()).map { outcomes, ranked in
                ClassSummary(ranked, rows: outcomes.images.count, threads: threads)
            }
            self.seedGroup = seedGroup
            self.shuffleGroup = shuffleGroup
        }

        /// The value of a class on the images as they are, the mean over models; nil where undefined.
        func point(_ metric: Metric, _ column: Int) -> Double? {
            let values = points.map { metric == .averagePrecision ? $0.averagePrecision[column] : $0.rocAUC[column] }
            // All models have the same labels, so all are defined or none is.
            let mean = ClassMean(values)
            return mean.classes == values.count ? mean.mean : nil
        }
    }

    let arms: [Arm]
    let bootstrap: Bootstrap?
    let summary: BootstrapSummary?
    let groups: ClassGroups
    let positivePatients: [Int]
    let patients: PatientIndex

    /// Ranks everything and draws the rounds.
    ///
    /// - Parameter outcomes: any of the models' outcomes; labels, patients and classes are the same in all.
    init(_ arms: [Arm], _ outcomes: Outcomes, _ options: EvaluationOptions) throws {
        self.arms = arms
        groups = try ClassGroups(outcomes, trainingImages: options.trainingImages, bounds: options.bounds)
        patients = PatientIndex(outcomes)
        let positivePatients = patients.units(outcomes, of: 1)
        self.positivePatients = positivePatients
        guard let settings = options.bootstrap else {
            bootstrap = nil
            summary = nil
            return
        }
        let wanted = groups.trained.filter { positivePatients[$0] >= settings.minimumPositivePatients }
        let (fixedSet, drawn) = try Self.draw(wanted, arms, patients, outcomes, settings, threads: options.threads)
        bootstrap = drawn
        summary = BootstrapSummary(
            rounds: settings.rounds, seed: settings.seed, level: settings.level, units: patients.count,
            patients: patients.named, minimumPositivePatients: settings.minimumPositivePatients,
            fixedSet: fixedSet.map { outcomes.classes[$0] }, redraws: drawn?.redraws ?? 0,
            lost: fixedSet == wanted ? nil : wanted.filter { !fixedSet.contains($0) }.map { outcomes.classes[$0] })
    }

    /// Draws the rounds of some classes. Where the draws lose one of them too often, those with the fewest positive, or
    /// negative, patients are left out, until rounds can be drawn.
    private static func draw(
        _ wanted: [Int], _ arms: [Arm], _ patients: PatientIndex, _ outcomes: Outcomes, _ settings: BootstrapOptions,
        threads: Int?
    ) throws -> (fixedSet: [Int], bootstrap: Bootstrap?) {
        var fixedSet = wanted
        while !fixedSet.isEmpty {
            let drawn = try Bootstrap(
                arms: arms.map(\.models), seedGroups: arms.map(\.seedGroup), shuffleGroups: arms.map(\.shuffleGroup),
                units: patients, fixedSet: fixedSet,
                required: arms.map { arm in
                    fixedSet.map { (arm.point(.averagePrecision, $0) != nil, arm.point(.rocAUC, $0) != nil) }
                }, options: settings, threads: threads)
            if let drawn { return (fixedSet, drawn) }
            let counts = zip(patients.units(outcomes, of: 1), patients.units(outcomes, of: 0)).map { min($0, $1) }
            let fewest = fixedSet.map { counts[$0] }.min()
            fixedSet.removeAll { counts[$0] == fewest }
        }
        return ([], nil)
    }

    /// A class's value in an arm; nil where undefined and for a class that nothing was trained for.
    func point(_ metric: Metric, arm: Int, class column: Int) -> Double? {
        groups.trained.contains(column) ? arms[arm].point(metric, column) : nil
    }

    /// The values of those classes that define the metric, among some.
    func points(_ metric: Metric, arm: Int, _ columns: [Int]) -> [Double?] {
        columns.map { point(metric, arm: arm, class: $0) }
    }

    /// Those of some classes that are in the fixed set and define the metric: their positions, and their places in it.
    func fixed(_ metric: Metric, arm: Int, _ columns: [Int]) -> (columns: [Int], places: [Int]) {
        var result: (columns: [Int], places: [Int]) = ([], [])
        for (place, column) in (bootstrap?.fixedSet ?? []).enumerated()
        where columns.contains(column) && point(metric, arm: arm, class: column) != nil {
            result.columns.append(column)
            result.places.append(place)
        }
        return result
    }

    /// The mean over places of the fixed set in each round; empty without places.
    func rounds(_ metric: Metric, arm: Int, places: [Int]) -> [Double] {
        places.isEmpty ? [] : bootstrap?.means(metric, arm: arm, places: places) ?? []
    }

    /// The interval that belongs to the values of all rounds.
    func interval(_ values: [Double]) -> Interval? {
        summary.flatMap { Interval(percentilesOf: values, level: $0.level) }
    }

    /// A class's value with its interval.
    func estimate(_ metric: Metric, arm: Int, class column: Int) -> Estimate {
        let places = fixed(metric, arm: arm, [column]).places
        return Estimate(
            value: point(metric, arm: arm, class: column), interval: interval(rounds(metric, arm: arm, places: places)))
    }

    /// A mean over classes with the interval of its fixed set.
    func meanEstimate(_ metric: Metric, arm: Int, _ columns: [Int]) -> MeanEstimate {
        let all = ClassMean(points(metric, arm: arm, columns))
        let fixed = fixed(metric, arm: arm, columns)
        let mean = ClassMean(points(metric, arm: arm, fixed.columns)).mean
        let interval = interval(rounds(metric, arm: arm, places: fixed.places))
        var fixedSet: FixedSetMean?
        if let mean, let interval {
            fixedSet = FixedSetMean(mean: mean, classes: fixed.columns.count, interval: interval)
        }
        return MeanEstimate(mean: all.mean, classes: all.classes, fixedSet: fixedSet)
    }
}
