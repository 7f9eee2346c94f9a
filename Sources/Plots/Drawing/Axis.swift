import Basics
import Foundation

/// A scale from values to points on the page, with round ticks.
struct Axis {
    /// Whether equal distances are equal ratios.
    let isLogarithmic: Bool
    /// The value at `start`.
    let low: Double
    /// The value at `end`.
    let high: Double
    /// Where `low` stands on the page.
    let start: Double
    /// Where `high` stands on the page; may be less than `start` (axes that go up).
    let end: Double
    /// Values with a grid line and a label.
    let ticks: [Double]

    /// A linear axis that covers the values and, if given, `including`; ends at round numbers.
    static func linear(
        _ values: [Double], including: [Double] = [], limit: ClosedRange<Double>? = nil, from start: Double,
        to end: Double, count: Int = 5
    ) -> Axis {
        let finite = (values + including).filter(\.isFinite)
        var low = finite.min() ?? 0
        var high = finite.max() ?? 1
        if high - low < 1e-9 * max(1, abs(high)) {
            let half = max(abs(high) * 0.1, 0.05)
            (low, high) = (low - half, high + half)
        }
        let step = roundStep((high - low) / Double(max(1, count)))
        low = (low / step + 1e-9).rounded(.down) * step
        high = (high / step - 1e-9).rounded(.up) * step
        if let limit { (low, high) = (max(low, limit.lowerBound), min(high, limit.upperBound)) }
        let steps = max(0, Int(((high - low) / step + 1e-9).rounded(.down)))
        let first = (low / step - 1e-9).rounded(.up) * step
        let ticks = (0...steps).map { first + Double($0) * step }.filter { $0 <= high + step * 1e-6 }
        return Axis(isLogarithmic: false, low: low, high: high, start: start, end: end, ticks: ticks)
    }

    /// A linear axis over whole numbers, such as epochs.
    static func whole(_ values: [Double], from start: Double, to end: Double, count: Int = 8) -> Axis {
        let finite = values.filter(\.isFinite)
        let low = finite.min() ?? 0
        let high = finite.max() ?? 1
        // A single number is drawn in the middle, without neighbours that were never reached.
        if high <= low {
            return Axis(
                isLogarithmic: false, low: low - 0.5, high: low + 0.5, start: start, end: end, ticks: [low])
        }
        let step = max(1, roundStep((high - low) / Double(max(1, count))))
        let first = (low / step).rounded(.up) * step
        let ticks = stride(from: first, through: high, by: step).map { $0 }
        return Axis(isLogarithmic: false, low: low, high: high, start: start, end: end, ticks: ticks)
    }

    /// A logarithmic axis from `low` (above 0) to a round number at or above the largest value.
    static func logarithmic(_ values: [Double], low: Double, from start: Double, to end: Double) -> Axis {
        let largest = max(values.filter(\.isFinite).max() ?? 1, low * 10)
        let decades = Int(log10(low).rounded(.down))...Int(log10(largest).rounded(.up))
        let isShort = decades.count <= 3
        let all = decades.flatMap { decade in (isShort ? [1.0, 2, 5] : [1.0]).map { $0 * pow(10, Double(decade)) } }
        let candidates = decades.flatMap { decade in [1.0, 2, 5].map { $0 * pow(10, Double(decade)) } }
        let high = candidates.first { $0 >= largest * 0.999 } ?? largest
        let ticks = all.filter { $0 >= low * 0.999 && $0 <= high * 1.001 }
        return Axis(isLogarithmic: true, low: low, high: high, start: start, end: end, ticks: ticks)
    }

    /// Where a value stands on the page; values outside stand at the nearer end.
    func position(_ value: Double) -> Double {
        let share =
            isLogarithmic
            ? log(max(value, low) / low) / log(high / low) : (min(max(value, low), high) - low) / (high - low)
        return start + (end - start) * min(max(share, 0), 1)
    }

    /// A tick's label, with as many decimals as the ticks need.
    func label(_ tick: Double) -> String {
        guard !isLogarithmic, ticks.count > 1 else { return Self.plain(tick) }
        let step = ticks[1] - ticks[0]
        let decimals = max(0, min(6, Int((-log10(step) - 1e-9).rounded(.up))))
        let text = NumberFormat.fixed(tick, decimals: decimals)
        return text.hasPrefix("-") ? "−" + text.dropFirst() : text
    }

    private static func plain(_ tick: Double) -> String {
        if tick >= 1000, tick.truncatingRemainder(dividingBy: 1000) == 0, let thousands = Int(exactly: tick / 1000) {
            return "\(thousands)k"
        }
        return Int(exactly: tick.rounded()).flatMap { abs(Double($0) - tick) < 1e-9 ? "\($0)" : nil } ?? "\(tick)"
    }

    /// The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `raw`.
    private static func roundStep(_ raw: Double) -> Double {
        guard raw > 0, raw.isFinite else { return 1 }
        let power = pow(10, log10(raw).rounded(.down))
        let lead = raw / power
        return ([1.0, 2, 5].first { lead <= $0 * 1.0001 } ?? 10) * power
    }
}
