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

    /// A difference in mAP, and whether one can be claimed; nil without an interval.
    init?(_ name: String, _ contrast: ComparisonTables.Contrast) {
        guard let difference = contrast.result.groups.all.averagePrecision.fixedSet else { return nil }
        let value = ReportedValue(difference)
        self.name = name
        self.value = NumberFormat.signed(value.value)
        detail = Self.range(value, isSigned: true) + ": " + contrast.verdict(of: difference)
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
        guard holmPValue.map({ $0 <= 1 - level }) ?? true else { return "no difference can be claimed" }
        return difference.interval.low > 0
            ? "a gain" : difference.interval.high < 0 ? "a loss" : "no difference can be claimed"
    }
}

extension HTML {
    /// Some figures at a glance; nothing for none.
    static func cards(_ cards: [HTMLCard]) -> HTML {
        cards.isEmpty ? "" : "<dl class=\"cards\">\(cards.map(\.html))</dl>"
    }
}
