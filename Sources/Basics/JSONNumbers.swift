import Foundation

/// The numbers in a JSON text that a variable may be unable to hold: those with a fraction, an exponent or many digits.
struct JSONNumbers {
    /// One of them.
    struct Entry {
        /// The key that comes last before it; nil without one.
        var key: String?
        /// What stands there.
        var literal: String
        /// From 1.
        var line: Int
        fileprivate var range: Range<Int>
    }

    let entries: [Entry]
    private let bytes: [UInt8]

    init(_ data: Data) {
        bytes = Array(data)
        var (found, key, line, at) = ([Entry](), String?.none, 1, 0)
        while at < bytes.count {
            let start = at
            if bytes[at] == UInt8(ascii: "\"") {
                at += 1
                while at < bytes.count, bytes[at] != UInt8(ascii: "\"") {
                    at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1
                }
                at = min(at + 1, bytes.count)
                var next = at
                while next < bytes.count, " \t\r\n".utf8.contains(bytes[next]) { next += 1 }
                if next < bytes.count, bytes[next] == UInt8(ascii: ":") {
                    key = String(decoding: bytes[start..<at].dropFirst().dropLast(), as: UTF8.self)
                }
            } else if "+-.0123456789".utf8.contains(bytes[at]) {
                while at < bytes.count, "+-.0123456789eE".utf8.contains(bytes[at]) { at += 1 }
                let literal = String(decoding: bytes[start..<at], as: UTF8.self)
                if literal.count > 15 || literal.contains(where: { ".eE".contains($0) }) {
                    found.append(Entry(key: key, literal: literal, line: line, range: start..<at))
                }
            } else {
                if bytes[at] == UInt8(ascii: "\n") { line += 1 }
                at += 1
            }
        }
        entries = found
    }

    /// The text with 0 for the first `count` entries.
    func replacing(first count: Int) -> Data {
        var (text, done) = ([UInt8](), 0)
        for entry in entries.prefix(count) {
            text += bytes[done..<entry.range.lowerBound] + [UInt8(ascii: "0")]
            done = entry.range.upperBound
        }
        return Data(text + bytes[done...])
    }
}
