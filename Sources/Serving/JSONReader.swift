import Basics
import Foundation

/// A value of a JSON text. Arrays of numbers only, which may have millions, are kept as such, also nested ones.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case numbers([Double])
    /// The numbers of arrays in each other, without how they are nested.
    case nested([Double])
    case array([JSONValue])
    case object([String: JSONValue])

    /// The value of a text, which is all of it.
    ///
    /// - Throws: `ServiceError` that names the byte.
    package init(reading data: Data) throws(ServiceError) { self = try JSONReader.read(data) }
}

/// Reads JSON from strangers: Foundation's reader keeps one of two values with the same key, without a word, and needs
/// many times the memory for a tensor.
private struct JSONReader {
    /// Objects and arrays in each other; the protocol needs no more than an image's dimensions and a few.
    static let depthLimit = 16
    /// Values that are not numbers in arrays: each needs many times its bytes, and the protocol needs some hundreds.
    static let valueLimit = 10_000

    private let bytes: UnsafeBufferPointer<UInt8>
    private var at = 0
    private var values = 0

    fileprivate static func read(_ data: Data) throws(ServiceError) -> JSONValue {
        let result: Result<JSONValue, ServiceError> = data.withUnsafeBytes { raw in
            var reader = JSONReader(bytes: raw.bindMemory(to: UInt8.self))
            do throws(ServiceError) {
                let value = try reader.value(depth: 0)
                reader.skipSpace()
                guard reader.at == reader.bytes.count else { throw reader.fault("something follows the value") }
                return .success(value)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    private func fault(_ what: String) -> ServiceError {
        ServiceError(.malformed, "the body is not the JSON that this protocol allows: byte \(at): \(what)")
    }

    private var next: UInt8? { at < bytes.count ? bytes[at] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 32 || byte == 10 || byte == 13 || byte == 9 { at += 1 }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes[at...].starts(with: expected) else { return false }
        at += expected.count
        return true
    }

    private mutating func value(depth: Int) throws(ServiceError) -> JSONValue {
        skipSpace()
        guard depth <= Self.depthLimit else {
            throw fault("more than \(Self.depthLimit) arrays and objects in each other")
        }
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t") where take("true"): return .bool(true)
        case UInt8(ascii: "f") where take("false"): return .bool(false)
        case UInt8(ascii: "n") where take("null"): return .null
        case nil: throw fault("the text ends where a value is expected")
        case let byte? where byte == UInt8(ascii: "-") || digits.contains(byte): return .number(try number())
        default: throw fault("a value is expected")
        }
    }

    private mutating func count(_ more: Int) throws(ServiceError) {
        values += more
        guard values <= Self.valueLimit else {
            throw fault("more than \(Self.valueLimit) values beside numbers in arrays")
        }
    }

    private mutating func object(depth: Int) throws(ServiceError) -> JSONValue {
        at += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw fault("a key is expected") }
            let start = at
            let key = try string()
            guard members[key] == nil else {
                at = start
                throw fault("this key occurs twice in its object")
            }
            skipSpace()
            guard take(":") else { throw fault("a colon is expected") }
            try count(1)
            members[key] = try value(depth: depth + 1)
            skipSpace()
        } while take(",")
        guard take("}") else { throw fault("a comma or } is expected") }
        return .object(members)
    }

    private mutating func array(depth: Int) throws(ServiceError) -> JSONValue {
        at += 1
        var numbers: [Double] = []
        var isNested = false
        var others: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        repeat {
            switch try value(depth: depth + 1) {
            case .number(let number) where others.isEmpty && !isNested: numbers.append(number)
            case .numbers(let more) where others.isEmpty && isNested == !numbers.isEmpty,
                .nested(let more) where others.isEmpty && isNested == !numbers.isEmpty:
                numbers += more
                isNested = true
            case let other:
                guard !isNested else { throw fault("an array has numbers and other values") }
                try count(1 + numbers.count)
                others += numbers.map(JSONValue.number)
                numbers = []
                others.append(other)
            }
            skipSpace()
        } while take(",")
        guard take("]") else { throw fault("a comma or ] is expected") }
        guard others.isEmpty else { return .array(others) }
        return isNested ? .nested(numbers) : .numbers(numbers)
    }

    private mutating func number() throws(ServiceError) -> Double {
        let start = at
        let isNegative = take("-")
        var whole = 0.0
        guard let first = next, digits.contains(first) else { throw fault("a digit is expected") }
        if take("0") {
            if let byte = next, digits.contains(byte) { throw fault("a number begins with 0") }
        } else {
            while let byte = next, digits.contains(byte) {
                whole = whole * 10 + Double(byte - UInt8(ascii: "0"))
                at += 1
            }
        }
        guard next == UInt8(ascii: ".") || next == UInt8(ascii: "e") || next == UInt8(ascii: "E") || at - start > 15
        else {
            return isNegative ? -whole : whole
        }
        if take(".") { try skipDigits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try skipDigits()
        }
        guard let value = Double(String(decoding: bytes[start..<at], as: UTF8.self)), value.isFinite else {
            at = start
            throw fault("this number is too large")
        }
        return value
    }

    private let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

    private mutating func skipDigits() throws(ServiceError) {
        guard let byte = next, digits.contains(byte) else { throw fault("a digit is expected") }
        while let byte = next, digits.contains(byte) { at += 1 }
    }

    private mutating func string() throws(ServiceError) -> String {
        at += 1
        var text: [UInt8] = []
        while true {
            let start = at
            while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 32 { at += 1 }
            text += bytes[start..<at]
            switch next {
            case UInt8(ascii: "\""):
                at += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw fault("a string is not UTF-8") }
                return string
            case UInt8(ascii: "\\"):
                at += 1
                do throws(JSONEscape.Fault) {
                    text += String(try JSONEscape.read(UnsafeRawBufferPointer(bytes), at: &at)).utf8
                } catch { throw fault("a string has \(error)") }
            case nil: throw fault("the text ends in a string")
            default: throw fault("a string has a control character")
            }
        }
    }
}
