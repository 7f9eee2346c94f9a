import Basics
import Reports
import Testing

@Suite struct TextTableTests {
    let table = TextTable(
        ["Class", "Images", "AP"],
        [
            [.text("Glaucoma"), .count(12345), .estimate(ReportedValue(0.25, low: 0.2, high: 0.3125))],
            [.text("Drusen"), .count(nil), .estimate(ReportedValue(nil))],
            [.text("Cataract"), .count(0), .estimate(ReportedValue(1))],
        ])

    @Test func terminalTextIsAlignedAndUndefinedIsADash() {
        #expect(
            table.text() == """
                Class     Images                    AP
                ────────  ──────  ────────────────────
                Glaucoma  12,345  0.250 [0.200, 0.312]
                Drusen         –      –
                Cataract       0  1.000

                """)
    }

    @Test func asciiHasNoOtherCharacters() {
        let text = table.text(for: Terminal(isUnicode: false))
        #expect(text.utf8.allSatisfy { $0 < 0x80 })
        #expect(text.contains("Drusen         -"))
    }

    @Test func markdownAlignsNumbersAndEscapes() {
        let hostile = TextTable(["a|b", "n"], [[.text("x<y>&*z\n|"), .number(nil)]])
        #expect(hostile.markdown() == "| a\\|b | n |\n| --- | ---: |\n| x&lt;y&gt;&amp;\\*z\\\\u{A}\\| | – |\n")
    }

    @Test func csvHasFullPrecisionThreeColumnsAndEmptyForUndefined() {
        #expect(
            table.csv() == """
                Class,Images,AP,AP low,AP high
                Glaucoma,12345,0.25,0.2,0.3125
                Drusen,,,,
                Cataract,0,1.0,,

                """)
        let hostile = TextTable(["x"], [[.text("a,\"b\"\nc")], [.number(.nan)]])
        #expect(hostile.csv() == "x\n\"a,\"\"b\"\"\nc\"\n\"\"\n")
    }

    @Test func longNamesShrinkToTheTerminalButNumbersDoNot() {
        var long = table
        long.append(.text(String(repeating: "very long ", count: 30)), .count(7), .estimate(ReportedValue(0.5)))
        let lines = long.text(for: Terminal(width: 60)).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 60 })
        #expect(lines.last?.contains("…") == true)
        #expect(lines.contains { $0.hasSuffix("0.250 [0.200, 0.312]") })
        #expect(!long.text(for: Terminal(width: 60, cutsTables: false)).contains("…"))
    }

    @Test func wideAndHostileCharactersKeepColumnsStraight() {
        let names = TextTable(["C", "n"], [[.text("😀眼"), .count(1)], [.text("a\u{1B}\nb"), .count(2)]])
        #expect(names.text() == "C              n\n─────────────  ─\n😀眼           1\na\\u{1B}\\u{A}b  2\n")
    }

    @Test func namesThatDifferInControlCharactersOnlyAreToldApart() {
        let names = ["a\u{202E}b", "a\u{1B}b", "a\tb", "a b", "a\nb", "a\u{FFFD}b"]
        let lines = TextTable(["C"], names.map { [.text($0)] }).text().split(separator: "\n").dropFirst(2)
        #expect(Set(lines).count == names.count, "\(lines)")
        #expect(lines.allSatisfy { !$0.unicodeScalars.contains(where: Printable.isControl) })
    }

    @Test func rowsOfAnyLengthAndEmptyTablesAreFine() {
        #expect(TextTable([]).text() == "")
        #expect(TextTable([]).markdown() == "")
        #expect(TextTable(["a"]).text() == "a\n─\n")
        #expect(TextTable(["a", "b"], [[], [.count(1), .count(2), .count(3)]]).csv() == "a,b\n,\n1,2\n")
    }

    @Test func figures() {
        #expect(NumberFormat.fixed(-0.0001) == "0.000")
        #expect(NumberFormat.fixed(.infinity) == "–")
        #expect(NumberFormat.signed(0.0214) == "+0.021")
        #expect(NumberFormat.signed(-0.5, decimals: 1) == "-0.5")
        #expect(NumberFormat.signed(0.0001) == "0.000")
        #expect(NumberFormat.count(-1_234_567) == "-1,234,567")
        #expect(NumberFormat.percent(1, of: 0) == "–")
        #expect(ReportedValue(.nan, low: 0, high: 1) == ReportedValue(nil))
        #expect(ReportedValue(0.5, low: 0.1, high: .nan).interval == nil)
    }
}
