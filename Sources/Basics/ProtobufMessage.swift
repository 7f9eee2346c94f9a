/// The bytes of a protocol buffer, written field by field (protobuf.dev, "Encoding").
///
/// Large fields are not held: they are inserted while the message is written.
public struct ProtobufMessage {
    /// A field whose bytes come when their turn comes.
    private struct Insertion {
        /// How many bytes of `bytes` stand before it.
        var place: Int
        let count: Int
        let write: (_ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    }

    /// What is held: the whole message, where nothing is inserted.
    public private(set) var bytes: [UInt8] = []
    private var insertions: [Insertion] = []

    /// An empty message.
    public init() {}

    /// The length in bytes, insertions included.
    public var count: Int { insertions.reduce(bytes.count) { $0 + $1.count } }

    /// A signed or unsigned integer or an enumeration; negative numbers take ten bytes, as the format says.
    public mutating func integer(_ field: Int, _ value: Int64) {
        key(field, wireType: 0)
        varint(UInt64(bitPattern: value))
    }

    /// A double-precision number.
    public mutating func double(_ field: Int, _ value: Double) {
        key(field, wireType: 1)
        littleEndian(value.bitPattern)
    }

    /// A single-precision number.
    public mutating func float(_ field: Int, _ value: Float) {
        key(field, wireType: 5)
        littleEndian(value.bitPattern)
    }

    /// Bytes.
    public mutating func data(_ field: Int, _ value: some Collection<UInt8>) {
        key(field, wireType: 2)
        varint(UInt64(value.count))
        bytes += value
    }

    /// Bytes that `write` passes to its argument, at once or in consecutive parts, `count` of them.
    public mutating func data(
        _ field: Int, count: Int, _ write: @escaping (_ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) {
        key(field, wireType: 2)
        varint(UInt64(count))
        insertions.append(Insertion(place: bytes.count, count: count, write: write))
    }

    /// Text in UTF-8.
    public mutating func text(_ field: Int, _ value: String) { data(field, value.utf8) }

    /// A message within this one.
    public mutating func message(_ field: Int, _ build: (inout ProtobufMessage) throws -> Void) rethrows {
        var inner = ProtobufMessage()
        try build(&inner)
        key(field, wireType: 2)
        varint(UInt64(inner.count))
        insertions += inner.insertions.map { insertion in
            var insertion = insertion
            insertion.place += bytes.count
            return insertion
        }
        bytes += inner.bytes
    }

    /// Passes the whole message to `sink`, part by part.
    public func write(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        var start = 0
        for insertion in insertions {
            try bytes[start..<insertion.place].withUnsafeBytes(sink)
            try insertion.write(sink)
            start = insertion.place
        }
        try bytes[start...].withUnsafeBytes(sink)
    }

    private mutating func key(_ field: Int, wireType: UInt64) { varint(UInt64(field) << 3 | wireType) }

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func littleEndian(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }
}
