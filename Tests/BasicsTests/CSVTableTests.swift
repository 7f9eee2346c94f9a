import Basics
import Foundation
import Testing

@Suite struct CSVTableTests {
    private func table(_ text: String) throws -> CSVTable {
        try CSVTable(parsing: Array(text.utf8), path: "t.csv")
    }

    private func refusal(_ bytes: [UInt8]) -> String {
        do {
            _ = try CSVTable(parsing: bytes, path: "t.csv")
            return "read without an error"
        } catch {
            return "\(error)"
        }
    }

    @Test func readsPlainCells() throws {
        let table = try table("image,DR\na.jpg,1\nb.jpg,\n")
        #expect(table.header == ["image", "DR"])
        #expect(table.rowCount == 2)
        #expect(table[0, 0] == "a.jpg" && table[0, 1] == "1" && table[1, 0] == "b.jpg" && table[1, 1] == "")
        #expect(table.lines == [2, 3])
        #expect(table.column("DR") == 1 && table.column("dr") == nil)
        #expect(table.place(row: 1, column: 1).description == "t.csv:3, column \"DR\"")
    }

    @Test func readsMarksQuotesAndEitherLineEnd() throws {
        let table = try table(
            "\u{FEFF}\"a, b\" , c\r\n".replacingOccurrences(of: "\" ,", with: "\",") + "\"x\"\"y\",\"1\n2\"\r\n,z")
        #expect(table.header == ["a, b", "c"])
        #expect(table[0, 0] == "x\"y" && table[0, 1] == "1\n2")
        #expect(table[1, 0] == "" && table[1, 1] == "z")
        // The quoted line end makes the next row begin on line 4.
        #expect(table.lines == [2, 4])
    }

    @Test func keepsSpacesInCellsAndNonASCII() throws {
        let table = try table("image,name\n é ,œdème\n")
        #expect(table[0, 0] == " é " && table[0, 1] == "œdème")
    }

    @Test func acceptsBlankLinesAtTheEndOnly() throws {
        #expect(try table("a,b\n1,2\n\n\r\n").rowCount == 1)
        #expect(try table("a,b\n").rowCount == 0)
        #expect(refusal(Array("a,b\n1,2\n\n3,4\n".utf8)).contains("t.csv: line 3 is blank"))
    }

    @Test(arguments: [
        ("", "t.csv is empty"), ("\u{FEFF}", "t.csv is empty"), ("\n\n", "t.csv is empty"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 cells, but the header has 2 columns"),
        ("a,b\n\"1\n1\",2\n1\n", "line 4 has 1 cell, but the header has 2 columns"),
        ("a,b,a\n", "line 1 names two columns \"a\" (1 and 3)"), ("a, a\n", "names two columns"),
        ("a,,b\n", "line 1 gives no name for column 2"),
        ("a,b\n1,\"2\n", "line 2 opens a quote that is never closed"),
        ("a,b\n1,2\"\n", "line 2 has a quote inside an unquoted cell"),
        ("a,b\n\"1\"x,2\n", "line 2 has text after a closing quote"),
        ("a,b\r1,2\r", "line 1 holds a carriage return without a line feed"),
        ("a,b\n1,2\n3,\u{0}\n", "line 3 holds a NUL byte"), ("a;b\n1;2\n", "separated by semicolons"),
        ("a\tb\n", "separated by tabs"),
    ])
    func refusesWithTheLine(text: String, expected: String) {
        #expect(refusal(Array(text.utf8)).contains(expected))
    }

    @Test func refusesOtherEncodings() {
        #expect(refusal(Array("a,b\n1,".utf8) + [0xE9, 0x0A]).contains("line 2 is not valid UTF-8"))
        #expect(refusal([0xFF, 0xFE, 0x61, 0x00]).contains("UTF-16"))
    }

    @Test func namesAFileThatCannotBeRead() throws {
        #expect { try CSVTable(path: "/nowhere/t.csv") } throws: { "\($0)".contains("cannot open /nowhere/t.csv") }
        #expect { try CSVTable(path: NSTemporaryDirectory()) } throws: { "\($0)".contains("it is a folder") }
        let path = NSTemporaryDirectory() + "/" + UUID().uuidString + ".csv"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try AtomicFile.write("a,b\n1,2\n", to: path)
        #expect(try CSVTable(path: path, maximumBytes: 8)[0, 1] == "2")
        #expect { try CSVTable(path: path, maximumBytes: 7) } throws: { "\($0)".contains("longer than the 7 bytes") }
    }

    @Test func writtenTextReadsBack() throws {
        let rows = [["", "a,b"], ["\"", "1\r\n2"], ["\n", " x "], ["plain", "é"]]
        var text = CSVText(header: ["p, q", "r\"s"])
        for row in rows { text.append(row) }
        let table = try table(text.text)
        #expect(table.header == ["p, q", "r\"s"])
        #expect((0..<table.rowCount).map { [table[$0, 0], table[$0, 1]] } == rows)
        #expect(text.text.hasSuffix("plain,é\n"))
    }

    @Test func aLoneEmptyCellIsNoBlankLine() throws {
        var text = CSVText(header: ["a"])
        text.append([""])
        text.append(["1"])
        #expect(try table(text.text).rowCount == 2)
    }
}
