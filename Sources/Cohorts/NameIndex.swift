import Basics
import Foundation

/// The names in folders, each folder listed once: finds files whose names are written in another way than in a table.
final class NameIndex {
    private struct Names {
        /// By name; equal are names that are canonically equivalent, such as ü in one character and in two.
        var whole: [String: [String]] = [:]
        /// Of photographs, by the name without its ending.
        var stems: [String: [String]] = [:]
    }
    private var folders: [String: Names] = [:]
    /// Of each folder the names by `NameDifference.key`, which takes long to make.
    private var keys: [String: [String: [String]]] = [:]

    /// The entries of a folder with this name, or one that is canonically equivalent.
    func equivalents(of name: String, in folder: String) -> [String] { names(in: folder).whole[name] ?? [] }

    /// The photographs in a folder with this name before their ending, whatever the ending's case.
    func photographs(called name: String, in folder: String) -> [String] { names(in: folder).stems[name] ?? [] }

    /// The name in the folder that comes nearest, and how it differs, in words; nil where none comes near.
    func nearest(to name: String, in folder: String) -> (name: String, difference: String)? {
        let near = keys(in: folder)[NameDifference.key(name)]?.min()
        return near.map { ($0, NameDifference.words(name, $0)) }
    }

    private func keys(in folder: String) -> [String: [String]] {
        if let known = keys[folder] { return known }
        let made = Dictionary(grouping: names(in: folder).whole.values.joined(), by: NameDifference.key)
        keys[folder] = made
        return made
    }

    private func names(in folder: String) -> Names {
        if let known = folders[folder] { return known }
        var names = Names()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            names.whole[name, default: []].append(name)
            let (stem, ending) = NameDifference.parts(name)
            if PhotographFile.endings.contains(ending.lowercased()) { names.stems[stem, default: []].append(name) }
        }
        folders[folder] = names
        return names
    }
}

/// How two names of files differ that a reader may take for one.
enum NameDifference {
    private typealias Fold = (word: String, apply: @Sendable (String) -> String)

    private static let separators: Set<Character> = ["-", "_", "."]

    private static let folds: [Fold] = [
        ("normalisation (composed and decomposed characters)", { $0.precomposedStringWithCompatibilityMapping }),
        ("case", { $0.lowercased() }),
        ("blanks", { String($0.filter { !$0.isWhitespace }) }),
        ("separators", { String($0.filter { !separators.contains($0) }) }),
    ]

    /// The part before the last dot, and what follows it; "" without one.
    static func parts(_ name: String) -> (stem: String, ending: String) {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return (name, "") }
        return (String(name[..<dot]), String(name[name.index(after: dot)...]))
    }

    /// Equal for names that differ in nothing but what is named here, their endings included.
    static func key(_ name: String) -> String { folded(stem(name), without: nil) }

    /// In what two names with the same key differ, such as "case and the ending".
    static func words(_ one: String, _ other: String) -> String {
        // A fold is needed where the others alone do not make the names equal. Bytes: equivalent texts are equal.
        let (first, second) = (stem(one), stem(other))
        var needed = folds.indices.filter { left in
            !folded(first, without: left).utf8.elementsEqual(folded(second, without: left).utf8)
        }.map { folds[$0].word }
        // Two folds may each be enough: a wide blank and a narrow one are equal both normalised and left out.
        if needed.isEmpty, !first.utf8.elementsEqual(second.utf8),
            let enough = folds.last(where: { $0.apply(first).utf8.elementsEqual($0.apply(second).utf8) })
        {
            needed = [enough.word]
        }
        let endings = [one, other].map { parts($0).ending }
        if endings[0] != endings[1] {
            needed.append(endings[0].lowercased() == endings[1].lowercased() ? "the ending's case" : "the ending")
        }
        return Pluralization.listing(needed)
    }

    /// A name with every character that is not of ASCII as its number: "u\\u{308}ber.png".
    static func spelled(_ name: String) -> String {
        name.unicodeScalars.map { $0.isASCII ? String($0) : "\\u{\(String($0.value, radix: 16, uppercase: true))}" }
            .joined()
    }

    /// A name without its ending, where that is one of a photograph.
    private static func stem(_ name: String) -> String {
        let (stem, ending) = parts(name)
        return PhotographFile.endings.contains(ending.trimmingCharacters(in: .whitespaces).lowercased()) ? stem : name
    }

    private static func folded(_ name: String, without left: Int?) -> String {
        folds.indices.filter { $0 != left }.reduce(name) { folds[$1].apply($0) }
    }
}
