import Foundation

/// JSON as Fovea writes it: indented, keys sorted, a line end at the end.
package enum JSONText {
    /// The text of a value.
    ///
    /// - Parameter isSnakeCase: for values whose keys are named as in Swift.
    package static func encode(_ value: some Encodable, isSnakeCase: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        if isSnakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
        return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
    }
}
