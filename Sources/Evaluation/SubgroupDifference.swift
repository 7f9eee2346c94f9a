import Basics

/// How much better or worse a model ranks in a part of the images than in the rest.
///
/// By the area under the ROC curve, which does not depend on how frequent a class is; average precision does, so it would
/// differ between parts for a model that treats both alike.
public struct SubgroupDifference: Codable, Equatable, Sendable {
    /// Images of the part.
    public let images: Int
    /// Its patients; an image of an unknown patient counts as one.
    public let patients: Int
    /// Classes with enough positive patients in the part and in the rest: the means are over these.
    public let classes: Int
    /// The mean area in the part; nil without such a class.
    @ExplicitNull public internal(set) var rocAUC: Double?
    /// The mean area in the rest.
    @ExplicitNull public internal(set) var rest: Double?
    /// The part minus the rest.
    @ExplicitNull public internal(set) var difference: Double?
    /// Its interval, by a bootstrap over patients, where both parts are evaluated on the same draw.
    @ExplicitNull public internal(set) var interval: Interval?

    enum CodingKeys: String, CodingKey {
        case images, patients, classes, rest, difference, interval
        case rocAUC = "rocAuc"
    }

    /// Compares the images at `rows` with all others.
    ///
    /// - Throws: `CancellationError` when stopped. Where the bootstrap loses a class again and again there is no interval.
    public init(_ outcomes: Outcomes, rows: Set<Int>, _ options: EvaluationOptions) throws {
        func part(_ isIn: Bool) throws -> Outcomes {
            let count = outcomes.classes.count
            return try Outcomes(
                classes: outcomes.classes, images: outcomes.images,
                labels: outcomes.labels.indices.map {
                    rows.contains($0 / count) == isIn ? outcomes.labels[$0] : -1
                }, scores: outcomes.scores, patients: outcomes.patients)
        }
        let units = PatientIndex(outcomes)
        let parts = [try part(true), try part(false)]
        let ranked = parts.map { RankedOutcomes($0, pooling: .scores, threads: options.threads) }
        let points = ranked.map { ClassSummary($0, rows: outcomes.images.count, threads: options.threads) }
        let positives = parts.map { units.units($0, of: 1) }
        let minimum = options.bootstrap?.minimumPositivePatients ?? BootstrapOptions().minimumPositivePatients
        let fixedSet = outcomes.classes.indices.filter { column in
            options.trainingImages?[column] != 0 && positives.allSatisfy { $0[column] >= minimum }
                && points.allSatisfy { $0.rocAUC[column] != nil }
        }
        images = rows.count
        patients = Set(rows.map { units.unitOfRow[$0] }).count
        classes = fixedSet.count
        let means = points.map { $0.meanROCAUC(over: fixedSet).mean }
        (rocAUC, rest) = (means[0], means[1])
        difference = means[0].flatMap { mean in means[1].map { mean - $0 } }
        guard let settings = options.bootstrap, !fixedSet.isEmpty else { return }
        let bootstrap = try Bootstrap(
            arms: ranked.map { [[$0]] }, seedGroups: [0, 1], shuffleGroups: [0, 1], units: units, fixedSet: fixedSet,
            required: Array(repeating: fixedSet.map { _ in (true, true) }, count: 2), options: settings,
            threads: options.threads)
        guard let bootstrap else { return }
        let rounds = [0, 1].map { bootstrap.means(.rocAUC, arm: $0, places: Array(fixedSet.indices)) }
        interval = Interval(percentilesOf: zip(rounds[0], rounds[1]).map(-), level: settings.level)
    }
}
