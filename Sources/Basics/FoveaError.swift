/// An error that its reader can act on: what is wrong, where, and what to do about it.
///
/// Every module throws this type for whatever a user, a file or the machine can cause. `fovea` prints it and turns its
/// kind into the exit status; nothing else decides on wording.
public struct FoveaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of problem it is; decides the exit status (see `docs/exit-codes.md`).
    public enum Kind: String, Sendable, CaseIterable {
        /// A configuration key, value or command-line argument is wrong.
        case configuration
        /// A table, image, weight file or other input is wrong or missing.
        case data
        /// The machine lacks something: a library, a device, a permission.
        case environment
        /// An operator of the engine refused its arguments; a fault of Fovea unless the text says otherwise.
        case engine
        /// A loss or gradient that is not finite.
        case numerical
        /// A file could not be written: full disk, quota, input/output error. Worth retrying.
        case storage
        /// Another process holds what is needed. Worth retrying.
        case busy
        /// Another one of the processes that compute together has ended. Worth retrying.
        case peer
    }

    /// What kind of problem it is.
    public var kind: Kind
    /// One or two sentences: the file, row or key, what was found and what is allowed.
    public var message: String
    /// What the reader can do about it, where there is something.
    public var remedy: String?
    /// The file, line and key that the message names, where it is about a file.
    public var place: FilePlace?
    /// Whether the message is a list with line ends of its own, its items made fit by `Printable.line`.
    package var isList = false

    /// Makes an error whose message is complete.
    public init(_ kind: Kind, _ message: String, remedy: String? = nil, place: FilePlace? = nil) {
        (self.kind, self.message, self.remedy, self.place) = (kind, message, remedy, place)
    }

    /// An error at a place in a file, which precedes the text and a colon.
    public init(_ kind: Kind, at place: FilePlace, _ text: String, remedy: String? = nil) {
        self.init(kind, "\(place): \(text)", remedy: remedy, place: place)
    }

    /// An error about a whole file, which is the subject of the text: "labels.csv is empty".
    public init(_ kind: Kind, about path: String, _ text: String, remedy: String? = nil) {
        self.init(kind, "\(path) \(text)", remedy: remedy, place: FilePlace(path))
    }

    /// An error of several things, each on a line of its own behind the message.
    package init(_ kind: Kind, _ message: String, listing items: [String], remedy: String? = nil) {
        self.init(kind, ([message] + items).map(Printable.line).joined(separator: "\n  "), remedy: remedy)
        isList = true
    }

    /// The message, then the remedy on a line of its own. Line ends of names in them are escaped.
    public var description: String {
        let text = isList ? message : Printable.line(message)
        guard let remedy else { return text }
        return text + "\n  " + Printable.line(remedy)
    }
}

extension Error {
    /// What is wrong, without what to do about it.
    package var problem: String { (self as? FoveaError)?.message ?? "\(self)" }

    /// What is wrong and, in brackets, what to do about it: for warnings and notes, which are one line.
    package var onOneLine: String {
        let error = self as? FoveaError
        let text = error?.isList == true ? problem.replacing("\n  ", with: " ") : problem
        return text + (error?.remedy.map { " (\($0))" } ?? "")
    }
}

extension FoveaError {
    /// Names of what is allowed, the first twelve or `limit`, with the nearest one to `found` in front: "did you mean ...?".
    public static func suggestion(for found: String, among allowed: [String], limit: Int = 12) -> String {
        let all = "allowed: " + Pluralization.listing(allowed, limit: limit)
        let sought = Array(found.unicodeScalars)
        var nearest: (name: String, distance: Int)?
        for name in allowed {
            let letters = Array(name.unicodeScalars)
            let limit = min(max(1, letters.count / 3), nearest.map { $0.distance - 1 } ?? .max)
            // The distance is at least the difference in length.
            guard abs(letters.count - sought.count) <= limit else { continue }
            let distance = editDistance(sought, letters)
            if distance <= limit { nearest = (name, distance) }
        }
        guard let nearest else { return all }
        return "did you mean \"\(nearest.name)\"? (\(all))"
    }

    /// Letters to add, leave out, replace, or exchange with the next one.
    private static func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var (before, last) = ([Int](), Array(0...b.count))
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                let least = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                let isExchanged = i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]
                row.append(isExchanged ? min(least, before[j - 1] + 1) : least)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
