import Basics
import Foundation

/// How wide a text is in a common sans-serif font: the advance widths of Helvetica, in thousandths of the font size.
///
/// Layout counts on these widths, and each text in the SVG carries the width that layout gave it (`textLength`), so a viewer
/// with another font changes the look of the letters and not the place of anything.
enum TextWidth {
    /// The width of a text in points. Bold letters are somewhat wider.
    static func of(_ text: String, size: Double, isBold: Bool = false) -> Double {
        text.reduce(0) { $0 + advance($1) } * size / 1000 * (isBold ? 1.07 : 1)
    }

    /// The text on one line, cut with an ellipsis to at most `limit` points.
    static func fit(_ text: String, size: Double, limit: Double, isBold: Bool = false) -> String {
        let text = Printable.line(text)
        let space = limit - of("…", size: size, isBold: isBold)
        var used = 0.0
        var kept = text.startIndex
        for index in text.indices {
            used += of(String(text[index]), size: size, isBold: isBold)
            if used <= space { kept = text.index(after: index) }
            if used > limit { return text[..<kept].trimmingCharacters(in: .whitespaces) + "…" }
        }
        return text
    }

    private static func advance(_ character: Character) -> Double {
        if let ascii = character.asciiValue, ascii >= 32, ascii < 127 { return widths[Int(ascii) - 32] }
        if let width = others[character] { return width }
        // An accented letter is as wide as its base letter.
        let base = String(character).decomposedStringWithCanonicalMapping.unicodeScalars.first
        if let base, base.isASCII, base.value >= 32, base.value < 127 { return widths[Int(base.value) - 32] }
        return DisplayText.width(String(character)) > 1 ? 1000 : 600
    }

    /// From the space to the tilde.
    private static let widths: [Double] = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
        556,
        556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
        833,
        722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500,
        556,
        556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
        334,
        260, 334, 584,
    ]

    private static let others: [Character: Double] = [
        "–": 556, "—": 1000, "−": 584, "…": 1000, "±": 584, "×": 584, "·": 278, "≥": 549, "≤": 549,
    ]
}
