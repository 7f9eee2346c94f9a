import Basics

/// A piece of YAML with the place where it was written.
struct Tree {
    enum Content {
        case scalar(Scalar)
        case list([Tree])
        case mapping([Entry])
    }

    struct Entry {
        let key: String
        var value: Tree
    }

    var content: Content
    /// File and line, or "--set key=value".
    var place: FilePlace

    /// The value in words that fit behind "is".
    var words: String {
        switch content {
        case .scalar(let scalar): scalar.words
        case .list(let items): items.isEmpty ? "an empty list" : "a list of \(items.count)"
        case .mapping: "a section"
        }
    }

    /// A text of a file made fit for a message: short, and without control characters.
    static func printable(_ text: String) -> String {
        let escaped = String(Scalar.quoted(text.count > 60 ? text.prefix(57) + "..." : text).dropFirst().dropLast())
        return escaped.replacing("\\\"", with: "\"")
    }
}

extension Tree {
    /// Puts a value at a dotted key, with the mappings on the way where there is nothing.
    ///
    /// - Throws: `FoveaError` when another value stands on the way: a setting must not hide it.
    mutating func set(_ keys: ArraySlice<String>, to value: Tree) throws {
        guard let key = keys.first else {
            self = value
            return
        }
        var entries: [Entry] = []
        switch content {
        case .mapping(let present): entries = present
        case .scalar(let scalar) where scalar.isNull: place = value.place
        default:
            throw FoveaError(
                .configuration, at: value.place,
                "there is no key \"\(Tree.printable(key))\" in what \(place) gives, which is \(words)",
                remedy: "Set the whole value instead.")
        }
        let k = entries.firstIndex { $0.key == key } ?? entries.endIndex
        if k == entries.endIndex {
            let null = Tree(content: .scalar(Scalar(text: "null", isPlain: true)), place: value.place)
            entries.append(Entry(key: key, value: null))
        }
        try entries[k].value.set(keys.dropFirst(), to: value)
        content = .mapping(entries)
    }
}
