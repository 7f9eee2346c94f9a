import Basics
import Foundation
import Testing
import Weights

@Suite struct MalformedSafetensorsTests {
    /// A file that is wrong in one way, and what its message must say.
    struct Row: Sendable, CustomTestStringConvertible {
        let fault: String
        let bytes: [UInt8]
        let message: String
        var testDescription: String { fault }

        init(_ fault: String, header: String, data: Int = 0, _ message: String) {
            self.init(fault, bytes: Self.file(Array(header.utf8), data: data), message)
        }

        init(_ fault: String, bytes: [UInt8], _ message: String) {
            self.fault = fault
            self.bytes = bytes
            self.message = message
        }

        /// A row whose header holds one tensor `x` with the given entry.
        init(_ fault: String, x entry: String, data: Int = 0, _ message: String) {
            self.init(fault, header: #"{"x":{\#(entry)}}"#, data: data, message)
        }

        static func file(_ header: [UInt8], data: Int = 0) -> [UInt8] {
            length(UInt64(header.count)) + header + [UInt8](repeating: 0, count: data)
        }

        static func length(_ value: UInt64) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    }

    static let rows: [Row] = [
        // The frame.
        Row("nothing at all", bytes: [], "is empty"),
        Row("fewer than eight bytes", bytes: [1, 2, 3], "3 bytes are too few"),
        Row("a length alone", bytes: Row.length(2), "ends outside the file of 8"),
        Row("a length beyond the file", bytes: Row.length(1000) + Array("{}".utf8), "1000 bytes ends outside the file"),
        Row(
            "a length above the cap", bytes: Row.length(100_000_001) + Array("{}".utf8), "exceeds the cap of 100000000"),
        Row("the largest length", bytes: Row.length(.max) + Array("{}".utf8), "exceeds the cap"),
        Row("no header", bytes: Row.length(0), "does not begin with '{'"),
        Row("a space before the brace", header: " {}", "does not begin with '{'"),
        Row("a list", header: "[]", "does not begin with '{'"),
        Row("text that is not a weight file", bytes: Array("This is a text file.".utf8), "exceeds the cap"),
        Row("a Git LFS pointer", bytes: Array("version https://git-lfs.github.com/spec/v1\n".utf8), "Git LFS pointer"),
        Row("a web page", bytes: Array("<!DOCTYPE html><html>".utf8), "a web page"),
        Row("an HDF5 file", bytes: [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0], "HDF5"),
        // The JSON.
        Row("an open brace", header: "{", "found the end"),
        Row("a trailing comma", header: "{\"x\":{},}", "x\" has no dtype"),
        Row("a second object", header: "{}{}", "continues after its closing brace"),
        Row("a byte of zero for padding", header: "{}\0", "continues after its closing brace"),
        Row("a key without quotes", header: "{x:1}", "expected '\"'"),
        Row("a key without value", header: "{\"x\"}", "expected ':'"),
        Row("a number for an entry", header: "{\"x\":1}", "expected '{'"),
        Row("null for an entry", header: "{\"x\":null}", "expected '{'"),
        Row("a hundred thousand brackets", header: "{\"x\":" + String(repeating: "[", count: 100_000), "expected '{'"),
        Row(
            "a hundred thousand braces", header: String(repeating: "{\"x\":", count: 100_000),
            "x\" has the unknown key \"x\""),
        Row("brackets in a shape", x: #""dtype":"F32","shape":[[[1]]]"#, "\"[[1\", which is not a whole number"),
        Row("a string without end", header: "{\"x", "expected '\"'"),
        Row("a control character", header: "{\"a\nb\":{}}", "control character 10"),
        Row("an unknown escape", header: #"{"\x":{}}"#, "unknown escape"),
        Row("an escape cut off", header: #"{"\"#, "unknown escape"),
        Row("half an escape", header: #"{"\u12":{}}"#, "four hexadecimal digits"),
        Row("a signed escape", header: #"{"\u+123":{}}"#, "four hexadecimal digits"),
        Row("half a surrogate pair", header: #"{"\ud83d":{}}"#, "half a surrogate pair"),
        Row("a wrong surrogate pair", header: #"{"\ud83d\u0041":{}}"#, "half a surrogate pair"),
        Row("a name that is not UTF-8", bytes: Row.file([0x7B, 0x22, 0xFF, 0xC0, 0x22, 0x3A]), "not valid UTF-8"),
        Row("an overlong UTF-8", bytes: Row.file([0x7B, 0x22, 0xC0, 0x80, 0x22, 0x3A]), "not valid UTF-8"),
        Row(
            "a tensor twice",
            header:
                #"{"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#,
            data: 1, "has the key \"x\" twice"),
        Row("a key twice in an entry", x: #""dtype":"U8","dtype":"I8""#, "has the key \"dtype\" twice"),
        Row(
            "a name twice, once with an escape",
            header: #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{}}"#,
            "has the key \"a\" twice"),
        Row("a long name", header: "{\"" + String(repeating: "n", count: 5000) + "\":{}}", "nnn...\" has no dtype"),
        // The metadata.
        Row("metadata that is a number", header: #"{"__metadata__":1}"#, "expected '{'"),
        Row("metadata with a number", header: #"{"__metadata__":{"epoch":3}}"#, "metadata \"epoch\": expected '\"'"),
        Row("nested metadata", header: #"{"__metadata__":{"a":{}}}"#, "metadata \"a\": expected '\"'"),
        Row("metadata key twice", header: #"{"__metadata__":{"a":"","a":""}}"#, "has the key \"a\" twice"),
        // The entries.
        Row("no dtype", x: #""shape":[1],"data_offsets":[0,4]"#, data: 4, "has no dtype"),
        Row("no shape", x: #""dtype":"F32","data_offsets":[0,4]"#, data: 4, "has no shape"),
        Row("no offsets", x: #""dtype":"F32","shape":[1]"#, data: 4, "needs data_offsets of two numbers"),
        Row("one offset", x: #""dtype":"F32","shape":[1],"data_offsets":[0]"#, data: 4, "needs data_offsets of two"),
        Row("three offsets", x: #""dtype":"F32","shape":[1],"data_offsets":[0,4,8]"#, data: 4, "more than 2 numbers"),
        Row("an unknown key", x: #""dtype":"F32","strides":[1]"#, "unknown key \"strides\""),
        Row("an unknown dtype", x: #""dtype":"F16X","shape":[]"#, "dtype \"F16X\"; allowed: BOOL, U8"),
        Row("a dtype in small letters", x: #""dtype":"f32""#, "dtype \"f32\"; allowed"),
        Row("a dtype that is a number", x: #""dtype":32"#, "expected '\"'"),
        Row("a negative dimension", x: #""dtype":"F32","shape":[-1]"#, "\"-1\", which is not a whole number"),
        Row("a fraction", x: #""dtype":"F32","shape":[1.5]"#, "\"1.5\", which is not a whole number"),
        Row("a whole number with a point", x: #""dtype":"F32","shape":[1.0]"#, "\"1.0\", which is not"),
        Row("an exponent", x: #""dtype":"F32","shape":[1e400]"#, "\"1e400\", which is not a whole number"),
        Row("a plus sign", x: #""dtype":"F32","shape":[+1]"#, "\"+1\", which is not a whole number"),
        Row("a leading zero", x: #""dtype":"F32","shape":[01]"#, "leading zero"),
        Row("NaN", x: #""dtype":"F32","shape":[NaN]"#, "\"NaN\", which is not a whole number"),
        Row("true", x: #""dtype":"F32","shape":[true]"#, "\"true\", which is not a whole number"),
        Row("a string in a shape", x: #""dtype":"F32","shape":["1"]"#, "which is not a whole number"),
        Row("a number above 63 bits", x: #""dtype":"F32","shape":[9223372036854775808]"#, "above 9223372036854775807"),
        Row(
            "a number of a thousand digits", x: #""dtype":"F32","shape":[\#(String(repeating: "9", count: 1000))]"#,
            "above 9223372036854775807"),
        Row("a shape that is a number", x: #""dtype":"F32","shape":4"#, "expected '['"),
        Row("a shape without end", x: #""dtype":"F32","shape":[1"#, "expected ']'"),
        Row("a trailing comma in a shape", x: #""dtype":"F32","shape":[1,]"#, "\"\", which is not a whole number"),
        Row(
            "sixty-five dimensions",
            x: #""dtype":"U8","shape":[\#(Array(repeating: "1", count: 65).joined(separator: ","))]"#, "more than 64"),
        // The arithmetic.
        Row(
            "a shape that overflows", x: #""dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]"#,
            "overflows"),
        Row(
            "a size that overflows", x: #""dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]"#,
            "overflows"),
        Row(
            "a size that wraps to that of the file",
            x: #""dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4]"#, data: 4, "overflows"),
        Row(
            "an end before the beginning", x: #""dtype":"F32","shape":[1],"data_offsets":[4,0]"#, data: 4,
            "ends at byte 0, before it begins at 4"),
        Row(
            "an end outside the file", x: #""dtype":"F32","shape":[2],"data_offsets":[0,8]"#, data: 4,
            "ends at byte 8 of the data, but the file has only 4"),
        Row(
            "the largest end", x: #""dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]"#, data: 4,
            "the file has only 4"),
        Row(
            "a size below the shape's", x: #""dtype":"F32","shape":[2],"data_offsets":[0,4]"#, data: 4,
            "has 4 bytes, but shape [2] of F32 needs 8"),
        Row(
            "a size above the shape's", x: #""dtype":"F32","shape":[],"data_offsets":[0,8]"#, data: 8,
            "has 8 bytes, but shape [] of F32 needs 4"),
        Row("a hole at the start", x: #""dtype":"F32","shape":[1],"data_offsets":[4,8]"#, data: 8, "leaves a hole"),
        Row(
            "a hole in the middle",
            header:
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
            data: 3, "\"b\" begins at byte 2 of the data, not at 1: it leaves a hole"),
        Row(
            "an overlap",
            header:
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
            data: 3, "\"b\" begins at byte 1 of the data, not at 2: it overlaps"),
        Row(
            "the same bytes twice",
            header:
                #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#,
            data: 1, "overlaps another tensor"),
        Row(
            "an empty tensor inside another",
            header:
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}}"#,
            data: 2, "overlaps another tensor"),
        Row(
            "bytes after the last tensor", x: #""dtype":"F32","shape":[1],"data_offsets":[0,4]"#, data: 7,
            "3 bytes after the last tensor belong to none"),
        Row("bytes without any tensor", header: "{}", data: 5, "5 bytes after the last tensor"),
    ]

    @Test(arguments: rows) func isRefusedWithAMessage(_ row: Row) throws {
        let error = #expect(throws: FoveaError.self) { try readAll(row.bytes) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains(row.message) == true, "\(error?.message ?? "")")
        #expect(error?.message.utf8.count ?? 0 < 1000)
        #expect(error?.remedy?.isEmpty == false)
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
        try withTemporaryPath { path in
            let missing = #expect(throws: FoveaError.self) { try WeightFile.open(path) }
            #expect(missing?.message.contains("no such file") == true)
            let folder = #expect(throws: FoveaError.self) {
                try WeightFile.open((path as NSString).deletingLastPathComponent)
            }
            #expect(folder?.message.contains("not a regular file") == true)
            #expect(mkfifo(path, 0o600) == 0)
            let pipe = #expect(throws: FoveaError.self) { try WeightFile.open(path) }
            #expect(pipe?.message.contains("not a regular file") == true)
        }
    }
}
