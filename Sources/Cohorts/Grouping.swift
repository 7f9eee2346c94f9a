import Basics

/// Some classes that one teacher learns.
public struct ClassSubset: Sendable, Hashable, Codable {
    /// The name, unique in its grouping and fit for a file name: "region-macula".
    public let name: String
    /// The classes as indices into the cohort's classes, ascending; never empty.
    public let classes: [Int]

    /// Makes a subset; the classes are sorted.
    public init(name: String, classes: [Int]) {
        self.name = name
        self.classes = classes.sorted()
    }
}

/// A division of classes into subsets, one for each teacher.
///
/// Subsets may overlap, and a class may belong to none. Classes without a positive training photograph belong to none.
public struct Grouping: Sendable, Equatable, Codable {
    /// What it was made from, such as "shot+region".
    public let name: String
    /// The subsets in a fixed order; at least one.
    public let subsets: [ClassSubset]
    /// What a reader should know: subsets and classes that were left out, and why.
    public let notes: [String]

    /// Makes a grouping of ready subsets.
    ///
    /// - Throws: `FoveaError` when there is no subset, one is empty or repeats a class, or names repeat.
    public init(name: String, subsets: [ClassSubset], notes: [String] = []) throws {
        guard !subsets.isEmpty else {
            throw FoveaError(
                .configuration, "the grouping \"\(name)\" has no subset with a positive training photograph",
                remedy: (["Choose another grouping or split"] + notes).joined(separator: "; "))
        }
        var names = Set<String>()
        for subset in subsets {
            guard names.insert(subset.name).inserted else {
                throw FoveaError(.configuration, "the grouping \"\(name)\" has two subsets called \"\(subset.name)\"")
            }
            guard !subset.classes.isEmpty, Set(subset.classes).count == subset.classes.count else {
                throw FoveaError(.configuration, "the subset \"\(subset.name)\" is empty or names a class twice")
            }
        }
        self.name = name
        self.subsets = subsets
        self.notes = notes
    }

    /// m_c: how many subsets hold each of `classCount` classes.
    public func teachersPerClass(classCount: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for subset in subsets {
            for column in subset.classes where column < classCount { counts[column] += 1 }
        }
        return counts
    }
}

extension Grouping {
    /// Makes the grouping that a text describes.
    ///
    /// The text is one or more terms joined by `+`: `shot`; an attribute such as `region`; `random:region`, which
    /// shuffles the classes of another term among themselves within shot groups, so that the sizes of the subsets and
    /// their numbers of many, medium and few-shot classes stay; `single`, all classes in one subset, or `single*5`,
    /// five such subsets; `learned`, clusters of classes found in the data, which `random` may shuffle too.
    ///
    /// - Parameters:
    ///   - classes: the cohort's classes.
    ///   - counts: n_c, the positive training photographs of each class.
    ///   - clusters: those of `learned`; needed where there are `learnedTerms`.
    ///   - seed: decides the shuffle of `random`, and nothing else.
    ///   - unlearnable: why classes that `random:learned` put together cannot be taught; nil where they can. Such subsets
    ///     are left out with a note, as clusters are (`ClassClusters.leavingOut`).
    /// - Throws: `FoveaError` of kind `configuration` with the nearest allowed word for a term that does not exist, and
    ///   when no subset has a class with positives.
    public static func make(
        _ text: String, classes: [String], counts: [Int], attributes: ClassAttributes? = nil,
        bounds: ShotBounds = .standard, clusters: ClassClusters? = nil, seed: UInt64 = 0,
        unlearnable: ([Int]) -> String? = { _ in nil }
    ) throws -> Grouping {
        guard counts.count == classes.count else {
            throw FoveaError(.configuration, "\(counts.count) class counts were given for \(classes.count) classes")
        }
        let maker = GroupingMaker(
            classes: classes, counts: counts, attributes: attributes, bounds: bounds, clusters: clusters, seed: seed)
        var subsets: [ClassSubset] = []
        var notes: [String] = []
        for term in try GroupingTerm.parse(text, axes: attributes?.axes ?? []) {
            guard clusters != nil || !term.isLearned else {
                throw FoveaError(
                    .configuration, "the grouping \"\(text)\" is learnt by a run, from its trained plain model",
                    remedy: "Here, leave \"\(term.text)\" out.")
            }
            var made = maker.make(term)
            if case .random(.learned) = term {
                made.subsets = made.subsets.filter { subset in
                    guard let reason = unlearnable(subset.classes) else { return true }
                    made.notes.append("the subset \(subset.name) is left out: \(reason)")
                    return false
                }
            }
            subsets += made.subsets
            notes += made.notes
            // What was learnt stands nowhere else.
            guard term.isLearned else { continue }
            notes += made.subsets.map { subset in
                "\(subset.name) is \(Pluralization.listing(subset.classes.map { classes[$0] }, limit: .max))"
            }
        }
        let idle = classes.indices.filter { counts[$0] == 0 }.map { classes[$0] }
        if !idle.isEmpty {
            notes.append("without a positive training photograph, so in no subset: \(Pluralization.listing(idle))")
        }
        return try Grouping(name: text.filter { !$0.isWhitespace }, subsets: subsets, notes: notes)
    }
}

extension Grouping {
    /// The terms of a text, as they are written but for spaces; whether they exist is not checked.
    public static func terms(_ text: String) -> [String] { GroupingTerm.words(text) }

    /// The first term of a text that is a control made of others: `single`, `single*N`, `random:X`.
    public static func controlTerm(in text: String) -> String? {
        GroupingTerm.words(text).first(where: GroupingTerm.isControl)
    }

    /// How many terms of a text are made of clusters learnt from the data: `learned` and `random:learned`.
    ///
    /// - Throws: `FoveaError` as `make` does for a text that it does not understand.
    public static func learnedTerms(_ text: String, attributes: ClassAttributes? = nil) throws -> Int {
        try GroupingTerm.parse(text, axes: attributes?.axes ?? []).count(where: \.isLearned)
    }
}

/// Makes the subsets of one term.
private struct GroupingMaker {
    let classes: [String]
    let counts: [Int]
    let attributes: ClassAttributes?
    let bounds: ShotBounds
    let clusters: ClassClusters?
    let seed: UInt64

    func make(_ term: GroupingTerm) -> (subsets: [ClassSubset], notes: [String]) {
        switch term {
        case .shot:
            let parts = ShotGroup.allCases.map { group in
                (group.rawValue, classes.indices.filter { bounds.group(trainingImages: counts[$0]) == group })
            }
            return kept(parts, term)
        case .attribute(let axis):
            let parts = (attributes?.values(of: axis) ?? []).map { value in
                (value, classes.indices.filter { attributes?[classes[$0]]?.values[axis]?.contains(value) ?? false })
            }
            return kept(parts, term)
        case .single(let copies):
            let all = classes.indices.filter { counts[$0] > 0 }
            guard !all.isEmpty else { return ([], []) }
            let names = copies == 1 ? ["single"] : (1...copies).map { "single-\($0)" }
            return (names.map { ClassSubset(name: $0, classes: all) }, [])
        case .learned:
            let parts = (clusters?.clusters ?? []).enumerated().map { ("\($0.offset + 1)", $0.element) }
            let made = kept(parts, term)
            return (made.subsets, (clusters?.notes ?? []) + made.notes)
        case .random(let other):
            return shuffled(make(other), term)
        }
    }

    /// Drops classes without positives, and the subsets that are empty then.
    private func kept(_ parts: [(String, [Int])], _ term: GroupingTerm) -> (subsets: [ClassSubset], notes: [String]) {
        var subsets: [ClassSubset] = []
        var notes: [String] = []
        for (value, members) in parts {
            let name = term.subsetPrefix + value
            let alive = members.filter { counts[$0] > 0 }
            if alive.isEmpty {
                notes.append("the subset \(name) is left out: no class of it has a positive training photograph")
            } else {
                subsets.append(ClassSubset(name: name, classes: alive))
            }
        }
        return (subsets, notes)
    }

    /// Renames the classes that the subsets hold by a permutation that keeps every class in its shot group.
    private func shuffled(
        _ original: (subsets: [ClassSubset], notes: [String]), _ term: GroupingTerm
    ) -> (subsets: [ClassSubset], notes: [String]) {
        let members = Set(original.subsets.flatMap(\.classes)).sorted()
        var image = Array(classes.indices)
        for (k, group) in ShotGroup.allCases.enumerated() {
            let inGroup = members.filter { bounds.group(trainingImages: counts[$0]) == group }
            var random = SeededRandom(seed: seed, SeededRandom.key(term.text), UInt64(k))
            for (from, to) in zip(inGroup, inGroup.shuffled(using: &random)) { image[from] = to }
        }
        let subsets = original.subsets.map { subset in
            ClassSubset(name: "random-" + subset.name, classes: subset.classes.map { image[$0] })
        }
        var notes = original.notes
        if subsets.map(\.classes) == original.subsets.map(\.classes) {
            notes.append("\(term.text) came out equal to its original, so it is not a control")
        }
        return (subsets, notes)
    }
}
