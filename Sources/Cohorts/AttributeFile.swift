import Basics
import Foundation
import Yams

/// The YAML form of `ClassAttributes`, taken apart with messages that name file and line.
struct AttributeFile {
    let source: String

    /// The entries, each with its axes in the order written.
    func entries(_ yaml: String) throws -> [(entry: ClassAttributes.Entry, axes: [String])] {
        guard let root = try YAMLDocument.compose(yaml, source: source, form: Self.form) else {
            throw FoveaError(.data, about: source, "is empty", remedy: Self.form)
        }
        guard let mapping = root.mapping else { throw failure(root, "must be a mapping with the key \"classes\"") }
        for (key, _) in mapping where key.scalar?.string != "classes" {
            let hint = FoveaError.suggestion(for: key.scalar?.string ?? "", among: ["classes"])
            throw FoveaError(
                .data, at: place(key), "unknown key \"\(key.scalar?.string ?? "?")\"", remedy: hint)
        }
        guard let list = mapping["classes"]?.sequence else { throw failure(root, "needs \"classes\" with a list") }
        guard !list.isEmpty else { throw failure(root, "lists no class") }
        return try list.map(entry)
    }

    /// Names without their repetitions.
    func axes(_ names: [String]) -> [String] {
        var seen = Set<String>()
        return names.filter { seen.insert($0).inserted }
    }

    private func entry(_ node: Node) throws -> (ClassAttributes.Entry, [String]) {
        guard let mapping = node.mapping else { throw failure(node, "each class must be a mapping with an \"id\"") }
        var id: String?
        var name: String?
        var axes: [String] = []
        var values: [String: [String]] = [:]
        for (key, value) in mapping {
            guard let word = key.scalar?.string else { throw failure(key, "a key must be a word") }
            switch word {
            case "id": id = try text(value, word)
            case "name": name = try text(value, word)
            default:
                axes.append(word)
                values[word] = try list(value, word)
            }
        }
        guard let id else { throw failure(node, "a class has no \"id\"") }
        return (ClassAttributes.Entry(id: id, name: name, values: values, line: node.mark?.line ?? 0), axes)
    }

    /// A scalar's text as it is written: the class NO must not become the truth value false.
    private func text(_ node: Node, _ key: String) throws -> String {
        guard let text = node.scalar?.string, !text.isEmpty else {
            throw failure(node, "\"\(key)\" must be a text, and not empty")
        }
        return text
    }

    private func list(_ node: Node, _ key: String) throws -> [String] {
        guard let sequence = node.sequence else {
            throw failure(node, "\"\(key)\" must be a list, such as [macula] or []")
        }
        var seen = Set<String>()
        return try sequence.map { item in
            guard let value = item.scalar?.string, !value.isEmpty else {
                throw failure(item, "\"\(key)\" must be a list of words")
            }
            guard seen.insert(value).inserted else { throw failure(item, "\"\(key)\" lists \"\(value)\" twice") }
            return value
        }
    }

    private func place(_ node: Node) -> FilePlace { FilePlace(source, line: node.mark?.line) }

    private func failure(_ node: Node, _ problem: String) -> FoveaError {
        FoveaError(.data, at: place(node), problem, remedy: Self.form)
    }

    private static let form =
        #"The form is: classes: [{id: DR, name: "Diabetic retinopathy", region: [vessels], feature: [deposit]}]"#
}
