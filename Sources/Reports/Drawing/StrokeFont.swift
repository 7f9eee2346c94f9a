import Foundation

/// A small sans-serif font of single strokes, drawn for Fovea, so that pictures have text on machines without fonts.
///
/// Glyphs live on a grid with 20 units to the em: capitals are 14 high, small letters 10, descenders 4. Accented
/// letters are drawn as base letter and mark; what the font lacks is shown as an empty box. Its widths are close to
/// those of common sans-serif fonts, so layout measured with it holds for live text too.
enum StrokeFont {
    /// A glyph: its ink's width and an SVG path with the baseline at 0 and y down.
    struct Glyph {
        var width: Double
        var path: String
    }

    private static let unitsPerEm = 20.0
    /// Free space on either side of a glyph's ink.
    private static let bearing = 1.55

    /// The width of a text in points. Bold is somewhat wider, as it is in fonts.
    static func width(_ text: String, size: Double, isBold: Bool = false) -> Double {
        pieces(text).reduce(0) { $0 + $1.advance } * size / unitsPerEm * (isBold ? 1.07 : 1)
    }

    /// The text cut with an ellipsis to at most `limit` points.
    static func fit(_ text: String, size: Double, limit: Double, isBold: Bool = false) -> String {
        let text = DisplayText.oneLine(text)
        guard width(text, size: size, isBold: isBold) > limit else { return text }
        var kept = text
        while let _ = kept.popLast() {
            let cut = kept.trimmingCharacters(in: .whitespaces) + "…"
            if width(cut, size: size, isBold: isBold) <= limit { return cut }
        }
        return "…"
    }

    /// The text as an SVG group of strokes.
    static func element(
        _ text: String, x: Double, y: Double, size: Double, colour: String, anchor: Drawing.Anchor, isBold: Bool,
        turn: Double
    ) -> String {
        let scale = size / unitsPerEm
        let stretch = isBold ? 1.07 : 1
        let total = width(text, size: size, isBold: isBold)
        let shift =
            switch anchor {
            case .start: 0.0
            case .middle: -total / 2
            case .end: -total
            }
        var paths = ""
        var pen = 0.0
        for piece in pieces(text) {
            for part in piece.parts {
                let offset = (pen + bearing + part.shift.x) * stretch
                paths +=
                    "<path transform=\"translate(\(SVG.number(offset)) \(SVG.number(part.shift.y)))\" d=\"\(part.path)\"/>"
            }
            pen += piece.advance
        }
        guard !paths.isEmpty else { return "" }
        let turned = turn == 0 ? "" : " rotate(\(SVG.number(turn)))"
        let place = "translate(\(SVG.number(x)) \(SVG.number(y)))\(turned) translate(\(SVG.number(shift)) 0)"
        return "<g transform=\"\(place) scale(\(scale))\" fill=\"none\" stroke=\"\(colour)\" "
            + "stroke-width=\"\(isBold ? 2.3 : 1.55)\" stroke-linecap=\"round\" stroke-linejoin=\"round\">\(paths)</g>"
    }

    private struct Piece {
        var advance: Double
        var parts: [(path: String, shift: (x: Double, y: Double))]
    }

    private static func pieces(_ text: String) -> [Piece] {
        text.map { character in
            if character.isWhitespace { return Piece(advance: 5.6, parts: []) }
            if let glyph = glyphs[character] { return piece(glyph) }
            let scalars = Array(String(character).decomposedStringWithCanonicalMapping.unicodeScalars)
            guard let first = scalars.first, let base = glyphs[Character(first)] else {
                return piece(DisplayText.width(String(character)) > 1 ? missingWide : missing)
            }
            var whole = piece(base)
            let isTall = first.properties.isUppercase || "bdfhklt".unicodeScalars.contains(first)
            for mark in scalars.dropFirst() {
                guard let path = marks[mark] else { continue }
                let isBelow = mark == "\u{327}" || mark == "\u{328}"
                whole.parts.append((path, (base.width / 2, isTall && !isBelow ? -4 : 0)))
            }
            return whole
        }
    }

    private static func piece(_ glyph: Glyph) -> Piece {
        Piece(advance: glyph.width + 2 * bearing, parts: [(glyph.path, (0, 0))])
    }
}
