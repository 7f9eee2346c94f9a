import Foundation

/// One of several names, read from JSON: an unknown one is an error that says which are allowed.
public protocol NamedChoice: RawRepresentable<String>, CaseIterable, Codable {}

extension NamedChoice {
    /// Reads the name.
    ///
    /// - Throws: `DecodingError` that names what was found and what is allowed.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let found = try container.decode(String.self)
        guard let value = Self(rawValue: found) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "found \"\(found)\"; allowed: "
                    + Self.allCases.map(\.rawValue).joined(separator: ", "))
        }
        self = value
    }
}
