import Basics
import Evaluation

/// A class as a row of a plot.
public struct ClassRow: Sendable {
    /// Its name, any text.
    public var name: String
    /// Its number of training images.
    public var trainingCount: Int
    /// One value for each series of the plot, in their order; missing ones count as undefined.
    public var values: [ReportedValue]

    /// A class with its training count and values.
    public init(_ name: String, trainingCount: Int, values: [ReportedValue] = []) {
        self.name = name
        self.trainingCount = trainingCount
        self.values = values
    }
}

/// Classes from frequent to rare, in groups, with a place on the page for each; what the per-class plots share.
struct ClassRows {
    struct Group {
        var title: String
        var titleY: Double
        var shade: Int
        var rows: [(row: ClassRow, y: Double)]
    }

    static let step = 21.0
    var groups: [Group] = []
    /// The height below the last row.
    var bottom: Double

    init(_ classes: [ClassRow], bounds: ShotBounds, top: Double) {
        let sorted = classes.enumerated()
            .sorted { ($1.element.trainingCount, $0.offset) < ($0.element.trainingCount, $1.offset) }.map(\.element)
        let kinds: [(String, (Int) -> Bool)] = [
            ("Many-shot (at least \(bounds.many))", { bounds.group(trainingImages: $0) == .many }),
            ("Medium-shot (\(bounds.medium) to \(bounds.many - 1))", { bounds.group(trainingImages: $0) == .medium }),
            ("Few-shot (1 to \(bounds.medium - 1))", { bounds.group(trainingImages: $0) == .few }),
            ("No training images", { bounds.group(trainingImages: $0) == nil }),
        ]
        bottom = top
        for (shade, (title, belongs)) in kinds.enumerated() {
            let members = sorted.filter { belongs($0.trainingCount) }
            guard !members.isEmpty else { continue }
            let titleY = bottom + 17
            let first = bottom + 26 + Self.step / 2
            let rows = members.enumerated().map { ($1, first + Double($0) * Self.step) }
            let count = "\(members.count) \(members.count == 1 ? "class" : "classes")"
            groups.append(Group(title: "\(title): \(count)", titleY: titleY, shade: shade, rows: rows))
            bottom += 26 + Double(members.count) * Self.step + 8
        }
    }

    /// The width that names need, at most `limit`; with some space for viewers that use a wider font.
    static func nameWidth(_ classes: [ClassRow], limit: Double) -> Double {
        min(limit, 1.12 * (classes.map { TextWidth.of(Printable.line($0.name), size: 12) }.max() ?? 0))
    }

    /// Headings, names and a faint line under every row.
    func drawNames(on drawing: inout Drawing, left: Double, nameEnd: Double, right: Double) {
        for group in groups {
            drawing.text(group.title, left, group.titleY, size: 11.5, Palette.grey, isBold: true)
            for (row, y) in group.rows {
                let name = TextWidth.fit(row.name, size: 12, limit: nameEnd - left)
                drawing.text(name, nameEnd, y + 4, size: 12, anchor: .end)
            }
        }
    }

    /// Bands behind the rows of every group.
    func drawBands(on drawing: inout Drawing, left: Double, right: Double) {
        for group in groups {
            guard let first = group.rows.first, let last = group.rows.last else { continue }
            let top = first.y - Self.step / 2
            drawing.rectangle(left, top, right - left, last.y + Self.step / 2 - top, Palette.band)
        }
    }

    /// The values of every series as markers with whiskers, each series slightly apart.
    ///
    /// - Parameter places: the place of each series among colours and markers.
    func drawValues(on drawing: inout Drawing, axis: Axis, places: [Int], isJoined: Bool) {
        let seriesCount = places.count
        for (row, y) in groups.flatMap(\.rows) {
            let shown = (0..<seriesCount).map { $0 < row.values.count ? row.values[$0] : ReportedValue(nil) }
            let points = shown.compactMap(\.value)
            if points.isEmpty {
                drawing.text("undefined", axis.start + 6, y + 4, size: 10.5, Palette.axis)
            }
            if isJoined, let low = points.min(), let high = points.max(), points.count > 1 {
                drawing.line(axis.position(low), y, axis.position(high), y, Palette.axis, width: 2.4)
            }
            // A little apart even when joined, so that equal values do not hide each other.
            let step = isJoined ? min(4, 8 / Double(seriesCount)) : min(7, 12 / Double(seriesCount))
            func height(_ index: Int) -> Double { y + (Double(index) - Double(seriesCount - 1) / 2) * step }
            for (index, value) in shown.enumerated() {
                guard let range = value.interval, !isJoined else { continue }
                let (low, high) = (axis.position(range.lowerBound), axis.position(range.upperBound))
                drawing.whisker(low, high, y: height(index), Palette.series(places[index]), opacity: 0.55)
            }
            for (index, value) in shown.enumerated().reversed() {
                guard let point = value.value else { continue }
                drawing.marker(
                    .series(places[index]), axis.position(point), height(index), Palette.series(places[index]),
                    size: isJoined ? 4.6 : 3.8)
            }
        }
    }
}
