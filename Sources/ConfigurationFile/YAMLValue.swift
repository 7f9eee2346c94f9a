/// A value on its way into a YAML file.
enum YAMLValue: Sendable {
    case scalar(String)
    case list([YAMLValue])
    case section([Entry])

    struct Entry: Sendable {
        let key: String
        let help: String
        /// What is allowed, for the comment; nil where the keys below say it.
        let allowed: String?
        let value: YAMLValue
        var use = FieldUse.decides
    }

    /// The value on one line.
    var flow: String {
        switch self {
        case .scalar(let text): text
        case .list(let items): "[" + items.map(\.flow).joined(separator: ", ") + "]"
        case .section(let entries): "{" + entries.map { "\($0.key): \($0.value.flow)" }.joined(separator: ", ") + "}"
        }
    }

    /// Whether there is a section in it, which is easier to read in lines of its own.
    private var hasSection: Bool {
        switch self {
        case .scalar: false
        case .list(let items): items.contains(where: \.hasSection)
        case .section(let entries): !entries.isEmpty
        }
    }

    /// The lines below a key or behind a dash, indented by `indent` spaces; nil when the value fits on the key's line.
    func lines(indent: Int, commented: Bool) -> [String]? {
        switch self {
        case .section(let entries) where !entries.isEmpty:
            return entries.flatMap { $0.lines(indent: indent, commented: commented) }
        case .list(let items) where hasSection || (flow.count > 90 && !items.isEmpty):
            return items.enumerated().flatMap { k, item in
                // Only the first element explains its keys; the others have the same.
                let inner = item.lines(indent: indent + 2, commented: commented && k == 0)
                let block = inner ?? [Self.spaces(indent + 2) + item.flow]
                return [Self.spaces(indent) + "- " + (block.first?.dropFirst(indent + 2) ?? "")] + block.dropFirst()
            }
        default: return nil
        }
    }

    static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
}

extension YAMLValue.Entry {
    func lines(indent: Int, commented: Bool) -> [String] {
        let margin = YAMLValue.spaces(indent)
        let comments = commented ? comment(width: 98 - indent).map { "\(margin)# \($0)" } : []
        guard let inner = value.lines(indent: indent + 2, commented: commented) else {
            return comments + ["\(margin)\(key): \(value.flow)"]
        }
        return comments + ["\(margin)\(key):"] + inner
    }

    /// The help and what is allowed, broken into lines.
    private func comment(width: Int) -> [String] {
        let words = (help + (allowed.map { " [\($0)]" } ?? "")).split(whereSeparator: \.isWhitespace)
        return words.reduce(into: []) { lines, word in
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
    }
}
