import Basics

/// Where reading has come to.
struct KeyPosition {
    /// The dotted key; empty at the top.
    let path: String
    /// The file and line, or the setting, for messages.
    let place: String
    /// What is allowed here, in words.
    let expected: String

    func child(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    func at(_ place: String) -> KeyPosition { KeyPosition(path: path, place: place, expected: expected) }
}

/// What a reading collects: every problem, so that all can be fixed at once.
struct Reading {
    let environment: [String: String]
    private(set) var problems: [String] = []

    init(environment: [String: String]) {
        self.environment = environment
    }

    mutating func report(_ place: String, _ words: String) {
        problems.append("\(place): \(words)")
    }

    /// Adds what an error of another module says.
    mutating func report(_ place: String, _ words: String, _ error: any Error) {
        let known = error as? FoveaError
        let remedy = known?.remedy.map { " (\($0))" } ?? ""
        report(place, (words.isEmpty ? "" : words + ": ") + (known?.message ?? "\(error)") + remedy)
    }

    mutating func mismatch(_ tree: Tree, _ spot: KeyPosition) {
        report(spot.place, "\(spot.path) is \(tree.words); \(spot.expected) is expected")
    }

    /// All problems as one error, at most ten in words; nil when there is none.
    var error: FoveaError? {
        guard let first = problems.first else { return nil }
        guard problems.count > 1 else { return FoveaError(.configuration, first) }
        let more = problems.count > 10 ? ["... and \(problems.count - 10) more"] : []
        let lines = ["the configuration has \(problems.count) errors:"] + problems.prefix(10) + more
        return FoveaError(.configuration, lines.joined(separator: "\n  "))
    }
}
