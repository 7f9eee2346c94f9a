import Basics

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
    public subscript(_ group: ShotGroup?) -> Value? {
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
    let groupOfClass: [ShotGroup?]
    /// Positions of the classes that take part: all but those known to have no training image.
    let trained: [Int]

    init(_ outcomes: Outcomes, trainingImages: [Int]?, bounds: ShotBounds) throws {
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
            trainingImages?.map { bounds.group(trainingImages: $0) } ?? [ShotGroup?](repeating: nil, count: count)
        trained = (0..<count).filter { (trainingImages?[$0] ?? 1) > 0 }
    }

    /// Positions of the classes in a part; nil where the training counts are unknown.
    func members(_ group: ShotGroup) -> [Int]? {
        guard trainingImages != nil else { return nil }
        return trained.filter { groupOfClass[$0] == group }
    }
}
