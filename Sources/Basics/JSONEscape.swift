/// What follows a backslash in a JSON string (RFC 8259, section 7).
package enum JSONEscape {
    /// Why it stands for nothing.
    package enum Fault: String, Error, CustomStringConvertible {
        case unknown = "an unknown escape after a backslash"
        case digits = "\\u without four hexadecimal digits"
        case half = "half a surrogate pair"

        /// In words that follow "holds" or "has".
        package var description: String { rawValue }
    }

    /// The character that an escape stands for.
    ///
    /// - Parameter place: where the byte after the backslash is; then that after the escape.
    package static func read(
        _ text: UnsafeRawBufferPointer, at place: inout Int
    ) throws(Fault) -> Unicode.Scalar {
        let byte = place < text.count ? text[place] : 0
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var code = try hexadecimal(text, at: &place)
            if 0xD800..<0xDC00 ~= code {
                guard text.dropFirst(place).starts(with: "\\u".utf8) else { throw .half }
                place += 2
                let low = try hexadecimal(text, at: &place)
                guard 0xDC00..<0xE000 ~= low else { throw .half }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw .half }
            return scalar
        default: throw .unknown
        }
    }

    private static func hexadecimal(_ text: UnsafeRawBufferPointer, at place: inout Int) throws(Fault) -> UInt32 {
        let digits = text.dropFirst(place).prefix(4)
        guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw .digits }
        place += 4
        return code
    }
}
