import Foundation
import Yams

/// A file in YAML, of which JSON is a part, as nodes: for small files with a form of their own.
public enum YAMLDocument {
    /// Reads a file of at most 4 MB.
    ///
    /// - Parameters:
    ///   - what: "the thresholds".
    ///   - form: the form of such a file, in words.
    /// - Returns: nil when the file holds nothing.
    /// - Throws: `FoveaError` of kind `data` that names the file, and for what is not YAML line and column.
    public static func read(_ path: String, _ what: String, form: String) throws -> Node? {
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 22) else {
            throw FoveaError(
                .data, "cannot read \(what) \(path): \(RegularFile.noSuchFile(path))", remedy: "Check the path.",
                place: FilePlace(path))
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw FoveaError(.data, about: path, "is not a text in UTF-8", remedy: form)
        }
        return try compose(text, source: path, form: form)
    }

    /// The root of a text; `source` names it in messages.
    ///
    /// - Throws: as `read`.
    public static func compose(_ text: String, source: String, form: String) throws -> Node? {
        if let alias = YAMLAlias(firstIn: text) {
            throw FoveaError(
                .data, at: FilePlace(source, line: alias.line),
                "the alias *\(alias.name.prefix(80)) is not allowed here",
                remedy: "Write the value itself.")
        }
        // Editors of other systems put a byte order mark at the beginning.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        do {
            return try Yams.compose(yaml: text)
        } catch {
            let fault = YAMLFault(error, in: text)
            throw FoveaError(.data, at: FilePlace(source, line: fault.line), "\(fault.words)", remedy: form)
        }
    }
}

/// Why a text is not YAML, and where.
public struct YAMLFault {
    /// The line, from 1; nil where it is not known.
    public let line: Int?
    /// The rest, in one line, with the column: "not YAML: did not find expected ',' or '}' (column 7)".
    public let words: String

    /// Puts an error of the parser into words.
    ///
    /// - Parameter text: what was parsed.
    public init(_ error: any Error, in text: String) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            line = mark.line
            let start = context.map {
                $0.text + ($0.mark.line == mark.line ? ", " : " begun in line \($0.mark.line), ")
            }
            let tab = Self.isTab(mark, text) ? ": a tab; YAML is indented with spaces" : ""
            let isAtEnd = mark.line > text.count(where: \.isNewline) + 1
            let place = isAtEnd ? "at the end" : "column \(mark.column)"
            words = "not YAML: \(start ?? "")\(problem) (\(place)\(tab))"
        case .reader(let problem, let offset, _, _):
            let before = offset.map { text.prefix($0) }
            line = before.map { $0.count(where: \.isNewline) + 1 }
            let column = before.map { " (column \($0.reversed().prefix { !$0.isNewline }.count + 1))" }
            words = "not YAML: \(problem)" + (column ?? "")
        case .duplicatedKeysInMapping(let keys, let context):
            line = context.mark.line
            let key = Printable.line(Printable.shortened(name: keys.first ?? ""))
            words = "the key \"\(key)\" is given twice in the same section"
        default:
            line = nil
            words = "not YAML: \(error)"
        }
    }

    private static func isTab(_ mark: Mark, _ text: String) -> Bool {
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        guard lines.indices.contains(mark.line - 1) else { return false }
        return lines[mark.line - 1].unicodeScalars.dropFirst(max(0, mark.column - 1)).first == "\t"
    }
}
