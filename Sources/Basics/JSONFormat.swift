import Foundation

/// JSON as Fovea writes and reads it: keys in snake case and sorted, slashes not escaped.
///
/// A key that has acronyms in Swift needs a `CodingKeys` entry that comes back from snake case: `case rocAUC = "rocAuc"`
/// is `roc_auc` in the file. Keys of dictionaries stay as they are.
public enum JSONFormat {
    /// The text of a value.
    ///
    /// - Parameter pretty: indented, with a line end at the end, as files are; otherwise one line without it.
    /// - Throws: `EncodingError` for a number that is NaN or infinite.
    public static func encoded(_ value: some Encodable, pretty: Bool = true) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(value) + (pretty ? Data("\n".utf8) : Data())
    }

    /// Reads a value; keys in camel case, as earlier versions wrote them, are read too.
    ///
    /// - Throws: `DecodingError`, which `JSONFault` puts into words.
    public static func decoded<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(type, from: data)
    }

    /// The key of a property as files have it: "training_images" for `trainingImages`.
    public static func key(_ property: String) -> String {
        property.reduce("") { $0 + ($1.isUppercase ? "_" + $1.lowercased() : String($1)) }
    }
}
