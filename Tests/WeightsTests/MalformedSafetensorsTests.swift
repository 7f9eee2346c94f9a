import Basics
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct MalformedSafetensorsTests {
    /// A file that is wrong in one way.
    struct Row {
        let fault: String
        let bytes: [UInt8]

        init(_ fault: String, header: String, data: Int = 0) {
            self.init(fault, bytes: Self.file(Array(header.utf8), data: data))
        }

        init(_ fault: String, bytes: [UInt8]) {
            self.fault = fault
            self.bytes = bytes
        }

        /// A row whose header holds one tensor `x` with the given entry.
        init(_ fault: String, x entry: String, data: Int = 0) {
            self.init(fault, header: #"{"x":{\#(entry)}}"#, data: data)
        }

        static func file(_ header: [UInt8], data: Int = 0) -> [UInt8] {
            length(UInt64(header.count)) + header + [UInt8](repeating: 0, count: data)
        }

        static func length(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    static let rows: [Row] = [
        // The frame.
        Row("nothing at all", bytes: []),
        Row("fewer than eight bytes", bytes: [1, 2, 3]),
        Row("a length alone", bytes: Row.length(2)),
        Row("a length beyond the file", bytes: Row.length(1000) + Array("{}".utf8)),
        Row(
            "a length above the cap", bytes: Row.length(100_000_001) + Array("{}".utf8)),
        Row("the largest length", bytes: Row.length(.max) + Array("{}".utf8)),
        Row("no header", bytes: Row.length(0)),
        Row("a space before the brace", header: " {}"),
        Row("a list", header: "[]"),
        Row("text that is not a weight file", bytes: Array("This is a text file.".utf8)),
        Row("a Git LFS pointer", bytes: Array("version https://git-lfs.github.com/spec/v1\n".utf8)),
        Row("a web page", bytes: Array("<!DOCTYPE html><html>".utf8)),
        Row("an HDF5 file", bytes: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0]),
        // The JSON.
        Row("an open brace", header: "{"),
        Row("a trailing comma", header: "{\"x\":{},}"),
        Row("a second object", header: "{}{}"),
        Row("a byte of zero for padding", header: "{}\0"),
        Row("a key without quotes", header: "{x:1}"),
        Row("a key without value", header: "{\"x\"}"),
        Row("a number for an entry", header: "{\"x\":1}"),
        Row("null for an entry", header: "{\"x\":null}"),
        Row("a hundred thousand brackets", header: "{\"x\":" + String(repeating: "[", count: 100_000)),
        Row(
            "a hundred thousand braces", header: String(repeating: "{\"x\":", count: 100_000)),
        Row("brackets in a shape", x: #""dtype":"F32","shape":[[[1]]]"#),
        Row("a string without end", header: "{\"x"),
        Row("a control character", header: "{\"a\nb\":{}}"),
        Row("an unknown escape", header: #"{"\x":{}}"#),
        Row("an escape cut off", header: #"{"\"#),
        Row("half an escape", header: #"{"\u12":{}}"#),
        Row("a signed escape", header: #"{"\u+123":{}}"#),
        Row("half a surrogate pair", header: #"{"\ud83d":{}}"#),
        Row("a wrong surrogate pair", header: #"{"\ud83d\u0041":{}}"#),
        Row("a name that is not UTF-8", bytes: Row.file([0x7B, 0x22, 0xFF, 0xC0, 0x22, 0x3A])),
        Row("an overlong UTF-8", bytes: Row.file([0x7B, 0x22, 0xC0, 0x80, 0x22, 0x3A])),
        Row(
            "a tensor twice",
            header:
                #"{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#,
            data: 1),
        Row("a key twice in an entry", x: #""dtype":"U8","dtype":"I8""#),
        Row(
            "a name twice, once with an escape",
            header: #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{}}"#),
        Row("a long name", header: "{\"" + String(repeating: "n", count: 5000) + "\":{}}"),
        // The metadata.
        Row("metadata that is a number", header: #"{"__metadata__":1}"#),
        Row("metadata with a number", header: #"{"__metadata__":{"epoch":3}}"#),
        Row("nested metadata", header: #"{"__metadata__":{"a":{}}}"#),
        Row("metadata key twice", header: #"{"__metadata__":{"a":"","a":""}}"#),
        // The entries.
        Row("no dtype", x: #""shape":[1],"data_offsets":[0,4]"#, data: 4),
        Row("no shape", x: #""dtype":"F32","data_offsets":[0,4]"#, data: 4),
        Row("no offsets", x: #""dtype":"F32","shape":[1]"#, data: 4),
        Row("one offset", x: #""dtype":"F32","shape":[1],"data_offsets":[0]"#, data: 4),
        Row("three offsets", x: #""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#, data: 4),
        Row("an unknown key", x: #""dtype":"F32","strides":[1]"#),
        Row("an unknown dtype", x: #""dtype":"F16X","shape":[]"#),
        Row("a dtype in small letters", x: #""dtype":"f32""#),
        Row("a dtype that is a number", x: #""dtype":32"#),
        Row("a negative dimension", x: #""dtype":"F32","shape":[-1]"#),
        Row("a fraction", x: #""dtype":"F32","shape":[1.5]"#),
        Row("a whole number with a point", x: #""dtype":"F32","shape":[1.0]"#),
        Row("an exponent", x: #""dtype":"F32","shape":[1e400]"#),
        Row("a plus sign", x: #""dtype":"F32","shape":[+1]"#),
        Row("a leading zero", x: #""dtype":"F32","shape":[01]"#),
        Row("NaN", x: #""dtype":"F32","shape":[NaN]"#),
        Row("true", x: #""dtype":"F32","shape":[true]"#),
        Row("a string in a shape", x: #""dtype":"F32","shape":["1"]"#),
        Row("a number above 63 bits", x: #""dtype":"F32","shape":[9223372036854775808]"#),
        Row(
            "a number of a thousand digits", x: #""dtype":"F32","shape":[\#(String(repeating: "9", count: 1000))]"#),
        Row("a shape that is a number", x: #""dtype":"F32","shape":4"#),
        Row("a shape without end", x: #""dtype":"F32","shape":[1"#),
        Row("a trailing comma in a shape", x: #""dtype":"F32","shape":[1,]"#),
        Row(
            "sixty-five dimensions",
            x: #""dtype":"U8","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))]"#),
        // The arithmetic.
        Row(
            "a shape that overflows", x: #""dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]"#),
        Row(
            "a size that overflows", x: #""dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]"#),
        Row(
            "a size that wraps to that of the file",
            x: #""dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]"#, data: 4),
        Row(
            "an end before the beginning", x: #""dtype":"F32","shape":[1],"data_offsets":[4,0]"#, data: 4),
        Row(
            "an end outside the file", x: #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#, data: 4),
        Row(
            "the largest end", x: #""dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]"#, data: 4),
        Row(
            "a size below the shape's", x: #""dtype":"F32","shape":[2],"data_offsets":[0,4]"#, data: 4),
        Row(
            "a size above the shape's", x: #""dtype":"F32","shape":[],"data_offsets":[0,8]"#, data: 8),
        Row("a hole at the start", x: #""dtype":"F32","shape":[1],"data_offsets":[4,8]"#, data: 8),
        Row(
            "a hole in the middle",
            header:
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
            data: 3),
        Row(
            "an overlap",
            header:
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            data: 3),
        Row(
            "the same bytes twice",
            header:
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            data: 1),
        Row(
            "an empty tensor inside another",
            header:
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#,
            data: 2),
        Row(
            "bytes after the last tensor", x: #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#, data: 7),
        Row("bytes without any tensor", header: "{}", data: 5),
    ]

    @Test func eachIsRefusedWithAMessage() throws {
        let found = try Self.rows.map { (cause: $0.fault, error: try refusal(of: $0.bytes, $0.fault)) }
        #expect(try MessageSnapshot.differences("safetensors", found) == [])
    }

    @Test func theOddButRightIsRead() throws {
        #expect(try readAll(Row.file(Array("{}".utf8))).isEmpty)
        #expect(try readAll(Row.file(Array("{ \"__metadata__\" : { } } \n".utf8))).isEmpty)
        let spaced =
            "{ \"x\" :\t{ \"data_offsets\" : [ 1 , 3 ] , \"shape\" : [ 2 ] ,\r\n \"dtype\" : \"U8\" } , "
            + #""\ud83d\udc41\/":{"dtype":"I8","shape":[],"data_offsets":[0,1]},"e":{"dtype":"F64","shape":[3,0],"data_offsets":[3,3]}}"#
        #expect(try readAll(Row.file(Array(spaced.utf8)) + [7, 8, 9]) == ["👁/": [7], "x": [8, 9], "e": []])
    }

    @Test func whatIsNotAFileIsRefused() throws {
        let found = try withTemporaryPath { path in
            let folder = (path as NSString).deletingLastPathComponent
            func refusal(of path: String) -> FoveaError? {
                var error = foveaError { _ = try WeightFile.open(path) }
                error?.message.replace(folder, with: "FOLDER")
                return error
            }
            let found = [(cause: "nothing", error: refusal(of: path)), (cause: "a folder", error: refusal(of: folder))]
            #expect(mkfifo(path, 0o600) == 0)
            return found + [(cause: "a pipe", error: refusal(of: path))]
        }
        #expect(try MessageSnapshot.differences("not-files", found) == [])
    }
}
