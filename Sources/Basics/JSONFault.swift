import Foundation

/// Why a text is not the JSON that was wanted, and where.
public enum JSONFault {
    /// What is wrong, in words: "not JSON: invalid value (line 2, column 5)", "the key image.resolution is missing".
    ///
    /// - Parameters:
    ///   - error: what `JSONDecoder` threw.
    ///   - data: what it was given.
    public static func words(_ error: any Error, in data: Data) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "the key \(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
            "\(path(context.codingPath)): \(context.debugDescription)"
        case DecodingError.dataCorrupted(let context):
            syntax(of: data)
                ?? [path(context.codingPath), context.debugDescription].filter { !$0.isEmpty }
                .joined(separator: ": ")
        default: "\(error)"
        }
    }

    /// A key as one writes it: "image.resolution", "classes[2]".
    private static func path(_ keys: [any CodingKey]) -> String {
        keys.reduce("") { text, key in
            key.intValue.map { "\(text)[\($0)]" } ?? (text.isEmpty ? "" : text + ".") + key.stringValue
        }
    }

    /// The first error of syntax; nil where there is none.
    private static func syntax(of data: Data) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            return nil
        } catch {
            // "Invalid value around character 20.", counted in bytes from 0.
            let found = (error as NSError).userInfo["NSDebugDescription"] as? String ?? "\(error)"
            let parts = found.split(separator: " around character ")
            let problem = (parts.first ?? "invalid").lowercased()
            guard parts.count == 2, let offset = Int(parts[1].filter(\.isNumber)), offset <= data.count else {
                return "not JSON: " + problem.trimmingCharacters(in: ["."])
            }
            let before = data.prefix(offset)
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 - before.startIndex + 1 } ?? 0
            return "not JSON: \(problem) (line \(line), column \(offset - start + 1))"
        }
    }
}
