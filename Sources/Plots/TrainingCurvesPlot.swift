/// Training curves: for each measure one panel over the epochs, one line per run or stage.
public struct TrainingCurvesPlot: Sendable {
    /// A line.
    public struct Line: Sendable {
        /// Its name in the legend; lines of one name share a colour across panels.
        public var name: String
        /// Epoch (from 1) and value; a value that is nil or not finite breaks the line.
        public var points: [(epoch: Int, value: Double?)]

        /// Whether it is one of the teachers: thin and grey, all of them under one name in the legend.
        public var isTeacher: Bool

        /// A line through some points.
        public init(_ name: String, _ points: [(epoch: Int, value: Double?)], isTeacher: Bool = false) {
            self.name = name
            self.points = points
            self.isTeacher = isTeacher
        }
    }

    /// A measure over the epochs.
    public struct Panel: Sendable {
        /// What the values are, such as "Training loss".
        public var measure: String
        /// Its lines.
        public var lines: [Line]

        /// A panel of some lines.
        public init(_ measure: String, _ lines: [Line]) {
            self.measure = measure
            self.lines = lines
        }
    }

    /// The plot's title.
    public var title: String
    /// The panels, side by side.
    public var panels: [Panel]

    /// A plot of some panels, usually the loss and the validation mAP.
    public init(title: String, panels: [Panel]) {
        self.title = title
        self.panels = panels
    }

    /// The drawing.
    public func drawing() -> Drawing {
        let panelWidth = 370.0
        let panelHeight = 260.0
        let left = 20.0
        let width = max(1, Double(panels.count)) * (panelWidth + 84) + 24
        var names: [String] = []
        for line in panels.flatMap(\.lines) where !line.isTeacher && !names.contains(line.name) {
            names.append(line.name)
        }
        var places: [Int?] = Palette.places(of: names)
        if panels.contains(where: { $0.lines.contains(where: \.isTeacher) }) {
            names.append("teachers, each on its own classes")
            places.append(nil)
        }
        var sketch = Drawing(width: width, height: 100, title: title)
        let legendHeight = sketch.legend(names, places: places, left: left, right: width - 24, y: 0, hasLines: true)
        let top = 56 + legendHeight
        let bottom = top + panelHeight
        var drawing = Drawing(width: width, height: bottom + 54, title: title)
        drawing.head(title, "", left: left)
        drawing.legend(names, places: places, left: left, right: width - 24, y: 54, hasLines: true)
        for (index, panel) in panels.enumerated() {
            let start = 84 + Double(index) * (panelWidth + 84)
            let points = panel.lines.flatMap(\.points)
            let values = points.compactMap(\.value).filter(\.isFinite)
            let x = Axis.whole(points.map { Double($0.epoch) }, from: start + 8, to: start + panelWidth - 8)
            let y = Axis.linear(values, from: bottom, to: top)
            drawing.gridX(x, top: top, bottom: bottom, label: "Epoch")
            drawing.gridY(y, left: start, right: start + panelWidth, label: panel.measure)
            drawing.line(start, bottom, start + panelWidth, bottom, Palette.axis)
            if values.isEmpty {
                drawing.nothing("No values.", left: start, right: start + panelWidth, y: (top + bottom) / 2)
            }
            for line in panel.lines where line.isTeacher { draw(line, place: nil, x: x, y: y, on: &drawing) }
            for line in panel.lines where !line.isTeacher {
                let place = names.firstIndex(of: line.name).flatMap { places[$0] }
                draw(line, place: place, x: x, y: y, on: &drawing)
            }
        }
        return drawing
    }

    /// Draws a line in the colour of its place, or thin and grey without one.
    private func draw(_ line: Line, place: Int?, x: Axis, y: Axis, on drawing: inout Drawing) {
        let colour = place.map { Palette.series($0) } ?? Palette.axis
        let width = place == nil ? 1.2 : 2
        var run: [(x: Double, y: Double)] = []
        var places: [(x: Double, y: Double)] = []
        for point in line.points.sorted(by: { $0.epoch < $1.epoch }) {
            guard let value = point.value, value.isFinite else {
                drawing.path(run, colour, width: width)
                run = []
                continue
            }
            run.append((x.position(Double(point.epoch)), y.position(value)))
            places.append(run[run.count - 1])
        }
        drawing.path(run, colour, width: width)
        // Beyond a few dozen epochs markers would hide the line.
        guard places.count <= 40 else { return }
        let marker = place.map { Marker.series($0) } ?? Marker.circle
        for point in places { drawing.marker(marker, point.x, point.y, colour, size: place == nil ? 2 : 3.4) }
    }
}
