import Basics
import Foundation

extension Drawing {
    /// The drawing as an SVG 1.1 document on a white ground.
    ///
    /// Well-formed whatever names and titles contain: text is escaped, and what XML cannot hold is replaced.
    public func svg() -> String { "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + element() }

    /// The same without the declaration, as a part of a page.
    package func element() -> String {
        let size = "width=\"\(SVG.number(width))\" height=\"\(SVG.number(height))\""
        var text = "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) "
        text += "viewBox=\"0 0 \(SVG.number(width)) \(SVG.number(height))\" role=\"img\""
        text += " font-family=\"Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif\">\n"
        text += "<title>\(SVG.escaped(title))</title>\n"
        text += "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        for shape in shapes { text += SVG.element(shape) + "\n" }
        return text + "</svg>\n"
    }
}

/// The parts of an SVG document.
package enum SVG {
    static func element(_ shape: Drawing.Shape) -> String {
        switch shape {
        case .line(let points, let stroke):
            return "<polyline points=\"\(list(points))\" fill=\"none\"\(attributes(stroke))/>"
        case .polygon(let points, let fill, let opacity, let outline):
            let see = opacity < 1 ? " fill-opacity=\"\(number(opacity))\"" : ""
            return "<polygon points=\"\(list(points))\" fill=\"\(fill)\"\(see)\(outline.map(attributes) ?? "")/>"
        case .rectangle(let x, let y, let width, let height, let radius, let fill):
            let round = radius > 0 ? " rx=\"\(number(radius))\"" : ""
            return "<rect x=\"\(number(x))\" y=\"\(number(y))\" width=\"\(number(width))\" "
                + "height=\"\(number(height))\"\(round) fill=\"\(fill)\"/>"
        case .circle(let x, let y, let radius, let fill, let outline):
            return "<circle cx=\"\(number(x))\" cy=\"\(number(y))\" r=\"\(number(radius))\" fill=\"\(fill)\""
                + "\(outline.map(attributes) ?? "")/>"
        case .text(let text, let x, let y, let size, let colour, let anchor, let isBold, let turn):
            guard !text.isEmpty else { return "" }
            // Fonts differ in width: the length that layout counted on keeps names inside the drawing.
            let length = number(TextWidth.of(text, size: size, isBold: isBold))
            let align = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
            let weight = isBold ? " font-weight=\"600\"" : ""
            let turned = turn == 0 ? "" : " transform=\"rotate(\(number(turn)) \(number(x)) \(number(y)))\""
            return "<text x=\"\(number(x))\" y=\"\(number(y))\" font-size=\"\(number(size))\" fill=\"\(colour)\""
                + "\(align)\(weight)\(turned) textLength=\"\(length)\" lengthAdjust=\"spacingAndGlyphs\">"
                + "\(escaped(text))</text>"
        }
    }

    /// A coordinate with at most two decimals; 0 for what is not finite.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let rounded = (value * 100).rounded() / 100
        return rounded == rounded.rounded() && abs(rounded) < 1e9 ? String(Int(rounded)) : "\(rounded)"
    }

    /// Text for element content and attributes, of HTML too: markup escaped, characters that XML 1.0 forbids replaced.
    package static func escaped(_ text: String) -> String {
        var safe = ""
        for scalar in Printable.line(text).unicodeScalars {
            switch scalar {
            case "&": safe += "&amp;"
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "\"": safe += "&quot;"
            case "'": safe += "&#39;"
            case "\u{FFFE}", "\u{FFFF}": safe += "\u{FFFD}"
            default: safe.unicodeScalars.append(scalar)
            }
        }
        return safe
    }

    private static func list(_ points: [(x: Double, y: Double)]) -> String {
        points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ")
    }

    private static func attributes(_ stroke: Drawing.Stroke) -> String {
        var text = " stroke=\"\(stroke.colour)\" stroke-width=\"\(number(stroke.width))\" stroke-linejoin=\"round\""
        if !stroke.dash.isEmpty {
            text += " stroke-dasharray=\"\(stroke.dash.map(number).joined(separator: " "))\""
        } else if stroke.width > 1 {
            text += " stroke-linecap=\"round\""
        }
        if stroke.opacity < 1 { text += " stroke-opacity=\"\(number(stroke.opacity))\"" }
        return text
    }
}
