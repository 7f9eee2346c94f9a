import Basics
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct HostileCheckpointTests {
    typealias H = Handmade

    /// A file that is wrong in one way.
    struct Row {
        let fault: String
        let bytes: [UInt8]

        init(_ fault: String, pickle: [UInt8]) { self.init(fault, bytes: H.archive(pickle)) }

        init(_ fault: String, bytes: [UInt8]) { (self.fault, self.bytes) = (fault, bytes) }
    }

    static let big = H.int(.max)

    static let pickles: [Row] = [
        Row("an empty pickle", pickle: []),
        Row("no end", pickle: [0x80, 2, 0x7D]),
        Row("a protocol of the future", pickle: [0x80, 9, 0x7D, 0x2E]),
        Row("an unknown opcode", pickle: H.pickle([0xFF])),
        Row("protocol 0", pickle: Array("(dp0\n.".utf8)),
        Row("an extension code", pickle: H.pickle([0x82, 1])),
        Row("an empty stack", pickle: H.pickle()),
        Row("a pop too many", pickle: H.pickle([0x4E, 0x30, 0x30])),
        Row("a pop below a mark", pickle: H.pickle([0x4E, 0x28, 0x30])),
        Row("no mark", pickle: H.pickle([0x4E, 0x74])),
        Row("a memo never set", pickle: H.pickle([0x68, 7])),
        Row("a string longer than the file", pickle: H.pickle([0x58, 0xFF, 0xFF, 0xFF, 0xFF])),
        Row("a string of 2^63 bytes", pickle: H.pickle([0x8D] + H.le(.min, 8))),
        Row("a long of negative length", pickle: H.pickle([0x8B, 0xFF, 0xFF, 0xFF, 0xFF])),
        Row("bytes beyond the end", pickle: H.pickle([0x8E] + H.le(.max, 8))),
        Row("a class name without end", pickle: H.pickle([0x63, 0x61, 0x61])),
        Row("a key without value", pickle: H.pickle([0x7D, 0x28, 0x4E, 0x75])),
        Row("keys of a number", pickle: H.pickle([0x4B, 1, 0x4E, 0x4E, 0x73])),
        Row("appending to None", pickle: H.pickle([0x4E, 0x4E, 0x61])),
        Row("a call without a tuple", pickle: H.pickle(H.global("os", "system"), [0x4E, 0x52])),
        Row("a foreign reference", pickle: H.pickle([0x4E, 0x29, 0x51])),
        Row("a list", pickle: H.pickle([0x5D])),
        Row(
            "a command", pickle: H.pickle(H.global("os", "system"), H.tuple(H.str("true")), [0x52])),
        Row(
            "a command in the state dict",
            pickle: H.pickle(
                [0x7D, 0x28], H.str("w"), H.tensor(), H.str("x"), H.global("os", "system"), H.tuple(H.str("true")),
                [0x52, 0x75])),
        Row(
            "a class in the state dict",
            pickle: H.pickle([0x7D, 0x28], H.str("w"), H.tensor(), H.str("x"), H.global("os", "x"), [0x75])),
        Row(
            "a number as a key", pickle: H.pickle([0x7D, 0x28], H.int(1), H.tensor(), [0x75])),
        Row(
            "a tensor twice", pickle: H.pickle([0x7D, 0x28], H.str("x"), H.tensor(), H.str("x"), H.tensor(), [0x75])),
        Row(
            "nothing but numbers", pickle: H.pickle(H.state(H.int(1)))),
        Row(
            "a state dict inside itself", pickle: H.pickle([0x7D, 0x71, 0], H.str("model"), [0x68, 0, 0x73])),
        Row(
            "a million nested tuples", pickle: H.pickle([0x4E], Array(repeating: 0x85, count: 1_000_000))),
        Row(
            "a million nested lists",
            pickle: H.pickle(Array(repeating: 0x5D, count: 1_000_000), Array(repeating: 0x61, count: 999_999))),
        Row("five million operations", pickle: H.pickle(Array(repeating: 0x4E, count: 5_000_000))),
        Row(
            "a memo that doubles forty times",
            pickle: H.pickle([0x4E], (0..<40).flatMap { [0x71, UInt8($0), 0x68, UInt8($0), 0x86] })),
    ]

    static let tensors: [Row] = [
        Row("a negative offset", pickle: H.tensorPickle(offset: H.int(-1))),
        Row("an offset beyond the end", pickle: H.tensorPickle(offset: H.int(1))),
        Row("the largest offset", pickle: H.tensorPickle(offset: big)),
        Row("a shape beyond the end", pickle: H.tensorPickle(shape: H.tuple(H.int(5)))),
        Row("a negative shape", pickle: H.tensorPickle(shape: H.tuple(H.int(-4)))),
        Row(
            "a shape that overflows",
            pickle: H.tensorPickle(shape: H.tuple(big, big), strides: H.tuple(H.int(0), H.int(0)))),
        Row(
            "a shape expanded without end",
            pickle: H.tensorPickle(shape: H.tuple(H.int(1 << 40)), strides: H.tuple(H.int(0)))),
        Row(
            "a negative stride", pickle: H.tensorPickle(offset: H.int(3), strides: H.tuple(H.int(-1)))),
        Row("a stride beyond the end", pickle: H.tensorPickle(strides: H.tuple(H.int(2)))),
        Row("the largest stride", pickle: H.tensorPickle(strides: H.tuple(big))),
        Row("too few strides", pickle: H.tensorPickle(strides: H.tuple())),
        Row(
            "sixty-five dimensions",
            pickle: H.tensorPickle(shape: [0x28] + (0..<65).flatMap { _ in H.int(1) } + [0x74])),
        Row("a shape of strings", pickle: H.tensorPickle(shape: H.tuple(H.str("4")))),
        Row(
            "a shape of huge integers", pickle: H.tensorPickle(shape: H.tuple([0x8A, 9] + H.le(1, 9)))),
        Row("an unknown storage", pickle: H.tensorPickle(type: "ComplexFloatStorage")),
        Row(
            "a storage that is not there", pickle: H.tensorPickle(key: H.str("1"))),
        Row("a storage by a path", pickle: H.tensorPickle(key: H.str("../../etc/passwd"))),
        Row("a storage by a number", pickle: H.tensorPickle(key: H.int(0))),
        Row(
            "a storage said to be longer", pickle: H.tensorPickle(count: H.int(5))),
        Row(
            "a storage said to be shorter", pickle: H.tensorPickle(count: H.int(3))),
        Row(
            "a storage of another type", pickle: H.tensorPickle(type: "FloatStorage")),
        Row("a storage that overflows", pickle: H.tensorPickle(type: "LongStorage", count: big)),
        Row("a storage of negative size", pickle: H.tensorPickle(count: H.int(-4))),
    ]

    static let good = H.archive(H.tensorPickle())

    /// `good` with one number of its zip structures replaced, `back` bytes before the end or `at` from the start.
    static func broken(at offset: Int = 0, back: Int? = nil, _ value: Int, _ width: Int) -> [UInt8] {
        var bytes = good
        let start = back.map { bytes.count - $0 } ?? offset
        bytes.replaceSubrange(start..<(start + width), with: H.le(value, width))
        return bytes
    }

    /// Of the last directory entry of `good`, from the end: 22 of the end record, 8 of the name, 46 of the entry.
    static let entry = 22 + 8 + 46

    static let archives: [Row] = [
        Row("cut off", bytes: Array(good.dropLast(1))),
        Row("only the beginning", bytes: Array(good.prefix(40))),
        Row("four bytes", bytes: Array(good.prefix(4))),
        Row("a directory outside", bytes: broken(back: 6, 1 << 30, 4)),
        Row("a directory too long", bytes: broken(back: 10, 1 << 30, 4)),
        Row("a directory elsewhere", bytes: broken(back: 6, 8, 4)),
        Row("an encrypted member", bytes: broken(back: entry - 8, 1, 2)),
        Row("a compressed member", bytes: broken(back: entry - 10, 8, 2)),
        Row("two sizes", bytes: broken(back: entry - 20, 3, 4)),
        Row("a size without its 64-bit form", bytes: broken(back: entry - 24, 0xFFFF_FFFF, 4)),
        Row("a name too long", bytes: broken(back: entry - 28, 0xFFFF, 2)),
        Row("a member elsewhere", bytes: broken(back: entry - 42, 1, 4)),
        Row("a member outside", bytes: broken(back: entry - 42, 0xFFFF_FFF0, 4)),
        Row("a name not UTF-8", bytes: broken(back: 22 + 8, 0xFF, 1)),
        Row("no pickle", bytes: H.zip([("a/x", [])])),
        Row("a pickle at the top", bytes: H.zip([("data.pkl", H.tensorPickle())])),
        Row("two pickles", bytes: H.zip([("a/data.pkl", []), ("b/data.pkl", [])])),
        Row("a member twice", bytes: H.zip([("a/data.pkl", []), ("a/data.pkl", [])])),
        Row(
            "a big-endian machine",
            bytes: H.zip([("a/data.pkl", H.tensorPickle()), ("a/byteorder", Array("big".utf8))])),
    ]

    /// Files of the form before PyTorch 1.6.
    static let legacies: [Row] = [
        Row("another pickle", bytes: H.legacy(H.tensorPickle(), magic: [1, 2, 3])),
        Row("a pickle alone", bytes: H.tensorPickle()),
        Row("a version of the future", bytes: H.legacy(H.tensorPickle(), version: 1002)),
        Row(
            "a big-endian machine of old", bytes: H.legacy(H.tensorPickle(), isLittleEndian: false)),
        Row(
            "a command of old",
            bytes: H.legacy(
                H.pickle(H.global("os", "system"), H.tuple(H.str("true")), [0x52]), keys: H.pickle([0x5D]),
                storages: [])),
        Row(
            "keys that are not a list", bytes: H.legacy(H.tensorPickle(), keys: H.pickle(H.str("0")))),
        Row(
            "keys that are not texts", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D], H.int(0), [0x61]))),
        Row(
            "no keys", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D]), storages: [])),
        Row(
            "a key of no tensor", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D], H.str("1"), [0x61]))),
        Row(
            "a key twice",
            bytes: H.legacy(
                H.tensorPickle(), keys: H.pickle([0x5D, 0x28], H.str("0"), H.str("0"), [0x65]),
                storages: H.le(4, 8) + [1, 2, 3, 4] + H.le(4, 8) + [1, 2, 3, 4])),
        Row("no storages", bytes: H.legacy(H.tensorPickle(), storages: [])),
        Row("half a count", bytes: H.legacy(H.tensorPickle(), storages: [4, 0, 0])),
        Row(
            "storages cut off", bytes: H.legacy(H.tensorPickle(), storages: H.le(4, 8) + [1, 2, 3])),
        Row(
            "a negative count", bytes: H.legacy(H.tensorPickle(), storages: H.le(-4, 8) + [1, 2, 3, 4])),
        Row(
            "a count that overflows",
            bytes: H.legacy(H.tensorPickle(type: "DoubleStorage"), storages: H.le(.max, 8) + [1, 2, 3, 4])),
        Row(
            "a count other than the tensor's", bytes: H.legacy(H.tensorPickle(), storages: H.le(3, 8) + [1, 2, 3])),
        Row(
            "a tensor outside of old", bytes: H.legacy(H.tensorPickle(offset: H.int(1)))),
        Row(
            "a storage of unknown size", bytes: H.legacy(H.tensorPickle(type: "OtherStorage"))),
        Row(
            "a view of another storage",
            bytes: H.legacy(H.pickle(H.state(H.tensor(more: H.tuple(H.str("1"), H.int(0), H.int(4))))))),
        Row("cut after the machine", bytes: Array(H.legacy(H.tensorPickle()).prefix(45))),
    ]

    @Test func eachIsRefusedWithAMessage() throws {
        let rows = Self.pickles + Self.tensors + Self.archives + Self.legacies
        let found = try rows.map { (cause: $0.fault, error: try refusal(of: $0.bytes, $0.fault)) }
        #expect(try MessageSnapshot.differences("checkpoints", found) == [])
    }

    @Test func theHandmadeArchiveItselfIsRead() throws {
        #expect(try readAll(Self.good) == ["x": [1, 2, 3, 4]])
        #expect(try readAll(H.legacy(H.tensorPickle())) == ["x": [1, 2, 3, 4]])
        #expect(try readAll(H.legacy(H.pickle(H.state(H.tensor(more: [0x4E]))))) == ["x": [1, 2, 3, 4]])
        // Complex numbers that are not requested are skipped.
        let beside = H.pickle(
            [0x7D, 0x28], H.str("model"), H.state(H.tensor()), H.str("more"),
            H.tensor(type: "ComplexFloatStorage", key: H.str("1"), count: H.int(4)), [0x75])
        let both = H.legacy(
            beside, keys: H.pickle([0x5D, 0x28], H.str("1"), H.str("0"), [0x65]),
            storages: H.le(4, 8) + H.le(0, 32) + H.le(4, 8) + [1, 2, 3, 4])
        #expect(try readAll(both) == ["x": [1, 2, 3, 4]])
        let anyStride = H.tensorPickle(
            shape: H.tuple(H.int(2), H.int(1), H.int(2)), strides: H.tuple(H.int(1), Self.big, H.int(2)))
        #expect(try readAll(H.archive(anyStride)) == ["x": [1, 3, 2, 4]])
        #expect(try readAll(H.archive(H.tensorPickle(shape: H.tuple(H.int(0))))) == ["x": []])
        func wrapped(_ names: String...) -> [UInt8] {
            names.reversed().reduce(H.state(H.tensor())) { [0x7D] + H.str($1) + $0 + [0x73] }
        }
        for names in [wrapped("model"), wrapped("state_dict", "model"), wrapped("teacher", "state_dict", "net")] {
            #expect(try readAll(H.archive(H.pickle(names))) == ["x": [1, 2, 3, 4]])
        }
        let numbers = H.pickle(H.state([0x7D] + H.str("model") + H.int(-1) + [0x73]), [0x30], H.state(H.tensor()))
        #expect(try readAll(H.archive(numbers)) == ["x": [1, 2, 3, 4]])
    }
}
