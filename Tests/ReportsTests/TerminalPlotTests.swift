import Basics
import Reports
import Testing

@Suite struct TerminalPlotTests {
    @Test func linearBarsInEighths() {
        let plot = TerminalPlot([.init("", [.init("a", 16), .init("b", 5), .init("c", 0), .init("d", nil)])])
        #expect(
            plot.text(for: Terminal(width: 40)) == """
                a  16  █████████████████████████████████
                b   5  ██████████▍
                c   0
                d   –

                """)
    }

    @Test func asciiAndWidth() {
        let plot = TerminalPlot([.init("T", [.init("a", 3), .init("bb", 1), .init("c", nil)])], scale: .logarithmic)
        let text = plot.text(for: Terminal(width: 40, isUnicode: false))
        #expect(
            text
                == "T\na   3  \(String(repeating: "#", count: 33))\nbb  1  \(String(repeating: "#", count: 17))\nc   -\n"
        )
    }

    @Test func longTailHasSectionsFromFrequentToRare() {
        let classes = [("rare", 3), ("none", 0), ("common", 250), ("middle", 20), ("edge", 100)]
        let plot = TerminalPlot.longTail(classes.map { (name: $0.0, count: $0.1) }, bounds: .standard)
        #expect(
            plot.text(for: Terminal(width: 40)) == """
                Many (at least 100): 2 classes
                common  250  ███████████████████████████
                edge    100  ██████████████████████▌

                Medium (20 to 99): 1 class
                middle   20  ██████████████▉

                Few (1 to 19): 1 class
                rare      3  ██████▊

                None: 1 class
                none      0

                """)
    }

    @Test func lineWidthHoldsForHostileNames() {
        let names = ["", "x\ny", String(repeating: "long ", count: 50), "😀", "\u{1B}[2J"]
        let plot = TerminalPlot.longTail(names.map { ($0, 1_000_000) }, bounds: .standard)
        for width in [40, 80, 200] {
            let text = plot.text(for: Terminal(width: width))
            #expect(text.split(separator: "\n").allSatisfy { DisplayText.width(String($0)) <= width })
            #expect(!text.contains("\u{1B}"))
        }
    }

    @Test func emptyPlotsPrintNothing() {
        #expect(TerminalPlot([]).text() == "")
        #expect(TerminalPlot.longTail([], bounds: .standard).text() == "")
    }

    @Test func colourOnlyWhereAllowed() {
        let plot = TerminalPlot([.init("", [.init("a", 1)], style: .red)])
        #expect(plot.text(for: Terminal(hasColour: true)).contains("\u{1B}[31m"))
        #expect(!plot.text(for: Terminal(hasColour: false)).contains("\u{1B}"))
    }

    @Test func terminalFollowsItsEnvironment() {
        func terminal(_ environment: [String: String], _ isTerminal: Bool = true, _ width: Int = 0) -> Terminal {
            Terminal(environment: environment, isTerminal: isTerminal, measuredWidth: width)
        }
        #expect(terminal(["COLUMNS": "101"], true, 70).width == 101)
        #expect(terminal([:], true, 70).width == 70)
        #expect(terminal(["COLUMNS": "many"]).width == 80)
        #expect(terminal(["LANG": "en_GB.UTF-8"]).isUnicode)
        #expect(!terminal(["LANG": "en_GB.UTF-8", "LC_ALL": "C"]).isUnicode)
        #expect(!terminal([:]).isUnicode)
        #expect(terminal([:]).hasColour)
        #expect(!terminal([:], false).hasColour)
        #expect(!terminal(["NO_COLOR": "1"]).hasColour)
        #expect(!terminal(["TERM": "dumb"]).hasColour)
        // Nothing is cut in a file or a pipe, unless its width was requested.
        #expect(terminal([:]).cutsTables)
        #expect(!terminal([:], false).cutsTables)
        #expect(terminal(["COLUMNS": "60"], false).cutsTables)
    }
}
