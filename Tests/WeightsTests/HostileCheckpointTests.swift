import Basics
import Foundation
import Testing
import Weights

@Suite struct HostileCheckpointTests {
    typealias H = Handmade

    struct Row: Sendable, CustomTestStringConvertible {
        let fault: String
        let bytes: [UInt8]
        let message: String
        var testDescription: String { fault }

        init(_ fault: String, pickle: [UInt8], _ message: String) {
            self.init(fault, bytes: H.archive(pickle), message)
        }

        init(_ fault: String, bytes: [UInt8], _ message: String) {
            self.fault = fault
            self.bytes = bytes
            self.message = message
        }
    }

    static let big = H.int(.max)

    static let pickles: [Row] = [
        Row("an empty pickle", pickle: [], "ends early"),
        Row("no end", pickle: [0x80, 2, 0x7D], "ends early"),
        Row("a protocol of the future", pickle: [0x80, 9, 0x7D, 0x2E], "has protocol 9"),
        Row("an unknown opcode", pickle: H.pickle([0xFF]), "the opcode 0xff at byte 2"),
        Row("protocol 0", pickle: Array("(dp0\n.".utf8), "the opcode 0x64"),
        Row("an extension code", pickle: H.pickle([0x82, 1]), "the opcode 0x82"),
        Row("an empty stack", pickle: H.pickle(), "uses an empty stack"),
        Row("a pop too many", pickle: H.pickle([0x4E, 0x30, 0x30]), "uses an empty stack"),
        Row("a pop below a mark", pickle: H.pickle([0x4E, 0x28, 0x30]), "uses an empty stack"),
        Row("no mark", pickle: H.pickle([0x4E, 0x74]), "a mark that is not there"),
        Row("a memo never set", pickle: H.pickle([0x68, 7]), "recalls memo 7"),
        Row("a string longer than the file", pickle: H.pickle([0x58, 0xFF, 0xFF, 0xFF, 0xFF]), "a wrong length"),
        Row("a string of 2^63 bytes", pickle: H.pickle([0x8D] + H.le(.min, 8)), "a wrong length"),
        Row("a long of negative length", pickle: H.pickle([0x8B, 0xFF, 0xFF, 0xFF, 0xFF]), "a wrong length"),
        Row("bytes beyond the end", pickle: H.pickle([0x8E] + H.le(.max, 8)), "a wrong length"),
        Row("a class name without end", pickle: H.pickle([0x63, 0x61, 0x61]), "names a class without end"),
        Row("a key without value", pickle: H.pickle([0x7D, 0x28, 0x4E, 0x75]), "a key without a value"),
        Row("keys of a number", pickle: H.pickle([0x4B, 1, 0x4E, 0x4E, 0x73]), "sets keys of an int"),
        Row("appending to None", pickle: H.pickle([0x4E, 0x4E, 0x61]), "appends to None"),
        Row("a call without a tuple", pickle: H.pickle(H.global("os", "system"), [0x4E, 0x52]), "calls \"os.system\""),
        Row("a foreign reference", pickle: H.pickle([0x4E, 0x29, 0x51]), "outside itself that is not a storage"),
        Row("a list", pickle: H.pickle([0x5D]), "holds a list, not a state dict"),
        Row(
            "a command", pickle: H.pickle(H.global("os", "system"), H.tuple(H.str("true")), [0x52]), "of \"os.system\""),
        Row(
            "a command in the state dict",
            pickle: H.pickle(
                [0x7D, 0x28], H.str("w"), H.tensor(), H.str("x"), H.global("os", "system"), H.tuple(H.str("true")),
                [0x52, 0x75]),
            "\"x\" in its state dict is an object of \"os.system\", not a tensor"),
        Row(
            "a class in the state dict",
            pickle: H.pickle([0x7D, 0x28], H.str("w"), H.tensor(), H.str("x"), H.global("os", "x"), [0x75]),
            "\"x\" in its state dict is the name \"os.x\""),
        Row(
            "a number as a key", pickle: H.pickle([0x7D, 0x28], H.int(1), H.tensor(), [0x75]), "has an int as a key"),
        Row(
            "a tensor twice", pickle: H.pickle([0x7D, 0x28], H.str("x"), H.tensor(), H.str("x"), H.tensor(), [0x75]),
            "\"x\" occurs twice"),
        Row(
            "nothing but numbers", pickle: H.pickle(H.state(H.int(1))), "has no tensors where its state dict should be"),
        Row(
            "a state dict inside itself", pickle: H.pickle([0x7D, 0x71, 0], H.str("model"), [0x68, 0, 0x73]),
            "has no tensors where its state dict should be; its keys are \"model\""),
        Row(
            "a million nested tuples", pickle: H.pickle([0x4E], Array(repeating: 0x85, count: 1_000_000)),
            "holds a tuple"),
        Row(
            "a million nested lists",
            pickle: H.pickle(Array(repeating: 0x5D, count: 1_000_000), Array(repeating: 0x61, count: 999_999)),
            "holds a list"),
        Row("five million operations", pickle: H.pickle(Array(repeating: 0x4E, count: 5_000_000)), "more than 4000000"),
        Row(
            "a memo that doubles forty times",
            pickle: H.pickle([0x4E], (0..<40).flatMap { [0x71, UInt8($0), 0x68, UInt8($0), 0x86] }), "holds a tuple"),
    ]

    static let tensors: [Row] = [
        Row("a negative offset", pickle: H.tensorPickle(offset: H.int(-1)), "reaches outside its storage of 4"),
        Row("an offset beyond the end", pickle: H.tensorPickle(offset: H.int(1)), "reaches outside its storage of 4"),
        Row("the largest offset", pickle: H.tensorPickle(offset: big), "reaches outside its storage"),
        Row("a shape beyond the end", pickle: H.tensorPickle(shape: H.tuple(H.int(5))), "reaches outside its storage"),
        Row("a negative shape", pickle: H.tensorPickle(shape: H.tuple(H.int(-4))), "negative dimension -4"),
        Row(
            "a shape that overflows",
            pickle: H.tensorPickle(shape: H.tuple(big, big), strides: H.tuple(H.int(0), H.int(0))),
            "overflows"),
        Row(
            "a shape expanded without end",
            pickle: H.tensorPickle(shape: H.tuple(H.int(1 << 40)), strides: H.tuple(H.int(0))),
            "has 1099511627776 elements over a storage of 4"),
        Row(
            "a negative stride", pickle: H.tensorPickle(offset: H.int(3), strides: H.tuple(H.int(-1))),
            "reaches outside"),
        Row("a stride beyond the end", pickle: H.tensorPickle(strides: H.tuple(H.int(2))), "reaches outside"),
        Row("the largest stride", pickle: H.tensorPickle(strides: H.tuple(big)), "reaches outside"),
        Row("too few strides", pickle: H.tensorPickle(strides: H.tuple()), "reaches outside"),
        Row(
            "sixty-five dimensions",
            pickle: H.tensorPickle(shape: [0x28] + (0..<65).flatMap { _ in H.int(1) } + [0x74]), "builds a tensor from"),
        Row("a shape of strings", pickle: H.tensorPickle(shape: H.tuple(H.str("4"))), "builds a tensor from"),
        Row(
            "a shape of huge integers", pickle: H.tensorPickle(shape: H.tuple([0x8A, 9] + H.le(1, 9))),
            "builds a tensor"),
        Row("an unknown storage", pickle: H.tensorPickle(type: "ComplexFloatStorage"), "\"torch.ComplexFloatStorage\""),
        Row(
            "a storage that is not there", pickle: H.tensorPickle(key: H.str("1")),
            "\"a/data/1\", which the file lacks"),
        Row("a storage by a path", pickle: H.tensorPickle(key: H.str("../../etc/passwd")), "which the file lacks"),
        Row("a storage by a number", pickle: H.tensorPickle(key: H.int(0)), "that is not a storage"),
        Row(
            "a storage said to be longer", pickle: H.tensorPickle(count: H.int(5)), "has 4 bytes, not 5 elements of U8"),
        Row(
            "a storage said to be shorter", pickle: H.tensorPickle(count: H.int(3)), "has 4 bytes, not 3 elements of U8"
        ),
        Row(
            "a storage of another type", pickle: H.tensorPickle(type: "FloatStorage"),
            "has 4 bytes, not 4 elements of F32"),
        Row("a storage that overflows", pickle: H.tensorPickle(type: "LongStorage", count: big), "elements of I64"),
        Row("a storage of negative size", pickle: H.tensorPickle(count: H.int(-4)), "has 4 bytes, not -4 elements"),
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
        Row("cut off", bytes: Array(good.dropLast(1)), "no end record; the file may be cut off"),
        Row("only the beginning", bytes: Array(good.prefix(40)), "no end record"),
        Row("four bytes", bytes: Array(good.prefix(4)), "no end record"),
        Row("a directory outside", bytes: broken(back: 6, 1 << 30, 4), "directory lies outside the file"),
        Row("a directory too long", bytes: broken(back: 10, 1 << 30, 4), "directory lies outside the file"),
        Row("a directory elsewhere", bytes: broken(back: 6, 8, 4), "directory is broken at byte 8"),
        Row("an encrypted member", bytes: broken(back: entry - 8, 1, 2), "\"a/data/0\" is encrypted"),
        Row("a compressed member", bytes: broken(back: entry - 10, 8, 2), "is compressed (method 8)"),
        Row("two sizes", bytes: broken(back: entry - 20, 3, 4), "its sizes are 3 and 4"),
        Row("a size without its 64-bit form", bytes: broken(back: entry - 24, 0xFFFF_FFFF, 4), "lies outside the file"),
        Row("a name too long", bytes: broken(back: entry - 28, 0xFFFF, 2), "directory is broken"),
        Row("a member elsewhere", bytes: broken(back: entry - 42, 1, 4), "no local header at byte 1"),
        Row("a member outside", bytes: broken(back: entry - 42, 0xFFFF_FFF0, 4), "no local header at byte 4294967280"),
        Row("a name not UTF-8", bytes: broken(back: 22 + 8, 0xFF, 1), "a name that is not UTF-8"),
        Row("no pickle", bytes: H.zip([("a/x", [])]), "0 members NAME/data.pkl"),
        Row("a pickle at the top", bytes: H.zip([("data.pkl", H.tensorPickle())]), "0 members NAME/data.pkl"),
        Row("two pickles", bytes: H.zip([("a/data.pkl", []), ("b/data.pkl", [])]), "2 members NAME/data.pkl"),
        Row("a member twice", bytes: H.zip([("a/data.pkl", []), ("a/data.pkl", [])]), "\"a/data.pkl\" occurs twice"),
        Row(
            "a big-endian machine",
            bytes: H.zip([("a/data.pkl", H.tensorPickle()), ("a/byteorder", Array("big".utf8))]),
            "big-endian"),
    ]

    /// Files of the form before PyTorch 1.6.
    static let legacies: [Row] = [
        Row("another pickle", bytes: H.legacy(H.tensorPickle(), magic: [1, 2, 3]), "not one that torch.save wrote"),
        Row("a pickle alone", bytes: H.tensorPickle(), "not one that torch.save wrote"),
        Row("a version of the future", bytes: H.legacy(H.tensorPickle(), version: 1002), "is an int, not 1001"),
        Row(
            "a big-endian machine of old", bytes: H.legacy(H.tensorPickle(), isLittleEndian: false), "big-endian"),
        Row(
            "a command of old",
            bytes: H.legacy(
                H.pickle(H.global("os", "system"), H.tuple(H.str("true")), [0x52]), keys: H.pickle([0x5D]),
                storages: []),
            "of \"os.system\", not a state dict"),
        Row(
            "keys that are not a list", bytes: H.legacy(H.tensorPickle(), keys: H.pickle(H.str("0"))),
            "is a str where a list"),
        Row(
            "keys that are not texts", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D], H.int(0), [0x61])),
            "has an int in a list of names"),
        Row(
            "no keys", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D]), storages: []),
            "refers to storage \"0\", which the file lacks"),
        Row(
            "a key of no tensor", bytes: H.legacy(H.tensorPickle(), keys: H.pickle([0x5D], H.str("1"), [0x61])),
            "storage \"1\" belongs to no tensor"),
        Row(
            "a key twice",
            bytes: H.legacy(
                H.tensorPickle(), keys: H.pickle([0x5D, 0x28], H.str("0"), H.str("0"), [0x65]),
                storages: H.le(4, 8) + [1, 2, 3, 4] + H.le(4, 8) + [1, 2, 3, 4]), "storage \"0\" occurs twice"),
        Row("no storages", bytes: H.legacy(H.tensorPickle(), storages: []), "the file ends before storage \"0\""),
        Row("half a count", bytes: H.legacy(H.tensorPickle(), storages: [4, 0, 0]), "the file ends before storage"),
        Row(
            "storages cut off", bytes: H.legacy(H.tensorPickle(), storages: H.le(4, 8) + [1, 2, 3]),
            "4 elements of 1 bytes; the file has 3 bytes left"),
        Row(
            "a negative count", bytes: H.legacy(H.tensorPickle(), storages: H.le(-4, 8) + [1, 2, 3, 4]),
            "is said to have -4 elements"),
        Row(
            "a count that overflows",
            bytes: H.legacy(H.tensorPickle(type: "DoubleStorage"), storages: H.le(.max, 8) + [1, 2, 3, 4]),
            "is said to have 9223372036854775807 elements"),
        Row(
            "a count other than the tensor's", bytes: H.legacy(H.tensorPickle(), storages: H.le(3, 8) + [1, 2, 3]),
            "has 3 bytes, not 4 elements of U8"),
        Row(
            "a tensor outside of old", bytes: H.legacy(H.tensorPickle(offset: H.int(1))),
            "reaches outside its storage of 4"),
        Row(
            "a storage of unknown size", bytes: H.legacy(H.tensorPickle(type: "OtherStorage")),
            "is a \"torch.OtherStorage\", which is not read"),
        Row(
            "a view of another storage",
            bytes: H.legacy(H.pickle(H.state(H.tensor(more: H.tuple(H.str("1"), H.int(0), H.int(4)))))),
            "outside itself that is not a storage"),
        Row("cut after the machine", bytes: Array(H.legacy(H.tensorPickle()).prefix(45)), "ends early"),
    ]

    @Test(arguments: pickles + tensors + archives + legacies) func isRefusedWithAMessage(_ row: Row) throws {
        let error = #expect(throws: FoveaError.self) { try readAll(row.bytes) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains(row.message) == true, "\(error?.message ?? "")")
        #expect(error?.message.utf8.count ?? 0 < 1000)
        #expect(error?.remedy?.isEmpty == false)
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
