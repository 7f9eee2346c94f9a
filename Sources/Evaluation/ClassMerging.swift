import Basics
import Foundation

/// Classes that mean nearly the same thing, treated as one.
public struct ClassMerging: Sendable, Equatable {
    /// One class made of several.
    public struct Group: Sendable, Equatable {
        /// What it is called.
        public var name: String
        /// The classes that it is made of.
        public var members: [String]

        /// Names a class and what it is made of.
        public init(_ name: String, of members: [String]) {
            self.name = name
            self.members = members
        }
    }

    /// The merged classes.
    public let groups: [Group]
    /// The file that names them, for messages; nil for none.
    public let source: String?

    /// Evaluates the members of each group as one class.
    public init(_ groups: [Group], source: String? = nil) {
        self.groups = groups
        self.source = source
    }

    /// What precedes a message.
    fileprivate var place: String { source.map { $0 + ": " } ?? "" }

    /// The columns that each class is made of, a merged one standing where its first member stood.
    ///
    /// - Throws: `FoveaError` of kind `data` for a group without members, a member that is not a class or is in two
    ///   groups, and a name of another class.
    public func columns(of classes: [String]) throws -> [(name: String, members: [Int])] {
        var groupOfColumn: [Int: Group] = [:]
        for group in groups {
            guard !group.members.isEmpty else {
                throw FoveaError(.data, "\(place)\"\(group.name)\" is merged from no class")
            }
            for member in group.members {
                guard let column = classes.firstIndex(of: member) else {
                    throw FoveaError(
                        .data, "\(place)cannot merge \"\(member)\" into \"\(group.name)\": there is no such class",
                        remedy: FoveaError.suggestion(for: member, among: classes))
                }
                if let other = groupOfColumn.updateValue(group, forKey: column) {
                    throw FoveaError(
                        .data,
                        "\(place)the class \"\(member)\" is merged into \"\(other.name)\" and again into \"\(group.name)\""
                    )
                }
            }
        }
        var result: [(name: String, members: [Int])] = []
        for column in classes.indices {
            let name = groupOfColumn[column]?.name ?? classes[column]
            guard let known = result.firstIndex(where: { $0.name == name }) else {
                result.append((name, [column]))
                continue
            }
            guard let group = groupOfColumn[column], group == groupOfColumn[result[known].members[0]] else {
                throw FoveaError(
                    .data, "\(place)two classes would be called \"\(name)\"",
                    remedy: "Give the merged class another name.")
            }
            result[known].members.append(column)
        }
        return result
    }

    /// The label of a merged class: 1 if any member's is, else -1 (unknown) if any is unknown, else 0.
    static func label(_ members: [Int8]) -> Int8 { members.contains(1) ? 1 : members.contains(-1) ? -1 : 0 }

    /// The score of a merged class: 1 - prod (1 - p), the probability of any member if they were independent.
    ///
    /// A model that cannot distinguish two wordings of one finding gives each of them a part of its probability; the
    /// highest part alone would rank such an image too low.
    static func score(_ members: [Double]) -> Double {
        guard members.count > 1 else { return members.first ?? 0 }
        // Small probabilities keep their digits this way.
        return -expm1(members.reduce(0) { $0 + log1p(-$1) })
    }
}

extension Outcomes {
    /// The same images with merged classes.
    ///
    /// - Throws: `FoveaError` of kind `data` as `ClassMerging.columns` does, and for a member's score that is not a
    ///   probability.
    public func merging(_ merging: ClassMerging) throws -> Outcomes {
        let columns = try merging.columns(of: classes)
        for column in columns where column.members.count > 1 {
            for member in column.members {
                guard let image = images.indices.first(where: { !(0...1 ~= score(image: $0, class: member)) }) else {
                    continue
                }
                throw FoveaError(
                    .data,
                    "\(merging.place)cannot merge \"\(classes[member])\" into \"\(column.name)\": its score of image \"\(images[image])\" is "
                        + "\(score(image: image, class: member)), no probability from 0 to 1",
                    remedy: "Merged classes need probabilities.")
            }
        }
        return try Outcomes(
            classes: columns.map(\.name), images: images,
            labels: images.indices.flatMap { image in
                columns.map { ClassMerging.label($0.members.map { label(image: image, class: $0) }) }
            },
            scores: images.indices.flatMap { image in
                columns.map { ClassMerging.score($0.members.map { score(image: image, class: $0) }) }
            }, patients: patients, folds: folds)
    }
}
