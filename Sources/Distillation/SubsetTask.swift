import Basics
import Cohorts
import Foundation

/// Which images without a positive of its subset a teacher sees (METHOD: section 3).
public struct Negatives: Sendable, Equatable {
    /// The rules.
    public enum Rule: String, Sendable, CaseIterable {
        /// None, as in LFME (Xiang, Ding and Han, ECCV 2020).
        case drop
        /// min(ratio * |P|, |N|) of them, drawn again each epoch.
        case sampled
        /// All of them.
        case all
    }

    /// Which of them.
    public var rule: Rule
    /// How many for each positive (`sampled`).
    public var ratio: Double

    /// Describes them.
    public init(_ rule: Rule = .all, ratio: Double = 1) { (self.rule, self.ratio) = (rule, ratio) }
}

/// What one teacher learns: its classes, and which images of the training split it sees in which epoch.
public struct SubsetTask: Sendable {
    /// The classes.
    public let subset: ClassSubset
    /// Rows with a positive of the subset, P.
    public let positives: [Int]
    /// Rows without, N.
    public let negatives: [Int]
    /// Which of N are seen.
    public let mode: Negatives
    private let seed: UInt64

    /// Divides the training rows for a subset.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when no row shows a class of the subset, or when the teacher
    ///   would see no class of it absent in any image and could learn nothing.
    public init(_ subset: ClassSubset, cohort: Cohort, trainingRows: [Int], negatives mode: Negatives, seed: UInt64)
        throws
    {
        let shown = Set(cohort.rows(showing: subset.classes, among: trainingRows))
        positives = trainingRows.filter(shown.contains)
        negatives = trainingRows.filter { !shown.contains($0) }
        self.subset = subset
        self.mode = mode
        self.seed = SeededRandom(seed: seed, SeededRandom.key(subset.name)).state
        guard !positives.isEmpty else {
            throw FoveaError(.configuration, "no training image shows a class of the subset \(subset.name)")
        }
        guard alwaysPresent(in: cohort).count == subset.classes.count else { return }
        let classes = Pluralization.listing(subset.classes.map { cohort.classes[$0] })
        throw FoveaError(
            .configuration,
            "the teacher of the subset \(subset.name) would see no image that is known to be without \(classes): "
                + sight,
            remedy: remedy(
                negativeLabels: negatives.contains { row in subset.classes.contains { cohort.label(row, $0) == 0 } }))
    }

    /// The classes that are absent in no image which the teacher sees: it would learn that they are always there.
    public func alwaysPresent(in cohort: Cohort) -> [Int] {
        let seen = negativesPerEpoch > 0 ? [positives, negatives] : [positives]
        return subset.classes.filter { column in
            !seen.contains { $0.contains { cohort.label($0, column) == 0 } }
        }
    }

    /// How many images it sees, in words.
    private var sight: String {
        let rule = mode.rule.rawValue + (mode.rule == .sampled ? " with ratio \(mode.ratio)" : "")
        return
            "it has \(Pluralization.count(positives.count, "positive image")), and distillation.teachers.negatives \(rule) "
            + "gives it \(negativesPerEpoch) of the \(negatives.count) others"
    }

    private func remedy(negativeLabels: Bool) -> String {
        guard negativeLabels else {
            return "Add training images without the class, or choose a grouping that joins it with others."
        }
        return switch mode.rule {
        case .sampled:
            "Raise distillation.teachers.ratio, set distillation.teachers.negatives to all, or choose another grouping."
        case .drop, .all:
            "Set distillation.teachers.negatives to all or sampled, or choose a grouping that joins the class with others."
        }
    }

    /// How many of N are seen in an epoch.
    public var negativesPerEpoch: Int {
        switch mode.rule {
        case .drop: 0
        case .sampled: min(negatives.count, Int((mode.ratio * Double(positives.count)).rounded()))
        case .all: negatives.count
        }
    }

    /// The rows of one epoch, in the order of the cohort; a pure function of seed and epoch.
    public func rows(epoch: Int) -> [Int] {
        let requested = negativesPerEpoch
        if requested == negatives.count { return (positives + negatives).sorted() }
        var random = SeededRandom(seed: seed, UInt64(epoch))
        var pool = negatives
        for i in 0..<requested { pool.swapAt(i, i + random.index(below: pool.count - i)) }
        return (positives + pool.prefix(requested)).sorted()
    }

    /// How much too high this teacher's logits are for each of its classes, because it sees fewer negatives than the
    /// student: logit(p~_c) - logit(p_c), with p~_c the share of positives among the known labels it sees on average
    /// and p_c the same in the whole training split.
    public func priorShift(cohort: Cohort) -> [Double] {
        let share = negatives.isEmpty ? 0 : Double(negativesPerEpoch) / Double(negatives.count)
        return subset.classes.map { column in
            let inside = positives.map { cohort.label($0, column) }
            let outside = negatives.count { cohort.label($0, column) == 0 }
            let shown = Double(inside.count { $0 == 1 })
            let absent = Double(inside.count { $0 == 0 })
            // Half a negative where there is none keeps the logit finite.
            let seen = max(0.5, absent + share * Double(outside))
            let all = max(0.5, absent + Double(outside))
            // logit(p) = log(positives / negatives), so the positives cancel.
            return shown > 0 ? log(all / seen) : 0
        }
    }
}
