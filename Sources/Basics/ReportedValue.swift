import Foundation

/// A number as reports show it: perhaps undefined, perhaps with an interval.
public struct ReportedValue: Sendable, Equatable {
    /// The point estimate; nil where it is undefined (a class without positives). Not finite counts as undefined.
    public var value: Double?
    /// The lower end of the interval, where one was computed.
    public var low: Double?
    /// The upper end of the interval, where one was computed.
    public var high: Double?

    /// A value, optionally with both ends of its interval.
    public init(_ value: Double?, low: Double? = nil, high: Double? = nil) {
        self.value = value.flatMap { $0.isFinite ? $0 : nil }
        let isWhole = self.value != nil && low?.isFinite == true && high?.isFinite == true
        self.low = isWhole ? low : nil
        self.high = isWhole ? high : nil
    }

    /// The interval, where there is one.
    public var interval: ClosedRange<Double>? {
        guard let low, let high, low <= high else { return nil }
        return low...high
    }
}

/// Numbers in words: fixed decimals, a dash for what is undefined, never a zero in its place.
public enum NumberFormat {
    /// What stands for an undefined value.
    public static let undefined = "–"

    /// A number with a fixed count of decimals; "–" for nil and for what is not finite.
    public static func fixed(_ value: Double?, decimals: Int = 3) -> String {
        guard let value, value.isFinite else { return undefined }
        let text = String(format: "%.\(max(0, min(decimals, 17)))f", value)
        let isZero = text.allSatisfy { "-0.".contains($0) }
        return isZero && text.hasPrefix("-") ? String(text.dropFirst()) : text
    }

    /// A difference with its sign, minus as "-"; "–" for nil.
    public static func signed(_ value: Double?, decimals: Int = 3) -> String {
        let text = fixed(value, decimals: decimals)
        guard let value, value > 0, text != undefined, text.contains(where: { !"0.".contains($0) }) else { return text }
        return "+" + text
    }

    /// "0.256 [0.231, 0.281]", or the value alone where there is no interval.
    public static func interval(_ value: ReportedValue, decimals: Int = 3, isSigned: Bool = false) -> String {
        let show = isSigned ? signed : fixed
        let point = show(value.value, decimals)
        guard let range = value.interval else { return point }
        return "\(point) [\(show(range.lowerBound, decimals)), \(show(range.upperBound, decimals))]"
    }

    /// A whole number with its noun: "12,345 images", "1 image".
    public static func count(_ value: Int, _ one: String) -> String {
        count(value) + " " + one + (value == 1 ? "" : "s")
    }

    /// A whole number with thousands apart: 12,345.
    public static func count(_ value: Int?) -> String {
        guard let value else { return undefined }
        let digits = String(value.magnitude)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += "," }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// A number without needless decimals, such as 95 or 97.5.
    public static func shortest(_ value: Double?) -> String {
        guard let value, value.isFinite else { return undefined }
        let rounded = (value * 1000).rounded() / 1000
        return Int(exactly: rounded).map(String.init) ?? "\(rounded)"
    }

    /// A share of a whole as "12.5 %"; "–" when the whole is nothing.
    public static func percent(_ part: Int, of whole: Int) -> String {
        whole > 0 ? fixed(100 * Double(part) / Double(whole), decimals: 1) + " %" : undefined
    }
}
