import Basics
import Evaluation

/// A figure at a glance: what it is, its value, and what to know of it.
struct HTMLCard {
    var name: String
    var value: String
    var detail: String

    /// A mean over all of `classes` that define it.
    init(_ name: String, _ mean: MeanEstimate, of classes: Int) {
        (self.name, value) = (name, NumberFormat.fixed(mean.mean))
        detail = mean.words(of: classes)
    }

    /// A difference of the means of some of `classes`, and what may be said of it.
    init(_ name: String, _ difference: FixedSetDifference, of classes: Int, verdict: String? = nil) {
        let value = ReportedValue(difference)
        self.name = name
        self.value = NumberFormat.signed(value.value)
        let some = difference.classes == classes ? "" : ", over only \(difference.classes) of \(classes) classes"
        detail = value.range(isSigned: true) + some + ": " + (verdict ?? difference.verdict)
    }

    var html: HTML { "<div><dt>\(name)</dt><dd><strong>\(value)</strong> \(detail)</dd></div>" }
}

extension ComparisonTables.Contrast {
    /// What may be said of its difference: a gain or a loss is one that stays clear of zero after the correction for the
    /// number of techniques too.
    func verdict(of difference: FixedSetDifference) -> String {
        let level = result.bootstrap?.level ?? 0.95
        return holmPValue.map { $0 <= 1 - level } ?? true ? difference.verdict : FixedSetDifference.noClaim
    }
}

extension FixedSetDifference {
    fileprivate static let noClaim = "no difference can be claimed"

    /// What may be said of it alone.
    fileprivate var verdict: String { interval.low > 0 ? "a gain" : interval.high < 0 ? "a loss" : Self.noClaim }
}

extension HTML {
    /// Some figures at a glance; nothing for none.
    static func cards(_ cards: [HTMLCard]) -> HTML {
        cards.isEmpty ? "" : "<dl class=\"cards\">\(cards.map(\.html))</dl>"
    }
}
