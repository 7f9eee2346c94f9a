/// A part of the long tail, by the number of *training* images that carry a class.
///
/// One type for groupings (the subsets of `shot`) and for evaluation (means over many, medium and few-shot classes).
public enum ShotGroup: String, Sendable, Codable, CaseIterable {
    /// At least `ShotBounds.many` training images.
    case many
    /// Between the two bounds.
    case medium
    /// Fewer than `ShotBounds.medium` training images, but at least one.
    case few
}

/// Where the long tail is divided. The defaults are those of Liu et al. (CVPR 2019), with "few" for fewer than 20.
public struct ShotBounds: Sendable, Equatable, Codable {
    /// A class with at least this many training images is `many`.
    public let many: Int
    /// A class with at least this many, and fewer than `many`, is `medium`; with fewer it is `few`.
    public let medium: Int

    /// Many from 100, medium from 20.
    public static let standard = ShotBounds()

    private init() { (many, medium) = (100, 20) }

    /// Makes bounds.
    ///
    /// - Throws: `FoveaError` of kind `configuration` unless 1 <= medium <= many.
    public init(many: Int, medium: Int) throws {
        guard 1 <= medium, medium <= many else {
            throw FoveaError(
                .configuration,
                "the long tail cannot be divided at many \(many) and medium \(medium); allowed: 1 <= medium <= many")
        }
        self.many = many
        self.medium = medium
    }

    /// The group of a class; nil for a class without training images, which takes part in nothing.
    public func group(trainingImages count: Int) -> ShotGroup? {
        if count <= 0 { return nil }
        return count >= many ? .many : count >= medium ? .medium : .few
    }
}
