/// What wrapping modules put in front of every parameter's name, and how to take it off.
///
/// `nn.DataParallel` adds `module.`, `torch.compile` `_orig_mod.`, self-supervised trainers `backbone.` or `encoder.`,
/// and a checkpoint of several networks `teacher.` and the like. One such prefix, a chain of them, belongs to a whole
/// file; taking parts off name by name could mix two networks. A prefix of other parts, such as `module.encoder_q.`, is
/// taken where every name of the network is stored under it.
public struct WrapperPrefix: Sendable {
    /// What was taken off, such as `module.backbone.`; empty when names are already those of the model.
    public let prefix: String
    /// The stored name for each name in the model's own terms.
    public let storedNames: [String: String]
    /// Stored names without the prefix, in their order: of another network, such as a projection head.
    public let outside: [String]
    /// Further prefixes of unknown parts under which every name is stored too, sorted: which network is meant cannot be
    /// known.
    public let rivals: [String]

    /// The parts that a prefix may consist of; of two prefixes that fit equally well the first is taken.
    public static let parts = [
        "module", "_orig_mod", "model", "state_dict", "net", "teacher", "student", "backbone", "encoder",
    ]

    /// Finds the prefix under which most of the model's names are stored; the shortest one in a tie.
    ///
    /// - Parameters:
    ///   - stored: all names in the file.
    ///   - expected: the names of the model's parameters and buffers.
    ///   - needed: those of them that an unknown prefix must have; nil: all.
    public init(stored: [String], expected: Set<String>, needed: Set<String>? = nil) {
        var fits = ["": 0]
        for name in stored {
            for prefix in [""] + Self.prefixes(of: name) where expected.contains(String(name.dropFirst(prefix.count))) {
                fits[prefix, default: 0] += 1
            }
        }
        func order(_ prefix: String) -> (Int, Int, Int, String) {
            (-fits[prefix, default: 0], prefix.utf8.count, Self.rank(prefix), prefix)
        }
        let known = fits.keys.min { order($0) < order($1) } ?? ""
        let names = Set(stored)
        let needed = needed ?? expected
        let fitsWhole = needed.allSatisfy { names.contains(known + $0) }
        let unknown = fitsWhole ? [] : Self.unknownPrefixes(names, needed)
        self.init(stored: stored, prefix: unknown.first ?? known, rivals: Array(unknown.dropFirst()))
    }

    /// Takes a given prefix off, such as `module.encoder_q.`.
    public init(stored: [String], prefix: String) { self.init(stored: stored, prefix: prefix, rivals: []) }

    private init(stored: [String], prefix: String, rivals: [String]) {
        self.prefix = prefix
        self.rivals = rivals
        outside = stored.filter { !$0.hasPrefix(prefix) }
        let inside = stored.filter { $0.hasPrefix(prefix) }.map { (String($0.dropFirst(prefix.count)), $0) }
        storedNames = Dictionary(inside) { first, _ in first }
    }

    /// The prefixes of any parts under which all needed names are stored, sorted.
    private static func unknownPrefixes(_ names: Set<String>, _ needed: Set<String>) -> [String] {
        // The longest name occurs inside the fewest others.
        guard let longest = needed.max(by: { ($0.utf8.count, $0) < ($1.utf8.count, $1) }) else { return [] }
        return names.filter { $0.hasSuffix("." + longest) }.map { String($0.dropLast(longest.count)) }
            .filter { prefix in needed.allSatisfy { names.contains(prefix + $0) } }.sorted()
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
