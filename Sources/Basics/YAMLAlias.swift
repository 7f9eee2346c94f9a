/// A use of an anchor in YAML text, `*name` where there is an `&name`.
///
/// Aliases let a short file stand for a huge one, already while it is composed, so readers refuse them beforehand.
public struct YAMLAlias: Sendable, Equatable {
    /// The name of the anchor.
    public let name: String
    /// The line of the alias, from 1.
    public let line: Int

    /// The first alias of a text; nil when it has none. Takes linear time.
    public init?(firstIn text: String) {
        let bytes = Array(text.utf8)
        func name(after k: Int) -> ArraySlice<UInt8> {
            bytes[(k + 1)...].prefix {
                0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 == 0x5F || $0 == 0x2D
            }
        }
        let anchors = Set(bytes.indices.filter { bytes[$0] == UInt8(ascii: "&") }.map(name(after:)))
        guard !anchors.isEmpty else { return nil }
        var line = 1
        for (k, byte) in bytes.enumerated() {
            if byte == UInt8(ascii: "\n") { line += 1 }
            guard byte == UInt8(ascii: "*") else { continue }
            let alias = name(after: k)
            guard !alias.isEmpty, anchors.contains(alias) else { continue }
            self.name = String(decoding: alias, as: UTF8.self)
            self.line = line
            return
        }
        return nil
    }
}
