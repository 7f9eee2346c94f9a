/// A single value of YAML: its text, and whether it stood there without quotes.
///
/// What the text means is decided by the rule of its key alone, so that `no` can be a text and `1e-3` a number.
struct Scalar {
    let text: String
    let isPlain: Bool

    var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }

    /// The text as it is written; nil for null, and for what the file system or the terminal does not accept.
    var asText: String? { isNull || text.utf8.contains(0) ? nil : text }

    /// The plain text without underscores between digits; nil when it has other characters than `allowed`.
    func digits(allowed: String) -> String? {
        guard isPlain, text.utf8.count <= 400, text.utf8.contains(where: { 0x30...0x39 ~= $0 }) else { return nil }
        let pieces = text.split(separator: "_", omittingEmptySubsequences: false)
        for (left, right) in zip(pieces, pieces.dropFirst()) {
            guard left.last?.isWholeNumber == true, right.first?.isWholeNumber == true else { return nil }
        }
        let digits = pieces.joined()
        return digits.utf8.allSatisfy(Set(allowed.utf8).contains) ? digits : nil
    }

    /// Programs differ on 010: ten, or the octal eight?
    static func hasLeadingZero(_ digits: String) -> Bool {
        let bare = digits.drop { $0 == "+" || $0 == "-" }
        return bare.count > 1 && bare.first == "0"
    }

    /// The value in words that fit behind "is".
    var words: String {
        if isPlain && text.isEmpty { return "empty" }
        if isNull { return "null" }
        let looksOther = !text.isEmpty && (Self.reserved.contains(text.lowercased()) || Double(text) != nil)
        if !looksOther { return "\"\(Tree.printable(text))\"" }
        return isPlain ? Tree.printable(text) : "the text \"\(Tree.printable(text))\""
    }

    /// Plain words that some reader of YAML takes for something other than a text.
    private static let reserved: Set<String> = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n"]
}

extension Scalar {
    /// A number in the shortest form that reads as the same number.
    static func number<Number: BinaryFloatingPoint & LosslessStringConvertible>(_ value: Number) -> String {
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// A text as YAML: plain where it cannot be misread, else in double quotes.
    static func text(_ text: String) -> String {
        let inner = text.utf8.allSatisfy {
            0x30...0x39 ~= $0 || 0x61...0x7A ~= $0 | 0x20 && $0 > 0x40 || "_-./+".utf8.contains($0)
        }
        let first = text.utf8.first.map { 0x61...0x7A ~= $0 | 0x20 && $0 > 0x40 || "_/".utf8.contains($0) }
        let isPlain = inner && first == true && !reserved.contains(text.lowercased()) && Double(text) == nil
        // Reading refuses what could be an alias without looking at quotes.
        return isPlain ? text : quoted(text).replacing(/\*(?=[0-9A-Za-z_-])/, with: "\\x2A")
    }

    /// A text in double quotes. Letters and marks of all scripts stay; what cannot be seen is escaped.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            default:
                if isVisible(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    let digits = String(scalar.value, radix: 16, uppercase: true)
                    result += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar == " " { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
            .spaceSeparator:
            return false
        default: return true
        }
    }
}
