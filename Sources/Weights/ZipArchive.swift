import Basics

/// The table of contents of a zip archive whose members are stored without compression, as `torch.save` writes them.
///
/// APPNOTE.TXT 6.3 (PKWARE), sections 4.3.7 to 4.3.16. Checksums are not compared: PyTorch may leave them out.
struct ZipArchive {
    /// Offset and size of each member's bytes in the file, all of them inside.
    let members: [String: Range<Int>]

    private static let end: UInt32 = 0x0605_4B50
    private static let locator64: UInt32 = 0x0706_4B50
    private static let end64: UInt32 = 0x0606_4B50
    private static let entry: UInt32 = 0x0201_4B50
    private static let local: UInt32 = 0x0403_4B50

    /// The biggest directory that is read: about a million members.
    private static let maximumDirectoryBytes = 64 << 20

    init(_ file: InputFile) throws {
        let range = try Self.directory(of: file)
        guard range.count <= Self.maximumDirectoryBytes else {
            throw file.malformed(
                "the zip directory has \(range.count) bytes; at most \(Self.maximumDirectoryBytes) are read")
        }
        let bytes = FileBlock(start: range.lowerBound, bytes: try file.bytes(range))
        var members: [String: Range<Int>] = [:]
        var position = range.lowerBound
        while position < range.upperBound {
            guard bytes.number(UInt32.self, at: position) == Self.entry,
                let flags = bytes.number(UInt16.self, at: position + 8),
                let method = bytes.number(UInt16.self, at: position + 10),
                let nameLength = bytes.number(UInt16.self, at: position + 28),
                let extraLength = bytes.number(UInt16.self, at: position + 30),
                let commentLength = bytes.number(UInt16.self, at: position + 32),
                let rawName = bytes.slice(at: position + 46, count: Int(nameLength)),
                let extra = bytes.slice(at: position + 46 + Int(nameLength), count: Int(extraLength))
            else { throw file.malformed("the zip directory is broken at byte \(position)") }
            guard let name = String(validating: rawName, as: UTF8.self) else {
                throw file.malformed("the zip directory has a name that is not UTF-8, at byte \(position)")
            }
            let label = "zip member \(quoted(name))"
            guard flags & 1 == 0 else { throw file.malformed("\(label) is encrypted") }
            guard method == 0 else {
                throw file.malformed(
                    "\(label) is compressed (method \(method)); torch.save writes members uncompressed",
                    remedy: PyTorchCheckpoint.saveAgain)
            }
            let (size, offset) = try Self.sizeAndOffset(at: position, extra, bytes, file, label)
            guard let header = try file.block(at: offset, count: 30),
                header.number(UInt32.self, at: offset) == Self.local,
                let localName = header.number(UInt16.self, at: offset + 26),
                let localExtra = header.number(UInt16.self, at: offset + 28)
            else { throw file.malformed("\(label) has no local header at byte \(offset)") }
            let start = offset + 30 + Int(localName) + Int(localExtra)
            guard start <= file.count, size <= file.count - start else {
                throw file.malformed("\(label) has \(size) bytes from \(start) on; the file ends at \(file.count)")
            }
            guard members.updateValue(start..<(start + size), forKey: name) == nil else {
                throw file.malformed("\(label) occurs twice")
            }
            position += 46 + Int(nameLength) + Int(extraLength) + Int(commentLength)
        }
        self.members = members
    }

    /// Finds the central directory through the record at the end of the file, in its 64-bit form where there is one.
    private static func directory(of file: InputFile) throws -> Range<Int> {
        // The locator of the 64-bit form lies just before.
        let lowest = max(0, file.count - 22 - Int(UInt16.max))
        let first = max(0, lowest - 20)
        let bytes = FileBlock(start: first, bytes: try file.bytes(first..<file.count))
        guard
            let record = stride(from: file.count - 22, through: lowest, by: -1).first(where: { offset in
                bytes.number(UInt32.self, at: offset) == end
                    && bytes.number(UInt16.self, at: offset + 20).map { offset + 22 + Int($0) } == file.count
            })
        else { throw file.malformed("the zip archive has no end record; the file may be cut off") }
        var size = bytes.number(UInt32.self, at: record + 12).map(UInt64.init)
        var offset = bytes.number(UInt32.self, at: record + 16).map(UInt64.init)
        if bytes.number(UInt32.self, at: record - 20) == locator64 {
            let record64 = bytes.number(UInt64.self, at: record - 12).flatMap(Int.init(exactly:)) ?? file.count
            guard let block = try file.block(at: record64, count: 56), block.number(UInt32.self, at: record64) == end64
            else {
                throw file.malformed("the 64-bit end record of the zip archive is not at byte \(record64)")
            }
            size = block.number(UInt64.self, at: record64 + 40)
            offset = block.number(UInt64.self, at: record64 + 48)
        }
        guard let start = offset.flatMap(Int.init(exactly:)), let count = size.flatMap(Int.init(exactly:)),
            start <= file.count, count <= file.count - start
        else { throw file.malformed("the zip directory lies outside the file") }
        return start..<(start + count)
    }

    /// Size and offset of a directory entry; a field of all ones is in the extra field 1, in a fixed order.
    private static func sizeAndOffset(
        at position: Int, _ extra: ArraySlice<UInt8>, _ directory: FileBlock, _ file: InputFile, _ label: String
    ) throws -> (size: Int, offset: Int) {
        let fields = FileBlock(start: 0, bytes: Array(extra))
        var wide: FileBlock?
        var next = 0
        while wide == nil, let kind = fields.number(UInt16.self, at: next),
            let length = fields.number(UInt16.self, at: next + 2)
        {
            if kind == 1 {
                wide = fields.slice(at: next + 4, count: Int(length)).map { FileBlock(start: 0, bytes: Array($0)) }
            }
            next += 4 + Int(length)
        }
        var used = 0
        func field(_ fieldOffset: Int) throws -> Int {
            if let short = directory.number(UInt32.self, at: position + fieldOffset), short != .max {
                return Int(short)
            }
            guard let value = wide?.number(UInt64.self, at: used).flatMap(Int.init(exactly:)), value <= file.count
            else { throw file.malformed("\(label) lies outside the file") }
            used += 8
            return value
        }
        let size = try field(24)
        let stored = try field(20)
        guard size == stored else {
            throw file.malformed("\(label) is said to be stored, but its sizes are \(stored) and \(size)")
        }
        return (size, try field(42))
    }
}
