/// Zip archives and pickles put together byte by byte, to be wrong in chosen ways.
enum Handmade {
    /// An archive as torch.save lays it out, with a pickle and storages of four bytes each.
    static func archive(_ pickle: [UInt8], storages: [String] = ["0"]) -> [UInt8] {
        zip([("a/data.pkl", pickle)] + storages.map { ("a/data/" + $0, [1, 2, 3, 4]) })
    }

    /// A file as torch.save laid it out before 1.6, with a pickle and storages of four bytes each; every part replaceable.
    static func legacy(
        _ pickle: [UInt8], magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19],
        version: Int = 1001, isLittleEndian: Bool = true, keys: [UInt8]? = nil,
        storages: [UInt8] = le(4, 8) + [1, 2, 3, 4]
    ) -> [UInt8] {
        let machine = [0x7D] + str("little_endian") + [isLittleEndian ? 0x88 : 0x89, 0x73]
        let keys = keys ?? Self.pickle([0x5D, 0x28], str("0"), [0x65])
        return Self.pickle([0x8A, UInt8(magic.count)], magic) + Self.pickle([0x4D], le(version, 2))
            + Self.pickle(machine) + pickle + keys + storages
    }

    /// A stored zip archive.
    static func zip(_ members: [(name: String, bytes: [UInt8])]) -> [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in members {
            let sizes = le(bytes.count, 4) + le(bytes.count, 4)
            let offset = file.count
            file += le(0x0403_4B50, 4) + le(20, 2) + le(0, 12) + sizes + le(name.utf8.count, 2) + le(0, 2)
            file += Array(name.utf8) + bytes
            directory += le(0x0201_4B50, 4) + le(20, 2) + le(20, 2) + le(0, 12) + sizes + le(name.utf8.count, 2)
            directory += le(0, 12) + le(offset, 4) + Array(name.utf8)
        }
        let counts = le(0, 4) + le(members.count, 2) + le(members.count, 2)
        return file + directory + le(0x0605_4B50, 4) + counts + le(directory.count, 4) + le(file.count, 4) + le(0, 2)
    }

    static func le(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
    }

    /// PROTO 2, the body, STOP.
    static func pickle(_ body: [UInt8]...) -> [UInt8] { [0x80, 2] + body.joined() + [0x2E] }

    /// A pickle of {"x": a tensor} over storage "0" of four bytes, each part replaceable.
    static func tensorPickle(
        offset: [UInt8] = int(0), shape: [UInt8] = tuple(int(4)), strides: [UInt8] = tuple(int(1)),
        type: String = "ByteStorage", key: [UInt8] = str("0"), count: [UInt8] = int(4)
    ) -> [UInt8] {
        pickle(state(tensor(offset: offset, shape: shape, strides: strides, type: type, key: key, count: count)))
    }

    static func state(_ value: [UInt8]) -> [UInt8] { [0x7D] + str("x") + value + [0x73] }

    static func tensor(
        offset: [UInt8] = int(0), shape: [UInt8] = tuple(int(4)), strides: [UInt8] = tuple(int(1)),
        type: String = "ByteStorage", key: [UInt8] = str("0"), count: [UInt8] = int(4), more: [UInt8] = []
    ) -> [UInt8] {
        let storage = tuple(str("storage"), global("torch", type), key, str("cpu"), count, more) + [0x51]
        let arguments = tuple(storage, offset, shape, strides, [0x89], [0x4E])
        return global("torch._utils", "_rebuild_tensor_v2") + arguments + [0x52]
    }

    static func int(_ value: Int) -> [UInt8] { [0x8A, 8] + le(value, 8) }
    static func str(_ text: String) -> [UInt8] { [0x58] + le(text.utf8.count, 4) + Array(text.utf8) }
    static func tuple(_ items: [UInt8]...) -> [UInt8] { [0x28] + items.joined() + [0x74] }
    static func global(_ module: String, _ name: String) -> [UInt8] { [0x63] + Array("\(module)\n\(name)\n".utf8) }
}
