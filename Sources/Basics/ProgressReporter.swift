import Foundation
import Synchronization

/// Where long work says how far it is.
///
/// On a terminal one line is redrawn several times per second; elsewhere a plain line is printed at most every
/// `plainInterval` seconds, so that logs stay short. Both show a rate and the remaining time.
public final class ProgressReporter {
    private let title: String
    private let unit: String
    private let total: Int
    /// What was done before this process began: no part of its rate.
    private let before: Int
    private let isTerminal: Bool
    private let interval: Double
    private let started = Date()
    private var shown = Date.distantPast
    private var done: Int

    /// Whether progress is printed at all; `--log-level warning` and `error`, and tests, turn it off.
    public static var isSilent: Bool {
        get { silence.load(ordering: .relaxed) }
        set { silence.store(newValue, ordering: .relaxed) }
    }
    private static let silence = Atomic(false)
    /// Whether a line on the terminal is still to be redrawn.
    private static let isLineOpen = Atomic(false)

    /// Ends a line that is still to be redrawn, so that a message can follow.
    public static func endLine() {
        guard isLineOpen.exchange(false, ordering: .relaxed) else { return }
        StandardStream.progress("\n")
    }

    /// Begins a piece of work of `total` units, such as `unit: "images"`.
    ///
    /// - Parameter before: how many of them were done by an earlier process; they do not count in the rate.
    public init(_ title: String, total: Int, unit: String, before: Int = 0, plainInterval: Double = 20) {
        self.title = title
        self.unit = unit
        self.total = total
        self.before = before
        done = before
        isTerminal = isatty(STDERR_FILENO) == 1
        interval = isTerminal ? 0.2 : plainInterval
    }

    /// Says that `done` units of the total are finished, with an optional note such as the loss.
    public func update(_ done: Int, note: String = "") {
        self.done = done
        let now = Date()
        guard !Self.isSilent, done < total, now.timeIntervalSince(shown) >= interval else { return }
        shown = now
        print(line(at: now, note: note), ends: false)
    }

    /// Ends the work with a closing line.
    public func finish(note: String = "") {
        guard !Self.isSilent else { return }
        let seconds = Date().timeIntervalSince(started)
        print(closingLine(seconds: seconds, note: note), ends: true)
    }

    /// The line that ends the work: what this process did, in its time.
    package func closingLine(seconds: Double, note: String = "") -> String {
        let earlier = before > 0 ? ", \(before) \(unit) before" : ""
        let tail = note.isEmpty ? "" : ", " + note
        return "\(title): \(done - before) \(unit) in \(Self.clock(seconds)) (\(Self.number(rate(seconds)))/s)"
            + earlier + tail
    }

    private func rate(_ seconds: Double) -> Double { seconds > 0 ? Double(done - before) / seconds : 0 }

    private func line(at now: Date, note: String) -> String {
        line(seconds: now.timeIntervalSince(started), note: note)
    }

    /// The line that says how far the work is after `seconds` of this process.
    package func line(seconds: Double, note: String = "") -> String {
        let rate = rate(seconds)
        let remaining = rate > 0 ? Self.clock(Double(total - done) / rate) : "?"
        let share = total > 0 ? 100 * done / total : 100
        let tail = note.isEmpty ? "" : ", " + note
        return "\(title): \(done)/\(total) \(unit) (\(share) %), \(Self.number(rate))/s, \(remaining) left\(tail)"
    }

    private func print(_ text: String, ends: Bool) {
        // A redrawn line must not wrap.
        let text = Printable.message(Printable.line(text))
        let shown = isTerminal && !ends ? String(text.prefix(Self.terminalWidth - 1)) : text
        let whole = isTerminal ? "\r\u{1B}[K" + shown + (ends ? "\n" : "") : text + "\n"
        Self.isLineOpen.store(isTerminal && !ends, ordering: .relaxed)
        StandardStream.progress(whole)
    }

    private static var terminalWidth: Int {
        let width = ScreenWidth.columns(of: STDERR_FILENO) ?? 0
        return width > 20 ? width : 80
    }

    /// A duration as "12 s", "3 min 05 s" or "2 h 07 min".
    public static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        if seconds < 10 { return number(seconds) + " s" }
        let whole = Int(seconds.rounded())
        func two(_ n: Int) -> String { n < 10 ? "0\(n)" : "\(n)" }
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(two(whole % 60)) s" }
        return "\(whole / 3600) h \(two(whole % 3600 / 60)) min"
    }

    /// A rate with about three significant digits.
    static func number(_ value: Double) -> String {
        if value >= 100 { return String(Int(value.rounded())) }
        let tenths = (value * 10).rounded() / 10
        return value >= 10 ? String(tenths) : String((value * 100).rounded() / 100)
    }
}
