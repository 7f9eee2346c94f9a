/// Markers of series, each of its own shape.
enum Marker: Int, CaseIterable {
    case circle
    case diamond
    case square
    case triangle

    /// The marker of the n-th series.
    static func series(_ index: Int) -> Marker { allCases[index % allCases.count] }
}

extension Drawing {
    /// Strokes and gaps of a line that must be told from another one of its colour.
    static let dashes = [5.0, 3.0]

    /// The head of a plot: a bold title and a line of explanation, both cut to the width.
    mutating func head(_ title: String, _ subtitle: String, left: Double) {
        let space = width - left - 16
        text(TextWidth.fit(title, size: 16, limit: space, isBold: true), left, 30, size: 16, isBold: true)
        guard !subtitle.isEmpty else { return }
        text(TextWidth.fit(subtitle, size: 11.5, limit: space), left, 49, size: 11.5, Palette.grey)
    }

    mutating func marker(
        _ kind: Marker, _ x: Double, _ y: Double, _ colour: String, size: Double = 4.2, isHollow: Bool = false
    ) {
        let fill = isHollow ? "#ffffff" : colour
        let outline = Stroke(colour: isHollow ? colour : "#ffffff", width: isHollow ? 1.6 : 1)
        switch kind {
        case .circle: circle(x, y, size, fill: fill, outline: outline)
        case .diamond:
            let r = size * 1.3
            polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], fill: fill, outline: outline)
        case .square:
            let r = size * 0.92
            polygon([(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)], fill: fill, outline: outline)
        case .triangle:
            let r = size * 1.25
            polygon([(x, y - r), (x + r, y + r * 0.8), (x - r, y + r * 0.8)], fill: fill, outline: outline)
        }
    }

    /// A whisker from `low` to `high` with small caps, lying.
    mutating func whisker(_ low: Double, _ high: Double, y: Double, _ colour: String, opacity: Double = 0.75) {
        line(low, y, high, y, colour, width: 1.4, opacity: opacity)
        for x in [low, high] { line(x, y - 2.6, x, y + 2.6, colour, width: 1.4, opacity: opacity) }
    }

    /// Names of series with their markers in rows from `left` to `right`; gives back the height used.
    ///
    /// - Parameters:
    ///   - places: the place of each among colours and markers, nil for a thin grey line.
    ///   - dashed: which of the grey lines are in dashes.
    @discardableResult
    mutating func legend(
        _ names: [String], places: [Int?], left: Double, right: Double, y: Double, hasLines: Bool = false,
        dashed: Set<Int> = []
    ) -> Double {
        var pen = left
        var row = y
        for (index, name) in names.enumerated() {
            let lead = hasLines ? 30.0 : 16.0
            let shown = TextWidth.fit(name, size: 12, limit: right - left - lead)
            let needed = lead + TextWidth.of(shown, size: 12) + 22
            if pen > left, pen + needed - 22 > right { (pen, row) = (left, row + 19) }
            if let place = places[index] {
                let colour = Palette.series(place)
                if hasLines { line(pen, row - 4, pen + 22, row - 4, colour, width: 2) }
                marker(.series(place), pen + (hasLines ? 11 : 5), row - 4, colour)
            } else {
                line(
                    pen, row - 4, pen + 22, row - 4, Palette.axis, width: 1.2,
                    dash: dashed.contains(index) ? Self.dashes : [])
            }
            text(shown, pen + lead, row, size: 12)
            pen += needed
        }
        return names.isEmpty ? 0 : row - y + 19
    }

    /// Grid lines and labels of a lying axis, between the heights `top` and `bottom`; labels stand below.
    mutating func gridX(_ axis: Axis, top: Double, bottom: Double, label: String) {
        for tick in axis.ticks {
            let x = axis.position(tick)
            line(x, top, x, bottom, Palette.grid)
            text(axis.label(tick), x, bottom + 16, size: 11, Palette.grey, anchor: .middle)
        }
        text(label, (axis.start + axis.end) / 2, bottom + 35, size: 12, anchor: .middle)
    }

    /// Grid lines and labels of a standing axis, between `left` and `right`; labels stand on the left.
    mutating func gridY(_ axis: Axis, left: Double, right: Double, label: String) {
        for tick in axis.ticks {
            let y = axis.position(tick)
            line(left, y, right, y, Palette.grid)
            text(axis.label(tick), left - 8, y + 4, size: 11, Palette.grey, anchor: .end)
        }
        let widest = axis.ticks.map { TextWidth.of(axis.label($0), size: 11) }.max() ?? 0
        text(
            label, left - widest - 20, (axis.start + axis.end) / 2, size: 12, anchor: .middle, turn: -90)
    }

    /// A sentence in the place of what cannot be drawn.
    mutating func nothing(_ reason: String, left: Double, right: Double, y: Double) {
        text(reason, (left + right) / 2, y, size: 12, Palette.grey, anchor: .middle)
    }
}
