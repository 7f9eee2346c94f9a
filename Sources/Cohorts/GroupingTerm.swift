import Basics

/// One term of a grouping's text.
indirect enum GroupingTerm: Equatable {
    case shot
    case attribute(String)
    case single(copies: Int)
    case learned
    case random(GroupingTerm)

    /// Words that name groupings of their own, so no attribute may have them.
    static let reserved = ["shot", "random", "single", "learned"]

    /// The term as it is written.
    var text: String {
        switch self {
        case .shot: "shot"
        case .attribute(let axis): axis
        case .single(let copies): copies == 1 ? "single" : "single*\(copies)"
        case .learned: "learned"
        case .random(let other): "random:" + other.text
        }
    }

    /// Whether the term needs clusters that were learnt from the data.
    var isLearned: Bool {
        switch self {
        case .learned: true
        case .random(let other): other.isLearned
        case .shot, .attribute, .single: false
        }
    }

    /// Whether a word is written as a term that is a control of others: `single`, `single*N`, `random:X`. No attribute can
    /// be written so, whatever its name.
    static func isControl(_ word: String) -> Bool {
        ["single", "random"].contains(word) || ["single*", "random:"].contains { word.hasPrefix($0) }
    }

    /// The words of a text such as "shot + region", without spaces.
    static func words(_ text: String) -> [String] {
        text.split(separator: "+", omittingEmptySubsequences: false).map { $0.filter { !$0.isWhitespace } }
    }

    /// What stands before a value in a subset's name.
    var subsetPrefix: String { text + "-" }

    /// The terms of a text such as "shot+random:region".
    static func parse(_ text: String, axes: [String]) throws -> [GroupingTerm] {
        var terms: [GroupingTerm] = []
        for word in words(text) {
            let term = try parseTerm(word, in: text, axes: axes)
            guard !terms.contains(term) else {
                throw FoveaError(
                    .configuration, "the grouping \"\(text)\" names \"\(term.text)\" twice", remedy: "Name it once.")
            }
            terms.append(term)
        }
        return terms
    }

    private static func parseTerm(_ word: String, in text: String, axes: [String]) throws -> GroupingTerm {
        func refusal(_ message: String, _ remedy: String) -> FoveaError {
            FoveaError(.configuration, "grouping \"\(text)\": \(message)", remedy: remedy)
        }
        if word == "shot" { return .shot }
        if word == "single" { return .single(copies: 1) }
        if word == "learned" { return .learned }
        if axes.contains(word) { return .attribute(word) }
        if word.hasPrefix("single*") {
            guard let copies = Int(word.dropFirst(7)), 1...100 ~= copies else {
                throw refusal("\"\(word)\" must end in a number of teachers", "Allowed: single*1 to single*100.")
            }
            return .single(copies: copies)
        }
        if word == "random" || word.hasPrefix("random:") {
            let other = String(word.dropFirst(7))
            if other == "learned" { return .random(.learned) }
            guard axes.contains(other) else {
                // Shuffling within shot groups would change neither `shot` nor `single`.
                let hint = axes.isEmpty ? Self.noAttributes : FoveaError.suggestion(for: other, among: axes)
                throw refusal("\"\(word)\" must name an attribute to shuffle, such as random:region", hint)
            }
            return .random(.attribute(other))
        }
        let allowed = ["shot", "single", "learned"] + axes + axes.map { "random:" + $0 }
        let hint = FoveaError.suggestion(for: word, among: allowed)
        throw refusal(
            word.isEmpty ? "a term is empty" : "there is no \"\(word)\"",
            axes.isEmpty ? hint + ". " + Self.noAttributes : hint)
    }

    private static let noAttributes = "Attributes such as region need an attribute file, and none is given."
}
