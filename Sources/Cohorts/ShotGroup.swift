import Basics

/// How many training photographs a class has, in three words.
public enum ShotGroup: String, Sendable, Codable, CaseIterable {
    /// At least `ShotThresholds.many` positives.
    case many
    /// Between the two thresholds.
    case medium
    /// Fewer than `ShotThresholds.medium` positives, but some.
    case few
}

/// Where "many" and "medium" begin; counts are of positive training photographs.
public struct ShotThresholds: Sendable, Equatable, Codable {
    /// The least count called many; 100 by default.
    public let many: Int
    /// The least count called medium; 20 by default.
    public let medium: Int

    /// The default thresholds: many from 100, medium from 20.
    public static let standard = ShotThresholds()

    private init() {
        many = 100
        medium = 20
    }

    /// Makes thresholds.
    ///
    /// - Throws: `FoveaError` unless 1 <= medium <= many.
    public init(many: Int, medium: Int) throws {
        guard 1 <= medium, medium <= many else {
            throw FoveaError(
                .configuration, "shot thresholds many \(many), medium \(medium): 1 <= medium <= many is allowed")
        }
        self.many = many
        self.medium = medium
    }

    /// The group of a class with `count` positives; nil without any, since such a class takes part in nothing.
    public func group(_ count: Int) -> ShotGroup? {
        if count >= many { return .many }
        if count >= medium { return .medium }
        return count > 0 ? .few : nil
    }
}
