import Basics
import Foundation

/// Words of a table that a reader may take for one: "train" and "Train".
public enum NearWord {
    /// The first of `words` that is not among `named` and differs from one of these in case, blanks or normalisation only.
    public static func first(of words: some Collection<String>, near named: some Collection<String>) -> (
        word: String, named: String
    )? {
        func key(_ word: String) -> String {
            word.precomposedStringWithCompatibilityMapping.lowercased().filter { !$0.isWhitespace }
        }
        let known = Dictionary(named.map { (key($0), $0) }) { first, _ in first }
        return words.lazy.filter { !named.contains($0) }.compactMap { word in known[key(word)].map { (word, $0) } }
            .first
    }
}

extension Split {
    /// Verifies that no word of a split column is nearly one of those that are named: its rows would be in no part.
    static func requireDistinct(_ words: [String?], named: [String], of cohort: Cohort) throws {
        let found = Set(words.compactMap { $0 }).sorted()
        guard let near = NearWord.first(of: found, near: named) else { return }
        let count = words.count { $0 == near.word }
        throw FoveaError(
            .data, at: FilePlace(cohort.source),
            "\(Pluralization.count(count, "photograph has", "photographs have")) the split \"\(near.word)\", "
                + "which is nearly \"\(near.named)\" and would be in neither part",
            remedy: "Correct the cells, or name both in data.split.")
    }

    /// The photographs of a split column that neither train nor validate, counted by what the column says; nil where
    /// there are none.
    public func leftOutNote(of cohort: Cohort) -> String? {
        let counts = excluded.reduce(into: [String: Int]()) { counts, row in
            counts[cohort.photographs[row].split.map { "\"\($0)\"" } ?? "an empty cell", default: 0] += 1
        }
        guard !counts.isEmpty else { return nil }
        let words = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.key) (\($0.value))" }
        return Pluralization.count(excluded.count, "photograph is", "photographs are")
            + " in neither part of the split: the split column says " + Pluralization.listing(words)
    }
}
