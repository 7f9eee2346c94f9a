import Basics
import Evaluation

/// Teachers, students and plain models class by class: one row per class, its values joined by a line.
public struct ClassComparisonPlot: Sendable {
    /// The plot's title.
    public var title: String
    /// The classes, in any order.
    public var classes: [ClassRow]
    /// Names of the series in `ClassRow.values`, such as "plain", "teacher", "student".
    public var series: [String]
    /// What the values are, such as "Average precision".
    public var measure: String
    /// Where the long tail is divided.
    public var bounds: ShotBounds

    /// A plot of the values of some models on each class.
    public init(
        title: String, classes: [ClassRow], series: [String], measure: String = "Average precision",
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
        let countEnd = nameEnd + 52
        let start = countEnd + 16
        let end = start + 520
        let width = end + 28
        let places = Palette.places(of: series)
        var sketch = Drawing(width: width, height: 200, title: title)
        let legendHeight = sketch.legend(series, places: places, left: left, right: end, y: 0)
        let rows = ClassRows(classes, bounds: bounds, top: 66 + legendHeight)
        var drawing = Drawing(width: width, height: max(rows.bottom, 120) + 56, title: title)
        drawing.head(title, "Classes from frequent to rare, with their numbers of training images", left: left)
        drawing.legend(series, places: places, left: left, right: end, y: 76)
        guard !classes.isEmpty else {
            drawing.nothing("No classes.", left: left, right: end, y: 100)
            return drawing
        }
        let values = classes.flatMap { $0.values.prefix(series.count).compactMap(\.value) }
        let axis = Axis.linear(values, including: [0, 0.5], from: start, to: end)
        let firstRow = rows.groups.first?.rows.first?.y ?? rows.bottom
        rows.drawBands(on: &drawing, left: start, right: end)
        drawing.gridX(axis, top: firstRow - ClassRows.step / 2, bottom: rows.bottom, label: measure)
        rows.drawNames(on: &drawing, left: left, nameEnd: nameEnd, right: end)
        for (row, y) in rows.groups.flatMap(\.rows) {
            drawing.text(NumberFormat.count(row.trainingCount), countEnd, y + 4, size: 11, Palette.grey, anchor: .end)
        }
        rows.drawValues(on: &drawing, axis: axis, places: places, isJoined: true)
        return drawing
    }
}
