import Basics
import Evaluation

/// The long tail: training images per class as bars on a logarithmic axis, and beside them how well one or more models
/// do on each class.
public struct LongTailPlot: Sendable {
    /// The plot's title.
    public var title: String
    /// The classes, in any order.
    public var classes: [ClassRow]
    /// Names of the series in `ClassRow.values`; none draws the bars only.
    public var series: [String]
    /// What the values are, such as "Average precision".
    public var measure: String
    /// Where the long tail is divided.
    public var bounds: ShotBounds

    /// A plot of classes and, optionally, the values of some models.
    public init(
        title: String, classes: [ClassRow], series: [String] = [], measure: String = "Average precision",
        bounds: ShotBounds
    ) {
        self.title = title
        self.classes = classes
        self.series = series
        self.measure = measure
        self.bounds = bounds
    }

    /// The drawing.
    public func drawing() -> Drawing {
        let left = 20.0
        let nameEnd = left + max(120, ClassRows.nameWidth(classes, limit: 300))
        let bars = (start: nameEnd + 12, end: nameEnd + 12 + (series.isEmpty ? 460 : 250))
        let points = (start: bars.end + 62, end: bars.end + 62 + 360)
        let right = series.isEmpty ? bars.end + 60 : points.end
        let width = right + 24
        let total = classes.reduce(0) { $0 + $1.trainingCount }
        let subtitle = "\(classes.count) classes, \(NumberFormat.count(total)) labels in training"
        let places = Palette.places(of: series)
        var sketch = Drawing(width: width, height: 200, title: title)
        let legendHeight = sketch.legend(series, places: places, left: left, right: right, y: 0)
        let rows = ClassRows(classes, bounds: bounds, top: 62 + legendHeight + (series.isEmpty ? 0 : 4))
        var drawing = Drawing(width: width, height: max(rows.bottom, 120) + 56, title: title)
        drawing.head(title, subtitle, left: left)
        drawing.legend(series, places: places, left: left, right: right, y: 76)
        guard !classes.isEmpty else {
            drawing.nothing("No classes.", left: left, right: right, y: 100)
            return drawing
        }
        let counts = Axis.logarithmic(
            classes.map { Double($0.trainingCount) }, low: 0.5, from: bars.start, to: bars.end)
        let firstRow = rows.groups.first?.rows.first?.y ?? rows.bottom
        rows.drawBands(on: &drawing, left: bars.start, right: bars.end)
        drawing.gridX(
            counts, top: firstRow - ClassRows.step / 2, bottom: rows.bottom, label: "Training images (log scale)")
        for group in rows.groups {
            for (row, y) in group.rows {
                let end = counts.position(Double(row.trainingCount))
                drawing.rectangle(bars.start, y - 6.5, end - bars.start, 13, Palette.shots[group.shade], radius: 1.5)
                drawing.text(NumberFormat.count(row.trainingCount), end + 6, y + 4, size: 11, Palette.grey)
            }
        }
        if !series.isEmpty {
            let values = classes.flatMap { $0.values.prefix(series.count) }
            let all = values.compactMap(\.value) + values.compactMap(\.high)
            let axis = Axis.linear(all, including: [0, 0.5], from: points.start, to: points.end)
            rows.drawBands(on: &drawing, left: points.start, right: points.end)
            drawing.gridX(axis, top: firstRow - ClassRows.step / 2, bottom: rows.bottom, label: measure)
            rows.drawValues(on: &drawing, axis: axis, places: places, isJoined: false)
        }
        rows.drawNames(on: &drawing, left: left, nameEnd: nameEnd, right: right)
        return drawing
    }
}
