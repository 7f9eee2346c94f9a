import Basics

/// A plot made of a few kinds of shapes, in points with the origin at the top left; written as SVG.
public struct Drawing: Sendable {
    /// Width of the drawing in points.
    public var width: Double
    /// Height of the drawing in points.
    public var height: Double
    /// What the drawing shows, for screen readers.
    public var title: String
    /// The shapes, from back to front.
    package internal(set) var shapes: [Shape] = []

    /// How a line or outline is drawn.
    package struct Stroke: Sendable {
        var colour: String
        var width: Double
        var dash: [Double] = []
        var opacity = 1.0
    }

    /// Where a text stands relative to its point.
    package enum Anchor: String, Sendable {
        case start
        case middle
        case end
    }

    /// One shape; private to Fovea, open to its tests.
    package enum Shape: Sendable {
        case line([(x: Double, y: Double)], Stroke)
        case polygon([(x: Double, y: Double)], fill: String, opacity: Double, outline: Stroke?)
        case rectangle(x: Double, y: Double, width: Double, height: Double, radius: Double, fill: String)
        case circle(x: Double, y: Double, radius: Double, fill: String, outline: Stroke?)
        case text(
            String, x: Double, y: Double, size: Double, colour: String, anchor: Anchor, isBold: Bool, turn: Double)
    }

    /// An empty drawing.
    public init(width: Double, height: Double, title: String) {
        self.width = width
        self.height = height
        self.title = title
    }

    /// The width in points that layout counts on for a text.
    package static func textWidth(_ text: String, size: Double, isBold: Bool) -> Double {
        TextWidth.of(text, size: size, isBold: isBold)
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String, width: Double = 1,
        dash: [Double] = [],
        opacity: Double = 1
    ) {
        shapes.append(.line([(x1, y1), (x2, y2)], Stroke(colour: colour, width: width, dash: dash, opacity: opacity)))
    }

    mutating func path(_ points: [(x: Double, y: Double)], _ colour: String, width: Double = 2, dash: [Double] = []) {
        guard points.count > 1 else { return }
        shapes.append(.line(points, Stroke(colour: colour, width: width, dash: dash)))
    }

    mutating func polygon(
        _ points: [(x: Double, y: Double)], fill: String, opacity: Double = 1, outline: Stroke? = nil
    ) {
        shapes.append(.polygon(points, fill: fill, opacity: opacity, outline: outline))
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String, radius: Double = 0
    ) {
        guard width > 0, height > 0 else { return }
        shapes.append(.rectangle(x: x, y: y, width: width, height: height, radius: radius, fill: fill))
    }

    mutating func circle(_ x: Double, _ y: Double, _ radius: Double, fill: String, outline: Stroke? = nil) {
        shapes.append(.circle(x: x, y: y, radius: radius, fill: fill, outline: outline))
    }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, size: Double = 12, _ colour: String = Palette.ink,
        anchor: Anchor = .start, isBold: Bool = false, turn: Double = 0
    ) {
        shapes.append(
            .text(
                Printable.line(text), x: x, y: y, size: size, colour: colour, anchor: anchor, isBold: isBold,
                turn: turn))
    }
}
