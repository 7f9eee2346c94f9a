import Basics

/// Where reading has come to.
struct KeyPosition {
    /// The dotted key; empty at the top.
    let path: String
    /// The file and line, or the setting, with the key.
    let place: FilePlace
    /// What is allowed here, in words.
    let expected: String

    init(path: String, place: FilePlace, expected: String) {
        (self.path, self.expected) = (path, expected)
        self.place = place.key(path)
    }

    func child(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

    func at(_ place: FilePlace) -> KeyPosition { KeyPosition(path: path, place: place, expected: expected) }
}

/// What a reading collects: every problem, so that all can be fixed at once.
struct Reading {
    let environment: [String: String]
    private(set) var problems: [FoveaError] = []

    init(environment: [String: String]) {
        self.environment = environment
    }

    mutating func report(_ place: FilePlace, _ words: String) {
        problems.append(FoveaError(.configuration, at: place, words))
    }

    /// Adds what an error of another module says.
    mutating func report(_ place: FilePlace, _ words: String, _ error: any Error) {
        report(place, (words.isEmpty ? "" : words + ": ") + error.onOneLine)
    }

    mutating func mismatch(_ tree: Tree, _ spot: KeyPosition) {
        report(spot.place, "\(spot.path) is \(tree.words); \(spot.expected) is expected")
    }

    /// All problems as one error at the place of the first, at most ten in words; nil when there is none.
    var error: FoveaError? {
        guard problems.count > 1 else { return problems.first }
        let more = problems.count > 10 ? ["... and \(problems.count - 10) more"] : []
        var error = FoveaError(
            .configuration, "the configuration has \(problems.count) errors:",
            listing: problems.prefix(10).map(\.message) + more, remedy: problems[0].remedy)
        error.place = problems[0].place
        return error
    }
}
