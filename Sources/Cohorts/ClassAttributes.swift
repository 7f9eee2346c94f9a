import Basics
import Foundation
import Yams

/// What is known about the classes beforehand: for each class a name and, on each axis ("region", "feature", any
/// other), the values that hold for it. A class may have several values on an axis, or none.
///
/// Read from YAML:
/// ```yaml
/// classes:
///   - {id: DR, name: "Diabetic retinopathy", region: [vessels], feature: [haemorrhage]}
/// ```
public struct ClassAttributes: Sendable, Equatable {
    /// What is said about one class.
    public struct Entry: Sendable, Equatable {
        /// The class as the label table calls it.
        public let id: String
        /// The name for people; the id when none is given.
        public let name: String
        /// The values on each axis, in the order of the file.
        public let values: [String: [String]]
        /// The line of the file on which the entry begins, from 1; 0 when made in memory.
        public let line: Int

        /// Makes an entry.
        public init(id: String, name: String? = nil, values: [String: [String]], line: Int = 0) {
            self.id = id
            self.name = name ?? id
            self.values = values
            self.line = line
        }
    }

    /// The path of the file, for messages.
    public let source: String
    /// The SHA-256 of the bytes that were parsed; nil for attributes that no file holds.
    public private(set) var sha256: String?
    /// The classes in the order of the file, with unique ids.
    public let entries: [Entry]
    /// The axes in the order in which they first appear.
    public let axes: [String]

    private let number: [String: Int]

    /// The ids of the classes in the order of the file.
    public var classes: [String] { entries.map(\.id) }

    /// Makes attributes from entries.
    ///
    /// - Throws: `FoveaError` when an id repeats or an axis or value has a name that a grouping cannot have.
    public init(entries: [Entry], axes: [String], source: String = "attributes") throws {
        var number: [String: Int] = [:]
        for (k, entry) in entries.enumerated() {
            if let other = number.updateValue(k, forKey: entry.id) {
                let lines = entry.line > 0 ? " (lines \(entries[other].line) and \(entry.line))" : ""
                throw FoveaError(
                    .data, "\(source) describes the class \"\(entry.id)\" twice\(lines)",
                    place: FilePlace(source, line: entry.line, key: entry.id))
            }
        }
        try Self.requireDifferentNames(entries, source)
        for axis in axes where GroupingTerm.reserved.contains(axis) {
            throw FoveaError(
                .data, at: FilePlace(source),
                "an attribute must not be called \"\(axis)\", which names a grouping of its own",
                remedy: "Rename the attribute.")
        }
        if let long = entries.first(where: { ClassLimits.isTooLong($0.id) || ClassLimits.isTooLong($0.name) }) {
            throw FoveaError(
                .data, at: FilePlace(source, line: long.line > 0 ? long.line : nil, key: long.id),
                "the id or name of a class has more than "
                    + "\(ClassLimits.nameLength) characters", remedy: "Give it a shorter one.")
        }
        for name in axes + entries.flatMap({ entry in axes.flatMap { entry.values[$0] ?? [] } }) {
            guard Self.isPlain(name) else {
                throw FoveaError(
                    .data, at: FilePlace(source), "\"\(name.prefix(80))\" cannot name an attribute or its value",
                    remedy: "Use letters, digits, _ and -, at most \(Self.longestName) bytes in UTF-8.")
            }
        }
        self.source = source
        self.entries = entries
        self.axes = axes
        self.number = number
    }

    /// Verifies that no two classes are shown under the same name.
    private static func requireDifferentNames(_ entries: [Entry], _ source: String) throws {
        var seen: [String: Entry] = [:]
        for entry in entries {
            guard let other = seen.updateValue(entry, forKey: entry.name) else { continue }
            throw FoveaError(
                .data, at: FilePlace(source, line: entry.line > 0 ? entry.line : nil, key: entry.id),
                "the classes \"\(other.id)\" and \"\(entry.id)\" have the same name, \"\(entry.name)\"",
                remedy: "Give them different names: by these they are shown.")
        }
    }

    /// Reads a YAML file.
    ///
    /// - Throws: `FoveaError` of kind `data` with file and line when it cannot be read or has another form.
    public init(path: String) throws {
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 22) else {
            throw FoveaError(
                .data, "cannot read the attribute file \(path): \(RegularFile.noSuchFile(path))",
                remedy: "Check the path.")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw FoveaError(.data, about: path, "is not a text in UTF-8")
        }
        try self.init(yaml: text, source: path)
        sha256 = Digest.sha256(data)
    }

    /// Reads YAML text; `source` only serves messages.
    public init(yaml: String, source: String) throws {
        let file = AttributeFile(source: source)
        let entries = try file.entries(yaml)
        try self.init(entries: entries.map(\.entry), axes: file.axes(entries.flatMap(\.axes)), source: source)
    }

    /// The entry of a class, if it is described.
    public subscript(id: String) -> Entry? { number[id].map { entries[$0] } }

    /// The values of an axis, in order of appearance.
    public func values(of axis: String) -> [String] {
        var seen = Set<String>()
        return entries.flatMap { $0.values[axis] ?? [] }.filter { seen.insert($0).inserted }
    }

    /// The name for people of each class; the id where it is not described.
    public func names(of classes: [String]) -> [String] { classes.map { self[$0]?.name ?? $0 } }

    /// The same by class.
    public func namesByClass(_ classes: [String]) -> [String: String] {
        Dictionary(zip(classes, names(of: classes))) { first, _ in first }
    }

    /// Verifies that every class described here is a column of a table.
    ///
    /// - Throws: `FoveaError` of kind `data` naming this file, the line, the class and the nearest column.
    public func requireColumns(_ header: [String], of table: String) throws {
        let columns = Set(header)
        guard let unknown = entries.first(where: { !columns.contains($0.id) }) else { return }
        let place = FilePlace(source, line: unknown.line > 0 ? unknown.line : nil, key: unknown.id)
        throw FoveaError(
            .data, at: place, "the class \"\(unknown.id)\" is not a column of \(table)",
            remedy: FoveaError.suggestion(for: unknown.id, among: header))
    }

    /// What may be an oversight: classes that are not described, and axes that few entries have (a spelling mistake?).
    public func warnings(for classes: [String]) -> [String] {
        var warnings: [String] = []
        let undescribed = classes.filter { self[$0] == nil }
        if !undescribed.isEmpty {
            warnings.append("\(source) does not describe: \(Pluralization.listing(undescribed))")
        }
        for axis in axes {
            let having = entries.count { $0.values[axis] != nil }
            if having < entries.count {
                warnings.append("\(source) gives \"\(axis)\" for \(having) of \(entries.count) classes")
            }
        }
        return warnings
    }

    /// Two of them and a few words more are the name of a folder, which has at most 255 bytes.
    private static let longestName = 64

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= longestName
            && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
    }
}
