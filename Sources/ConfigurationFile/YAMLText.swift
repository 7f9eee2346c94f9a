import Basics
import Yams

/// Takes YAML text apart into a `Tree`, with the line of every piece and within bounds that no file can exceed.
struct YAMLText {
    static let maximumBytes = 1 << 18
    private static let maximumDepth = 16

    /// The place of a line of the text, from 1; nil for the text as a whole.
    let place: @Sendable (Int?) -> FilePlace

    /// The text as a tree; nil when it holds nothing.
    ///
    /// - Throws: `FoveaError` with the line for what is not YAML or not allowed.
    func tree(_ text: String) throws -> Tree? {
        guard text.utf8.count <= Self.maximumBytes else {
            throw failure(nil, "longer than the \(Self.maximumBytes) bytes allowed")
        }
        // Editors of other systems put a byte order mark at the beginning.
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        try refuseAliases(text)
        do {
            // Without rules, every scalar stays a text: what it means is for the rule of its key to say.
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            return try parser.singleRoot().map { try tree(of: $0, line: nil, depth: 0) }
        } catch let error as YamlError {
            throw failure(of: error, text)
        }
    }

    private func refuseAliases(_ text: String) throws {
        guard let alias = YAMLAlias(firstIn: text) else { return }
        let name = Tree.printable(alias.name)
        throw failure(alias.line, "the alias *\(name) is not allowed here; write the value itself")
    }

    private func tree(of node: Node, line: Int?, depth: Int) throws -> Tree {
        let line = line ?? node.mark?.line
        guard depth <= Self.maximumDepth else {
            throw failure(line, "nested deeper than \(Self.maximumDepth) levels")
        }
        let tag = Self.tag(of: node)
        guard ["", "!"].contains(tag) || Self.tags.contains(tag) else {
            throw failure(line, "the tag \(Tree.printable(tag)) is not allowed here")
        }
        return Tree(content: try content(of: node, line: line, depth: depth), place: place(line))
    }

    private func content(of node: Node, line: Int?, depth: Int) throws -> Tree.Content {
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain && Self.tag(of: node) != Self.textTag
            return .scalar(Scalar(text: scalar.string, isPlain: isPlain))
        case .sequence(let items):
            return .list(try items.map { try tree(of: $0, line: nil, depth: depth + 1) })
        case .mapping(let pairs):
            var seen = Set<String>()
            return .mapping(
                try pairs.map { key, value in
                    guard let word = key.scalar?.string else { throw failure(key.mark?.line, "a key must be a word") }
                    guard seen.insert(word).inserted else { throw duplicate(word, key.mark?.line) }
                    let inner = try tree(of: value, line: key.mark?.line, depth: depth + 1)
                    return Tree.Entry(key: word, value: inner)
                })
        case .alias:
            throw failure(line, "aliases are not allowed here")
        }
    }

    /// The tag as written. `Node.tag` would not do: it puts a guess in place of what was not written.
    private static func tag(of node: Node) -> String {
        switch node {
        case .scalar(let scalar): scalar.tag.description
        case .sequence(let items): items.tag.description
        case .mapping(let pairs): pairs.tag.description
        case .alias: ""
        }
    }

    private static let textTag = "tag:yaml.org,2002:str"
    private static let tags = [textTag, "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map"]
}

extension YAMLText {
    private func failure(_ line: Int?, _ words: String) -> FoveaError {
        FoveaError(.configuration, at: place(line), words)
    }

    private func duplicate(_ key: String, _ line: Int?) -> FoveaError {
        failure(line, "the key \"\(Tree.printable(key))\" is given twice in the same section")
    }

    /// What the parser found, in one line.
    private func failure(of error: YamlError, _ text: String) -> FoveaError {
        let fault = YAMLFault(error, in: text)
        return failure(fault.line, fault.words)
    }
}
