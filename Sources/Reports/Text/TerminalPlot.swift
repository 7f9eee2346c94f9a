import Basics
import Evaluation
import Foundation

/// Horizontal bars for a terminal, in Unicode blocks of an eighth of a column or in ASCII.
public struct TerminalPlot: Sendable {
    /// How a value becomes the length of a bar.
    public enum Scale: Sendable {
        /// Length in proportion to the value.
        case linear
        /// Length in proportion to log(1 + value): 0 has no bar, 1 a short one.
        case logarithmic
    }

    /// One bar.
    public struct Bar: Sendable {
        /// Its name, on the left.
        public var label: String
        /// Its length, at least 0; nil draws no bar and a dash.
        public var value: Double?
        /// The number as printed after the bar; by default the value as a whole number.
        public var figure: String

        /// A bar; `figure` replaces the number that is printed.
        public init(_ label: String, _ value: Double?, figure: String? = nil) {
            self.label = label
            self.value = value.flatMap { $0.isFinite ? max(0, $0) : nil }
            self.figure = figure ?? NumberFormat.count(self.value.flatMap { Int(exactly: $0.rounded()) })
        }
    }

    /// Bars under a heading of their own.
    public struct Section: Sendable {
        /// The heading; an empty one prints no line.
        public var title: String
        /// Its bars, from the top.
        public var bars: [Bar]
        /// The colour of its bars on a terminal that has colour.
        public var style: Terminal.Style

        /// A section.
        public init(_ title: String = "", _ bars: [Bar], style: Terminal.Style = .blue) {
            self.title = title
            self.bars = bars
            self.style = style
        }
    }

    /// The sections, from the top; all share one scale.
    public var sections: [Section]
    /// How lengths are made.
    public var scale: Scale

    /// A plot of some sections.
    public init(_ sections: [Section], scale: Scale = .linear) {
        self.sections = sections
        self.scale = scale
    }

    /// The plot in lines of at most the terminal's width.
    public func text(for terminal: Terminal = Terminal()) -> String {
        let bars = sections.flatMap(\.bars)
        guard !bars.isEmpty else { return "" }
        let longest = bars.compactMap(\.value).max() ?? 0
        let figures = bars.map { figure($0, terminal) }
        let figureWidth = figures.map(DisplayText.width).max() ?? 0
        let labelLimit = max(12, terminal.width * 45 / 100)
        let labels = bars.map {
            DisplayText.fit(Printable.line($0.label), to: labelLimit, ellipsis: terminal.ellipsis)
        }
        let labelWidth = labels.map(DisplayText.width).max() ?? 0
        let space = max(4, terminal.width - labelWidth - figureWidth - 4)
        var lines: [String] = []
        var index = 0
        for section in sections where !section.bars.isEmpty {
            if !section.title.isEmpty {
                if !lines.isEmpty { lines.append("") }
                lines.append(terminal.styled(Printable.line(section.title), .bold))
            }
            for bar in section.bars {
                let drawn = self.bar(share(bar.value, of: longest), space: space, isUnicode: terminal.isUnicode)
                let label = DisplayText.pad(labels[index], to: labelWidth)
                let number = DisplayText.pad(figures[index], to: figureWidth, isRight: true)
                let line = "\(label)  \(number)  \(terminal.styled(drawn, section.style))"
                lines.append(drawn.isEmpty ? String(line.dropLast(2)) : line)
                index += 1
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func figure(_ bar: Bar, _ terminal: Terminal) -> String {
        bar.figure == NumberFormat.undefined ? terminal.undefined : Printable.line(bar.figure)
    }

    private func share(_ value: Double?, of longest: Double) -> Double {
        guard let value, longest > 0 else { return 0 }
        return scale == .linear ? value / longest : log1p(value) / log1p(longest)
    }

    /// A bar of `share` of the space; whatever is above 0 shows at least its smallest piece.
    private func bar(_ share: Double, space: Int, isUnicode: Bool) -> String {
        guard share > 0 else { return "" }
        guard isUnicode else { return String(repeating: "#", count: max(1, Int((share * Double(space)).rounded()))) }
        let eighths = max(1, Int((share * Double(space * 8)).rounded()))
        let tips = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
        return String(repeating: "█", count: eighths / 8) + tips[eighths % 8]
    }
}

extension TerminalPlot {
    /// The long tail: classes from the most to the least frequent under "many", "medium" and "few", log scale.
    ///
    /// - Parameters:
    ///   - classes: names and training counts, in any order; equal counts keep it.
    ///   - bounds: where the tail is divided.
    public static func longTail(_ classes: [(name: String, count: Int)], bounds: ShotBounds) -> Self {
        let sorted = classes.enumerated()
            .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }.map(\.element)
        func section(_ title: String, _ group: ShotGroup?, _ style: Terminal.Style) -> Section {
            let members = sorted.filter { bounds.group(trainingImages: $0.count) == group }
            let heading = "\(title): \(members.count) \(members.count == 1 ? "class" : "classes")"
            return Section(heading, members.map { Bar($0.name, Double($0.count)) }, style: style)
        }
        return TerminalPlot(
            [
                section("Many (at least \(bounds.many))", .many, .blue),
                section("Medium (\(bounds.medium) to \(bounds.many - 1))", .medium, .cyan),
                section("Few (1 to \(bounds.medium - 1))", .few, .yellow),
                section("None", nil, .red),
            ], scale: .logarithmic)
    }
}
