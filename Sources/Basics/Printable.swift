/// Text made fit for terminals and logs: names of files, classes and tensors may hold anything, and be of any length.
///
/// Files that Fovea writes keep names as they are.
public enum Printable {
    /// Longest run of characters without a space that is shown whole: paths are shorter.
    static let wordLimit = 400
    /// Longest line of a message.
    static let lineLimit = 3000
    /// Most lines of a message.
    static let lineCountLimit = 100
    /// Longest name in a table.
    public static let nameLimit = 200

    /// A message of one or more lines: control characters are written as `\u{1B}`, and what is longer than the limits has
    /// its middle left out.
    public static func message(_ text: String) -> String {
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            shortened(line: line, limit: lineLimit)
        }
        if lines.count > lineCountLimit {
            let (kept, left) = (lineCountLimit / 2, lines.count - lineCountLimit)
            lines = lines.prefix(kept) + ["[... \(left) lines left out ...]"] + lines.suffix(kept)
        }
        return lines.map { escaped($0) }.joined(separator: "\n")
    }

    /// A result of any length: as a message, but nothing is left out, words above the limit excepted.
    ///
    /// - Parameter keepsStyles: whether colours and weights of text (`ESC [ numbers m`) are let through.
    public static func result(_ text: String, keepsStyles: Bool = false) -> String {
        text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
            .map { escaped(shortened(line: $0, limit: .max), keepsStyles: keepsStyles) }.joined(separator: "\n")
    }

    /// A name with its middle left out where it is longer than `nameLimit` characters.
    public static func shortened(name: String) -> String {
        shortened(name.unicodeScalars[...], limit: nameLimit) ?? name
    }

    /// One line that may hold names: each control character, line ends and tabs included, is written as `\u{1B}`, so that no
    /// name looks like a line of ours.
    public static func line(_ text: String) -> String { escaped(text, keepsTabs: false) }

    /// Whether a character steers a terminal, ends a line, or changes the direction of what follows.
    public static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
            || (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
    }

    private static func shortened(line: Substring.UnicodeScalarView, limit: Int) -> String {
        guard line.count > wordLimit else { return String(line) }
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
            .map { shortened($0, limit: wordLimit) ?? String($0) }.joined(separator: " ")
        return shortened(words.unicodeScalars[...], limit: limit) ?? words
    }

    /// Nil where nothing is to be left out.
    private static func shortened(_ text: Substring.UnicodeScalarView, limit: Int) -> String? {
        let count = text.count
        guard count > limit else { return nil }
        let half = limit / 2
        return String(text.prefix(half)) + "[... \(count - 2 * half) characters left out ...]"
            + String(text.suffix(half))
    }

    private static func escaped(_ text: String, keepsStyles: Bool = false, keepsTabs: Bool = true) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        var clean = String.UnicodeScalarView()
        var rest = text.unicodeScalars[...]
        while let scalar = rest.first {
            if keepsStyles, let style = style(at: rest) {
                clean.append(contentsOf: style)
                rest = rest[style.endIndex...]
                continue
            }
            if isControl(scalar), !keepsTabs || scalar != "\t" {
                clean.append(contentsOf: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}".unicodeScalars)
            } else {
                clean.append(scalar)
            }
            rest = rest.dropFirst()
        }
        return String(clean)
    }

    /// The colour or weight that a text begins with.
    private static func style(at text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView? {
        guard text.first == "\u{1B}", text.dropFirst().first == "[" else { return nil }
        let rest = text.dropFirst(2).drop { ("0"..."9").contains($0) || $0 == ";" }
        return rest.first == "m" ? text[..<text.index(after: rest.startIndex)] : nil
    }
}
