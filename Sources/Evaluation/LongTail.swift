import Basics

/// A part of the long tail, by the number of *training* images that carry a class.
public enum LongTailGroup: String, Codable, Sendable, CaseIterable {
    /// At least `LongTailBounds.many` training images.
    case many
    /// Between the two bounds.
    case medium
    /// Fewer than `LongTailBounds.medium` training images, but at least one.
    case few
}

/// Where the long tail is divided. The defaults are those of Liu et al. (CVPR 2019), with "few" for fewer than 20.
public struct LongTailBounds: Codable, Equatable, Sendable {
    /// From so many training images on a class is `many`.
    public let many: Int
    /// From so many training images on, and below `many`, a class is `medium`; below it is `few`.
    public let medium: Int

    /// Makes bounds.
    ///
    /// - Throws: `FoveaError` of kind `configuration` unless 1 <= medium <= many.
    public init(many: Int, medium: Int) throws {
        guard medium >= 1, many >= medium else {
            throw FoveaError(
                .configuration,
                "the long tail cannot be divided at many \(many) and medium \(medium); allowed: 1 <= medium <= many")
        }
        self.many = many
        self.medium = medium
    }

    /// Many from 100, medium from 20.
    public static let standard = LongTailBounds()

    private init() { (many, medium) = (100, 20) }

    /// The group of a class; nil for a class without training images, which is in none.
    public func group(trainingImages count: Int) -> LongTailGroup? {
        if count <= 0 { return nil }
        return count >= many ? .many : count >= medium ? .medium : .few
    }
}

/// Something for all classes and for each part of the long tail; the parts are nil where training counts are unknown.
public struct ByGroup<Value: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
    /// Over all classes.
    public let all: Value
    /// Over the classes with many training images.
    @ExplicitNull public private(set) var many: Value?
    /// Over those in between.
    @ExplicitNull public private(set) var medium: Value?
    /// Over those with few.
    @ExplicitNull public private(set) var few: Value?

    /// Over one part of the long tail, or over all classes for nil.
    public subscript(_ group: LongTailGroup?) -> Value? {
        switch group {
        case nil: all
        case .many: many
        case .medium: medium
        case .few: few
        }
    }

    /// Computes a value from the positions of the classes of each part.
    init(_ groups: ClassGroups, _ value: ([Int]) -> Value) {
        all = value(groups.trained)
        many = groups.members(.many).map(value)
        medium = groups.members(.medium).map(value)
        few = groups.members(.few).map(value)
    }
}

/// Which classes take part in an evaluation, and where in the long tail each is.
struct ClassGroups: Sendable {
    let trainingImages: [Int]?
    let groupOfClass: [LongTailGroup?]
    /// Positions of the classes that take part: all but those known to have no training image.
    let trained: [Int]

    init(_ outcomes: Outcomes, trainingImages: [Int]?, bounds: LongTailBounds) throws {
        let count = outcomes.classes.count
        if let trainingImages {
            guard trainingImages.count == count else {
                throw FoveaError(
                    .configuration, "\(trainingImages.count) training counts do not fit \(count) classes")
            }
            if let column = trainingImages.firstIndex(where: { $0 < 0 }) {
                throw FoveaError(
                    .configuration,
                    "class \"\(outcomes.classes[column])\" cannot have \(trainingImages[column]) training images")
            }
        }
        self.trainingImages = trainingImages
        groupOfClass =
            trainingImages?.map { bounds.group(trainingImages: $0) } ?? [LongTailGroup?](repeating: nil, count: count)
        trained = (0..<count).filter { (trainingImages?[$0] ?? 1) > 0 }
    }

    /// Positions of the classes in a part; nil where the training counts are unknown.
    func members(_ group: LongTailGroup) -> [Int]? {
        guard trainingImages != nil else { return nil }
        return trained.filter { groupOfClass[$0] == group }
    }
}
