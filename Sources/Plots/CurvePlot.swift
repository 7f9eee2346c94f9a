import Basics

/// A small plot of some curves in a square, one of many side by side.
public struct CurvePlot: Sendable {
    /// A curve.
    public struct Line: Sendable {
        /// Its name in the legend.
        public var name: String
        /// Its points, in order.
        public var points: [(x: Double, y: Double)]
        /// Whether it is what others are compared with: thin and grey.
        public var isReference: Bool
        /// Whether it is drawn in dashes, to be told from another reference.
        public var isDashed: Bool

        /// A curve through some points.
        public init(
            _ name: String, _ points: [(x: Double, y: Double)], isReference: Bool = false, isDashed: Bool = false
        ) {
            (self.name, self.points) = (name, points)
            (self.isReference, self.isDashed) = (isReference, isDashed)
        }
    }

    /// What is shown, such as a class.
    public var title: String
    /// A line below it.
    public var subtitle: String
    /// The name of the lying axis, and what it covers.
    public var x: (label: String, range: ClosedRange<Double>)
    /// The same of the standing axis; what lies outside is not drawn.
    public var y: (label: String, range: ClosedRange<Double>)
    /// The curves.
    public var lines: [Line]

    /// A plot of some curves.
    public init(
        title: String, subtitle: String, x: (label: String, range: ClosedRange<Double>),
        y: (label: String, range: ClosedRange<Double>), lines: [Line]
    ) {
        self.title = title
        self.subtitle = subtitle
        self.x = x
        self.y = y
        self.lines = lines
    }

    /// The drawing.
    public func drawing() -> Drawing {
        let (left, right, top, bottom) = (56.0, 246.0, 46.0, 210.0)
        var drawing = Drawing(width: 258, height: 252, title: "\(title): \(y.label) by \(x.label). \(subtitle)")
        drawing.text(TextWidth.fit(title, size: 12.5, limit: 240, isBold: true), 10, 17, size: 12.5, isBold: true)
        drawing.text(TextWidth.fit(subtitle, size: 10.5, limit: 240), 10, 33, size: 10.5, Palette.grey)
        func axis(_ range: ClosedRange<Double>, from start: Double, to end: Double) -> Axis {
            Axis.linear([range.lowerBound, range.upperBound], limit: range, from: start, to: end, count: 4)
        }
        let across = axis(x.range, from: left, to: right)
        let up = axis(y.range, from: bottom, to: top)
        drawing.gridX(across, top: top, bottom: bottom, label: x.label)
        drawing.gridY(up, left: left, right: right, label: y.label)
        let places = Palette.places(of: lines.map(\.name))
        for (index, line) in lines.enumerated() {
            let points = line.points.filter { y.range.contains($0.y) && x.range.contains($0.x) }
                .map { (x: across.position($0.x), y: up.position($0.y)) }
            drawing.path(
                points, line.isReference ? Palette.axis : Palette.series(places[index]),
                width: line.isReference ? 1.2 : 1.8, dash: line.isDashed ? Drawing.dashes : [])
        }
        return drawing
    }

    /// The names of curves that many plots share.
    public static func legend(_ lines: [Line]) -> Drawing {
        let names = lines.map(\.name)
        let places = zip(lines, Palette.places(of: names)).map { $0.isReference ? nil : Int?.some($1) }
        let width = names.reduce(20) { $0 + TextWidth.of($1, size: 12) + 56 }
        var drawing = Drawing(width: width, height: 24, title: "Legend: " + names.joined(separator: ", "))
        drawing.legend(
            names, places: places, left: 4, right: width, y: 16, hasLines: true,
            dashed: Set(lines.indices.filter { lines[$0].isDashed }))
        return drawing
    }
}
