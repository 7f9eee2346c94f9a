/// What wrapping modules put in front of every parameter's name, and how to take it off.
///
/// `nn.DataParallel` adds `module.`, `torch.compile` `_orig_mod.`, self-supervised trainers `backbone.` or `encoder.`,
/// and a checkpoint of several networks `teacher.` and the like. One such prefix, a chain of them, belongs to a whole
/// file; taking parts off name by name could mix two networks.
public struct WrapperPrefix: Sendable {
    /// What was taken off, such as `module.backbone.`; empty when names are already those of the model.
    public let prefix: String
    /// The stored name for each name in the model's own terms.
    public let storedNames: [String: String]
    /// Stored names without the prefix, in their order: of another network, such as a projection head.
    public let outside: [String]

    /// The parts that a prefix may consist of; of two prefixes that fit equally well the first is taken.
    public static let parts = [
        "module", "_orig_mod", "model", "state_dict", "net", "teacher", "student", "backbone", "encoder",
    ]

    /// Finds the prefix under which most of the model's names are stored; the shortest one in a tie.
    ///
    /// - Parameters:
    ///   - stored: all names in the file.
    ///   - wanted: the names of the model's parameters and buffers.
    public init(stored: [String], wanted: Set<String>) {
        var fits = ["": 0]
        for name in stored {
            for prefix in [""] + Self.prefixes(of: name) where wanted.contains(String(name.dropFirst(prefix.count))) {
                fits[prefix, default: 0] += 1
            }
        }
        func order(_ prefix: String) -> (Int, Int, Int, String) {
            (-fits[prefix, default: 0], prefix.utf8.count, Self.rank(prefix), prefix)
        }
        let found = fits.keys.min { order($0) < order($1) } ?? ""
        prefix = found
        outside = stored.filter { !$0.hasPrefix(found) }
        let inside = stored.filter { $0.hasPrefix(found) }.map { (String($0.dropFirst(found.count)), $0) }
        storedNames = Dictionary(inside) { first, _ in first }
    }

    /// All chains of known parts at the start of a name, at most four of them.
    private static func prefixes(of name: String) -> [String] {
        var prefix = ""
        var prefixes: [String] = []
        for part in name.split(separator: ".").dropLast().prefix(4) {
            guard parts.contains(String(part)) else { break }
            prefix += part + "."
            prefixes.append(prefix)
        }
        return prefixes
    }

    private static func rank(_ prefix: String) -> Int {
        let first = prefix.split(separator: ".").first.map(String.init) ?? ""
        return parts.firstIndex(of: first) ?? parts.count
    }
}
