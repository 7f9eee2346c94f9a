/// Text measured in the columns of a terminal; `Printable` makes it fit to be shown.
public enum DisplayText {
    /// How many columns of a terminal the text takes: wide characters and emoji take two.
    public static func width(_ text: String) -> Int {
        text.reduce(0) { $0 + width($1) }
    }

    /// The text cut to `limit` columns, with an ellipsis where something is missing.
    public static func fit(_ text: String, to limit: Int, ellipsis: String = "…") -> String {
        guard width(text) > limit else { return text }
        let space = limit - width(ellipsis)
        guard space >= 0 else { return "" }
        var used = 0
        var kept = ""
        for character in text {
            used += width(character)
            if used > space { break }
            kept.append(character)
        }
        while kept.last == " " { kept.removeLast() }
        return kept + ellipsis
    }

    /// The text filled with spaces to `columns`, on the left (text) or on the right (numbers).
    public static func pad(_ text: String, to columns: Int, isRight: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, columns - width(text)))
        return isRight ? spaces + text : text + spaces
    }

    private static func width(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if first.properties.generalCategory == .nonspacingMark || first.properties.generalCategory == .format {
            return 0
        }
        if first.properties.isEmojiPresentation || character.unicodeScalars.contains("\u{FE0F}") { return 2 }
        return wide.contains { $0.contains(first.value) } ? 2 : 1
    }

    /// Blocks that terminals draw two columns wide (Unicode Standard Annex 11, East Asian Width W and F).
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD,
    ]
}
