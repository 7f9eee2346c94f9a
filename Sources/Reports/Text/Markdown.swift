import Basics

/// Text made safe inside Markdown.
enum Markdown {
    /// The text on one line with the characters escaped that Markdown or HTML would read as markup.
    static func escaped(_ text: String) -> String {
        var safe = ""
        for character in Printable.line(text) {
            switch character {
            case "<": safe += "&lt;"
            case ">": safe += "&gt;"
            case "&": safe += "&amp;"
            case "\\", "|", "*", "_", "`", "[", "]", "#", "~": safe += "\\\(character)"
            default: safe.append(character)
            }
        }
        return safe
    }
}

extension Markdown {
    /// A file name for the target of a link in angle brackets.
    static func address(_ file: String) -> String {
        var safe = ""
        for character in Printable.line(file) {
            if "<>\\".contains(character) { safe.append("\\") }
            safe.append(character)
        }
        return safe
    }
}
