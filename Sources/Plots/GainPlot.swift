import Basics

/// Differences against a reference, each with its interval: a dot and a whisker per row, and the numbers beside.
public struct GainPlot: Sendable {
    /// One difference.
    public struct Row: Sendable {
        /// What is compared, such as "all classes" or "BCE + RSKD(region)".
        public var label: String
        /// The difference and its interval.
        public var difference: ReportedValue
        /// Whether the difference may be called a gain or a loss; otherwise it is a hollow grey point without a sign
        /// (METHOD.md, section 7: classes with too few positive patients).
        public var hasSign: Bool

        /// A difference.
        public init(_ label: String, _ difference: ReportedValue, hasSign: Bool = true) {
            self.label = label
            self.difference = difference
            self.hasSign = hasSign
        }
    }

    /// Rows under a heading.
    public struct Section: Sendable {
        /// The heading; empty for none.
        public var title: String
        /// Its rows.
        public var rows: [Row]

        /// A section.
        public init(_ title: String = "", _ rows: [Row]) {
            self.title = title
            self.rows = rows
        }
    }

    /// The plot's title.
    public var title: String
    /// What the differences are, such as "Difference in mAP against the plain model".
    public var measure: String
    /// The sections, from the top.
    public var sections: [Section]

    /// The share of bootstrap rounds that the intervals cover.
    public var level: Double

    /// A plot of differences.
    public init(title: String, measure: String, sections: [Section], level: Double = 0.95) {
        self.title = title
        self.measure = measure
        self.sections = sections
        self.level = level
    }

    /// The drawing.
    public func drawing() -> Drawing {
        let step = 27.0
        let left = 20.0
        let rows = sections.flatMap(\.rows)
        let labels = rows.map { TextWidth.of(Printable.line($0.label), size: 12) }.max() ?? 0
        let start = left + max(90, min(300, 1.12 * labels)) + 14
        let end = start + 400
        let width = end + 200
        let headings = sections.count { !$0.title.isEmpty && !$0.rows.isEmpty }
        let top = 70.0
        let bottom = top + Double(max(2, rows.count)) * step + Double(headings) * 28 + 8
        var drawing = Drawing(width: width, height: bottom + 56, title: title)
        let cover = NumberFormat.shortest(100 * level)
        drawing.head(
            title, "Dark: difference and \(cover) % interval, filled where that leaves out zero. Grey: no claim.",
            left: left)
        guard !rows.isEmpty else {
            drawing.nothing("No differences.", left: left, right: width, y: 104)
            return drawing
        }
        let values = rows.flatMap { [$0.difference.value, $0.difference.low, $0.difference.high].compactMap { $0 } }
        let axis = Axis.linear(values, including: [0, 0.01, -0.01], from: start, to: end, count: 6)
        drawing.gridX(axis, top: top, bottom: bottom, label: measure)
        drawing.line(axis.position(0), top, axis.position(0), bottom, Palette.grey, width: 1.4)
        var y = top
        for section in sections where !section.rows.isEmpty {
            if !section.title.isEmpty {
                drawing.text(
                    TextWidth.fit(section.title, size: 11.5, limit: start - left - 10, isBold: true), left, y + 19,
                    size: 11.5, Palette.grey, isBold: true)
                y += 28
            }
            for row in section.rows {
                draw(row, y: y + step / 2, axis: axis, left: left, on: &drawing)
                y += step
            }
        }
        return drawing
    }

    private func draw(_ row: Row, y: Double, axis: Axis, left: Double, on drawing: inout Drawing) {
        let name = TextWidth.fit(row.label, size: 12, limit: axis.start - 14 - left)
        drawing.text(name, axis.start - 14, y + 4, size: 12, anchor: .end)
        let range = row.difference.interval
        let isClear = row.hasSign && range.map { $0.lowerBound > 0 || $0.upperBound < 0 } == true
        // No colour of a model: which side of zero a point is on says which model is better.
        let colour = row.hasSign ? Palette.ink : Palette.axis
        if let range {
            drawing.whisker(
                axis.position(range.lowerBound), axis.position(range.upperBound), y: y, colour, opacity: 0.9)
        }
        if let value = row.difference.value {
            drawing.marker(.circle, axis.position(value), y, colour, size: 5, isHollow: !isClear)
        }
        let mayShow = row.hasSign || row.difference.value == nil
        let figures =
            mayShow
            ? NumberFormat.interval(row.difference, isSigned: true).replacing("-", with: "−") : "too few patients"
        drawing.text(
            figures, axis.end + 18, y + 4, size: 11.5, row.hasSign ? Palette.ink : Palette.grey, isBold: isClear)
    }
}
