import Plots

/// A piece of HTML. A text that is interpolated is escaped here and nowhere else; another piece goes in as it is.
///
///     let row: HTML = "<td>\(name)</td>"
public struct HTML: ExpressibleByStringInterpolation, Equatable, Sendable {
    /// The markup.
    public let text: String

    /// Markup that is written in the program.
    public init(stringLiteral markup: String) { text = markup }

    /// Markup with parts that are not.
    public init(stringInterpolation parts: StringInterpolation) { text = parts.text }

    /// A drawing, in place.
    init(_ drawing: Drawing) { text = drawing.element() }

    private init(joining pieces: [HTML]) { text = pieces.map(\.text).joined(separator: "\n") }

    static func + (one: HTML, other: HTML) -> HTML { HTML(joining: [one, other]) }

    /// Takes in the parts of a literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        /// Begins a piece.
        public init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

        /// Takes markup as it is.
        public mutating func appendLiteral(_ markup: String) { text += markup }

        /// Takes a text, escaped: it may come from a file.
        public mutating func appendInterpolation(_ text: String) { self.text += SVG.escaped(text) }

        /// Takes a number.
        public mutating func appendInterpolation(_ number: Int) { text += String(number) }

        /// Takes a piece as it is.
        public mutating func appendInterpolation(_ piece: HTML) { text += piece.text }

        /// Takes pieces, each on a line of its own.
        public mutating func appendInterpolation(_ pieces: [HTML]) { text += HTML(joining: pieces).text }
    }
}
