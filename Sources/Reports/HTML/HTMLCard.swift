import Basics
import Evaluation

/// A figure at a glance: what it is, its value, and what to know of it.
struct HTMLCard {
    var name: String
    var value: String
    var detail: String

    /// A mean over the classes with interval; over all that define it where there are none.
    init(_ name: String, _ mean: MeanEstimate) {
        let value = mean.fixedSet.map { ReportedValue($0) } ?? ReportedValue(mean.mean)
        let classes = Pluralization.count(mean.fixedSet?.classes ?? mean.classes, "class", "classes")
        self.name = name
        self.value = NumberFormat.fixed(value.value)
        detail = (value.interval == nil ? "" : Self.range(value, isSigned: false) + ", ") + classes
    }

    /// A difference, and what may be said of it.
    init(_ name: String, _ difference: FixedSetDifference, verdict: String? = nil) {
        let value = ReportedValue(difference)
        self.name = name
        self.value = NumberFormat.signed(value.value)
        detail = Self.range(value, isSigned: true) + ": " + (verdict ?? difference.verdict)
    }

    private static func range(_ value: ReportedValue, isSigned: Bool) -> String {
        let whole = NumberFormat.interval(value, isSigned: isSigned)
        return String(whole[(whole.firstIndex(of: "[") ?? whole.startIndex)...])
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
