import Foundation

/// Why a text is not the expected JSON, and where.
public enum JSONFault {
    /// What is wrong, in words: "not JSON: invalid value (line 2, column 5)", "the key image.resolution is missing",
    /// "dropout: found the text "much"; a number is expected".
    ///
    /// - Parameters:
    ///   - error: what `JSONFormat` threw.
    ///   - data: what it was given.
    ///   - type: what was to be decoded.
    public static func words<Value: Decodable>(
        _ error: any Error, in data: Data, decoding type: Value.Type
    ) -> String {
        guard isOfWholeText(error) else { return words(error, in: data) }
        return impossibleNumber(in: data) { text in
            do {
                _ = try JSONFormat.decoded(type, from: text)
                return false
            } catch { return isOfWholeText(error) }
        } ?? words(error, in: data)
    }

    /// The same where nothing is known of what was to be decoded: a number that it cannot hold is named only where no number
    /// type could hold it.
    public static func words(_ error: any Error, in data: Data) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            return "the key \(path(context.codingPath + [key], in: data)) is missing"
        case DecodingError.typeMismatch(let type, let context), DecodingError.valueNotFound(let type, let context):
            return found(at: context.codingPath, in: data) + "; \(expected(type)) is expected"
        case DecodingError.dataCorrupted(let context):
            if let words = syntax(of: data) { return words }
            return [path(context.codingPath, in: data), context.debugDescription].filter { !$0.isEmpty }.joined(
                separator: ": ")
        default: return "\(error)"
        }
    }

    /// A key as the text has it, and what stands there; nil where nothing does.
    private static func place(_ keys: [any CodingKey], in data: Data) -> (path: String, value: Any?) {
        let whole = try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
        return keys.reduce(("", whole)) { place, key in
            if let index = key.intValue {
                let list = place.value as? [Any] ?? []
                return ("\(place.path)[\(index)]", list.indices.contains(index) ? list[index] : nil)
            }
            // The decoder names the property; the text has its key, or the property's name in files of earlier
            // versions.
            let object = place.value as? [String: Any] ?? [:]
            let name = object[key.stringValue] == nil ? JSONFormat.key(key.stringValue) : key.stringValue
            return ((place.path.isEmpty ? "" : place.path + ".") + name, object[name])
        }
    }

    /// A key as one writes it: "image.resolution", "classes[2]".
    private static func path(_ keys: [any CodingKey], in data: Data) -> String { place(keys, in: data).path }

    /// The key and what stands there: "dropout: found the text "much"".
    private static func found(at keys: [any CodingKey], in data: Data) -> String {
        let (path, value) = place(keys, in: data)
        let words =
            switch value {
            case let text as String: "the text \"\(text)\""
            case is NSNull: "null"
            case is [Any]: "a list"
            case is [String: Any]: "an object"
            case let number as NSNumber: "\(number)"
            default: "something else"
            }
        return (path.isEmpty ? "" : path + ": ") + "found \(words)"
    }

    private static func expected(_ type: any Any.Type) -> String {
        switch type {
        case is any BinaryInteger.Type: "a whole number"
        case is any BinaryFloatingPoint.Type: "a number"
        case is String.Type: "a text"
        case is Bool.Type: "true or false"
        default: "\(type)".hasPrefix("Array") ? "a list" : "an object"
        }
    }

    /// Names a number that the expected type cannot hold, by the key in front of it; nil where that is not the fault.
    ///
    /// The decoder says neither which number it was nor where. With 0 in place of all numbers up to the last impossible one
    /// it complains of something else, or of nothing.
    private static func impossibleNumber(in data: Data, _ isStillWrong: (Data) -> Bool) -> String? {
        let numbers = JSONNumbers(data)
        var (wrong, right) = (0, numbers.entries.count)
        guard right > 0, !isStillWrong(numbers.replacing(first: right)) else { return nil }
        while right - wrong > 1 {
            let middle = (wrong + right) / 2
            if isStillWrong(numbers.replacing(first: middle)) { wrong = middle } else { right = middle }
        }
        let entry = numbers.entries[right - 1]
        let expected =
            switch abs(Double(entry.literal) ?? .infinity) {
            case .infinity: "a number of magnitude at most \(Double.greatestFiniteMagnitude)"
            case ..<Double.leastNormalMagnitude: "0 or a number of magnitude at least \(Double.leastNormalMagnitude)"
            default: "a whole number of at most 64 bits"
            }
        return (entry.key.map { $0 + ": " } ?? "")
            + "found the number \(entry.literal) (line \(entry.line)); \(expected) is expected"
    }

    /// Whether an error is what a decoder throws for a text that it cannot read at all.
    private static func isOfWholeText(_ error: any Error) -> Bool {
        guard case DecodingError.dataCorrupted(let context) = error else { return false }
        return context.codingPath.isEmpty
    }

    /// The first error of syntax; nil where there is none.
    private static func syntax(of data: Data) -> String? {
        do {
            _ = try JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)
            return nil
        } catch {
            func isStillWrong(_ text: Data) -> Bool {
                (try? JSONSerialization.jsonObject(with: text, options: .fragmentsAllowed)) == nil
            }
            if let words = impossibleNumber(in: data, isStillWrong) { return words }
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
