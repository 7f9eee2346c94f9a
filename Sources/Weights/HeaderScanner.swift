import Basics

/// A reader of just the JSON that a safetensors header may contain: objects, strings, and lists of whole numbers.
///
/// Foundation's parser would keep one of two equal keys and round large numbers; this one refuses both. It never
/// recurses on input, so deep nesting costs nothing, and what it allocates is proportional to what it has read.
struct HeaderScanner {
    private let file: InputFile
    private let text: UnsafeRawBufferPointer
    private var position = 0

    init(_ file: InputFile, _ text: UnsafeRawBufferPointer) {
        self.file = file
        self.text = text
    }

    func malformed(_ message: String) -> FoveaError { file.malformed(message) }

    /// Reads an object, calling `member` after each key and colon to read the value.
    mutating func object(_ label: String, _ member: (inout HeaderScanner, String) throws -> Void) throws {
        var keys: Set<String> = []
        try expect("{", in: label)
        if take("}") { return }
        repeat {
            let key = try string("a key of \(label)")
            guard keys.insert(key).inserted else { throw malformed("\(label) has the key \(quoted(key)) twice") }
            try expect(":", in: label)
            try member(&self, key)
        } while take(",")
        try expect("}", in: label)
    }

    /// Reads a list of whole numbers that are not negative.
    mutating func numbers(_ label: String, atMost limit: Int) throws -> [Int] {
        var numbers: [Int] = []
        try expect("[", in: label)
        if take("]") { return numbers }
        repeat {
            guard numbers.count < limit else { throw malformed("the \(label) has more than \(limit) numbers") }
            numbers.append(try number(label))
        } while take(",")
        try expect("]", in: label)
        return numbers
    }

    /// Reads a string.
    mutating func string(_ label: String) throws -> String {
        try expect("\"", in: label)
        let start = position
        while let byte = peek, byte >= 0x20, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") { position += 1 }
        var content: [UInt8]?
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw malformed("\(label) holds the control character \(byte), unescaped") }
            var soFar = content ?? [UInt8](text[start..<position])
            content = nil  // keeps `soFar` the only owner, so that appending does not copy
            position += 1
            if byte == UInt8(ascii: "\\") {
                do throws(JSONEscape.Fault) {
                    soFar += String(try JSONEscape.read(text, at: &position)).utf8
                } catch { throw malformed("\(label) holds \(error)") }
            } else {
                soFar.append(byte)
            }
            content = soFar
        }
        let end = position
        try expect("\"", in: label)
        let decoded =
            if let content { String(validating: content, as: UTF8.self) } else {
                String(validating: text[start..<end], as: UTF8.self)
            }
        guard let decoded else { throw malformed("\(label) is not valid UTF-8") }
        return decoded
    }

    /// Checks that only white space is left; writers pad the header with spaces.
    mutating func end() throws {
        skipSpace()
        guard position == text.count else {
            throw malformed("the header continues after its closing brace, at byte \(position)")
        }
    }

    private mutating func number(_ label: String) throws -> Int {
        skipSpace()
        let start = position
        while let byte = peek, !",]} \n\r\t".utf8.contains(byte), position - start < 40 { position += 1 }
        let digits = text[start..<position]
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            let found = quoted(String(decoding: digits, as: UTF8.self))
            throw malformed("the \(label) holds \(found), which is not a whole number from 0 on")
        }
        guard digits.count == 1 || digits.first != 0x30 else {
            throw malformed("the \(label) holds a number with a leading zero")
        }
        guard let value = Int(String(decoding: digits, as: UTF8.self)) else {
            throw malformed("the \(label) holds a number above \(Int.max)")
        }
        return value
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        guard peek == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar, in label: String) throws {
        guard !take(character) else { return }
        let found = peek.map { quoted(String(decoding: [$0], as: UTF8.self)) } ?? "the end"
        throw malformed("\(label): expected '\(character)' at byte \(position) of the header, found \(found)")
    }
}
