import Foundation
import Serving
import Testing

/// Reading JSON from strangers, through the request that needs it.
struct JSONReaderTests {
    @Test func valuesAreRead() throws {
        let text = #" { "a" : [ 1 , -2.5e1 , 0 ], "b": [1, "x"], "c": {"d": null}, "e": [true, false], "f": [] } "#
        #expect(
            try JSONValue(reading: Data(text.utf8))
                == .object([
                    "a": .numbers([1, -25, 0]), "b": .array([.number(1), .string("x")]),
                    "c": .object(["d": .null]), "e": .array([.bool(true), .bool(false)]), "f": .array([]),
                ]))
    }

    @Test func stringsAreUnescaped() throws {
        let text = #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#
        #expect(try JSONValue(reading: Data(text.utf8)) == .string("\"\\/\u{8}\u{C}\n\r\té😀é"))
    }

    /// The same numbers as Foundation's reader, to the bit.
    @Test(arguments: [
        "0", "-0", "123456789012345", "1234567890123456789", "0.1", "1e-7", "1.7976931348623157e308", "5e-324",
        "-12.50",
        "1E5", "9007199254740993",
    ])
    func numbersAreExact(_ text: String) throws {
        let expected = try #require(Double(text))
        #expect(try JSONValue(reading: Data(text.utf8)) == .number(expected))
    }

    @Test(arguments: [
        "", "{", "[1,", "[1 2]", #"{"a" 1}"#, #"{"a":1,}"#, "[1,]", "01", "-", "1.", ".5", "1e", "+1", "nan",
        "Infinity",
        "1e400", "tru", #""a"#, "\"a\u{1}\"", #""\x""#, #""\u12g4""#, #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#,
        "{} x",
        #"{"a":1,"a":2}"#, #"{"a":1,"\u0061":2}"#, "'a'", "// x", #"{a:1}"#,
    ])
    func whatIsNotJSONIsRefused(_ text: String) {
        #expect(throws: ServiceError.self) { try JSONValue(reading: Data(text.utf8)) }
    }

    @Test func textThatIsNotUTF8IsRefused() {
        #expect(throws: ServiceError.self) { try JSONValue(reading: Data([34, 0xFF, 34])) }
        #expect(throws: ServiceError.self) { try JSONValue(reading: Data([34, 0xC0, 0x80, 34])) }
    }

    @Test func depthIsLimited() throws {
        func nested(_ depth: Int) -> Data {
            Data((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
        }
        #expect(throws: Never.self) { try JSONValue(reading: nested(17)) }
        let error = #expect(throws: ServiceError.self) { try JSONValue(reading: nested(18)) }
        #expect(error?.reason == .malformed)
        // A reader that calls itself for each would overflow the stack here.
        #expect(throws: ServiceError.self) { try JSONValue(reading: nested(10_000_000)) }
    }

    /// Each such value needs many times its bytes; numbers in arrays do not.
    @Test func valuesThatAreNotNumbersAreLimited() throws {
        for one in ["{}", "[]", "\"\"", "null", "[0]", "{\"a\":0}"] {
            let text = "[" + Array(repeating: one, count: 20_000).joined(separator: ",") + ",{}]"
            #expect(throws: ServiceError.self, "\(one)") { try JSONValue(reading: Data(text.utf8)) }
        }
        let rows = "[" + Array(repeating: "[1,2,3]", count: 20_000).joined(separator: ",") + "]"
        #expect(
            try JSONValue(reading: Data(rows.utf8))
                == .nested(Array(repeating: [1, 2, 3], count: 20_000).flatMap(\.self)))
    }

    @Test func theByteIsNamed() {
        let error = #expect(throws: ServiceError.self) { try JSONValue(reading: Data(#"{"a":1, "a":2}"#.utf8)) }
        #expect(
            error?.message
                == "the body is not the JSON that this protocol allows: byte 8: this key occurs twice in its object")
    }
}
