import Basics
import Evaluation
import Foundation
import Plots
import Reports
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Collects what an XML parser sees; parsing fails for anything that is not well-formed.
private final class Reader: NSObject, XMLParserDelegate {
    var texts: [String] = []
    var elements: [String: Int] = [:]
    var attributes: [String] = []
    private var text = ""

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes values: [String: String] = [:]
    ) {
        elements[name, default: 0] += 1
        attributes += values.values
        text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(
        _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
    ) {
        if name == "text" { texts.append(text) }
    }

    static func read(_ svg: String) throws -> Reader {
        let parser = XMLParser(data: Data(svg.utf8))
        let reader = Reader()
        parser.delegate = reader
        try #require(parser.parse(), "not well-formed: \(String(describing: parser.parserError))")
        return reader
    }
}

private let hostile = [
    "<script>alert(1)</script>", "a & b", "\"double\" 'single'", "two\nlines\tand tabs", "😀 眼 é ő", "",
    String(repeating: "very long name ", count: 40), "nul\u{0} bell\u{7} \u{FFFF} ]]>", "Glaucoma",
]

@Suite struct PlotTests {
    private var rows: [ClassRow] {
        let values: [ReportedValue] = [
            .init(0.5, low: 0.4, high: 0.6), .init(nil), .init(.nan), .init(0), .init(1, low: .nan, high: 1),
        ]
        return hostile.enumerated().map { index, name in
            ClassRow(
                name, trainingCount: [0, 1, 19, 20, 99, 100, 5000, 3, 7][index],
                values: [values[index % 5], values[(index + 1) % 5]])
        }
    }

    private var drawings: [Drawing] {
        let names = ["plain & <simple>", "student"]
        let bins = [
            ReliabilityPlot.Bin(count: 5, meanProbability: 0.1, positiveRate: 0.2),
            ReliabilityPlot.Bin(count: 0, meanProbability: nil, positiveRate: nil),
            ReliabilityPlot.Bin(count: 1, meanProbability: .nan, positiveRate: 1),
        ]
        return [
            LongTailPlot(title: hostile[0], classes: rows, series: names, bounds: .standard).drawing(),
            LongTailPlot(title: "", classes: rows, bounds: .standard).drawing(),
            LongTailPlot(title: "no classes", classes: [], series: names, bounds: .standard).drawing(),
            LongTailPlot(
                title: "too few values", classes: [ClassRow("a", trainingCount: 3)], series: names, bounds: .standard
            ).drawing(),
            ClassComparisonPlot(title: hostile[6], classes: rows, series: names, bounds: .standard).drawing(),
            ClassComparisonPlot(title: "none", classes: [], series: [], bounds: .standard).drawing(),
            TrainingCurvesPlot(
                title: hostile[2],
                panels: [
                    .init(
                        "Loss", [.init(hostile[1], [(1, 3), (2, nil), (3, .nan), (4, 1), (5, .infinity), (6, 0.5)])]),
                    .init("mAP", [.init("one epoch", [(1, 0.5)]), .init("nothing", [])]),
                ]
            ).drawing(),
            TrainingCurvesPlot(title: "no panels", panels: []).drawing(),
            GainPlot(
                title: "gain", measure: hostile[1],
                sections: [
                    .init(hostile[6], hostile.map { .init($0, .init(0.01, low: -0.01, high: 0.02)) }),
                    .init("", [.init("nil", .init(nil)), .init("unsure", .init(-0.2), hasSign: false)]),
                    .init("empty", []),
                ]
            ).drawing(),
            GainPlot(title: "nothing", measure: "m", sections: []).drawing(),
            ReliabilityPlot(
                title: "r", models: [.init(hostile[0], bins: bins, calibrationError: .nan), .init("", bins: [])]
            )
            .drawing(),
            ReliabilityPlot(title: "nothing", models: []).drawing(),
        ]
    }

    @Test func everyPlotIsWellFormedWhateverItIsFed() throws {
        for drawing in drawings {
            let seen = try Reader.read(drawing.svg())
            #expect(seen.elements["script"] == nil)
            #expect(!seen.attributes.contains { $0.contains("nan") || $0.contains("inf") })
        }
    }

    @Test func namesAreEscapedNotLost() throws {
        let plot = LongTailPlot(title: "t", classes: rows, bounds: .standard)
        let texts = try Reader.read(plot.drawing().svg()).texts
        #expect(texts.contains("<script>alert(1)</script>"))
        #expect(texts.contains("a & b"))
        #expect(texts.contains("\"double\" 'single'"))
        #expect(texts.contains("two\\u{A}lines\\u{9}and tabs"))
        #expect(texts.contains { $0.hasPrefix("very long name very") && $0.hasSuffix("…") })
    }

    @Test func undefinedIsSaidAndNeverDrawnAsZero() throws {
        let plot = LongTailPlot(
            title: "t", classes: [ClassRow("a", trainingCount: 5, values: [.init(nil)])], series: ["m"],
            bounds: .standard)
        let seen = try Reader.read(plot.drawing().svg())
        #expect(seen.texts.contains("undefined"))
        // The legend's marker only.
        #expect(seen.elements["circle"] == 1)
    }

    @Test func claimsAreMadeOnlyWhereAllowed() throws {
        func texts(_ row: GainPlot.Row) throws -> [String] {
            try Reader.read(GainPlot(title: "t", measure: "m", sections: [.init("", [row])]).drawing().svg()).texts
        }
        #expect(try texts(.init("a", .init(0.01, low: 0.002, high: 0.02))).contains("+0.010 [+0.002, +0.020]"))
        let open = try texts(.init("a", .init(0.01), hasSign: false))
        #expect(open.contains("too few patients"))
        #expect(!open.contains { $0.hasPrefix("+") })
    }

    /// Colours that stand for the plain model and the student.
    private let plainColour = "#0072b2"
    private let studentColour = "#d55e00"

    @Test func aModelHasOneColourInEveryPlot() throws {
        let row = ClassRow("a", trainingCount: 5, values: [.init(0.5), .init(0.25), .init(0.75)])
        let alone = LongTailPlot(title: "t", classes: [row], series: ["student"], bounds: .standard).drawing().svg()
        #expect(alone.contains(studentColour) && !alone.contains(plainColour))
        let others = ["plain", "teacher", "plain-inner"]
        let without = ClassComparisonPlot(title: "t", classes: [row], series: others, bounds: .standard).drawing().svg()
        #expect(without.contains(plainColour) && !without.contains(studentColour))
        // A gain or a loss is nobody's.
        let differences = [0.1, -0.1].map { GainPlot.Row("a", .init($0, low: $0 - 0.05, high: $0 + 0.05)) }
        let svg = GainPlot(title: "t", measure: "m", sections: [.init("", differences)]).drawing().svg()
        #expect(!svg.contains(plainColour) && !svg.contains(studentColour))
    }

    @Test func teachersAreApartFromModelsOfAllClasses() throws {
        let history = ["plain", "teacher-region-disc", "teacher-region-macula", "student"].map {
            HistoryRow(stage: $0, epoch: 1, step: 1, trainingLoss: 0.5, validationMAP: 0.3)
        }
        let plot = TrainingCurvesPlot(title: "t", history: history)
        #expect(plot.panels[0].lines.map(\.isTeacher) == [false, true, true, false])
        #expect(plot.panels[1].lines.map(\.name) == ["plain", "student"])
        let texts = try Reader.read(plot.drawing().svg()).texts
        #expect(texts.contains("teachers, each on its own classes"))
        #expect(!texts.contains { $0.hasPrefix("teacher-") })
        // One epoch: an axis with one tick.
        #expect(texts.count { $0 == "1" } == 2)
        #expect(!texts.contains("2"))
    }

    @Test func nothingLeavesTheImage() throws {
        for drawing in drawings {
            for shape in drawing.shapes {
                guard case .text(let text, let x, let y, let size, _, let anchor, let isBold, let turn) = shape,
                    turn == 0
                else { continue }
                let width = Drawing.textWidth(text, size: size, isBold: isBold)
                let left = anchor == .start ? x : anchor == .middle ? x - width / 2 : x - width
                #expect(left >= 0 && left + width <= drawing.width + 0.5, "\(drawing.title): \(text)")
                #expect(y > 0 && y < drawing.height, "\(drawing.title): \(text)")
            }
        }
    }

    @Test func theFileIsTheDrawingAndFailuresAreErrors() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/fovea-plots-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let drawing = LongTailPlot(title: "t", classes: rows, series: ["a", "b"], bounds: .standard).drawing()
        try drawing.write(to: folder + "/plot.svg")
        #expect(try String(contentsOfFile: folder + "/plot.svg", encoding: .utf8) == drawing.svg())
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["plot.svg"])
        #expect(throws: FoveaError.self) { try drawing.write(to: folder + "/missing/plot.svg") }
    }

    @Test func aLongNameIsFittedInLinearTime() {
        let name = String(repeating: "é", count: 1_000_000)
        let plot = LongTailPlot(
            title: "t", classes: [ClassRow(name, trainingCount: 5, values: [.init(0.5)])], series: [name],
            bounds: .standard)
        #expect(plot.drawing().svg().utf8.count < 10_000)
    }

    @Test func reliabilityBinsHoldTheirUpperEnd() throws {
        let outcomes = try Outcomes(
            classes: ["a"], images: ["1", "2", "3", "4", "5"], labels: [0, 1, 1, -1, 1],
            scores: [0.0, 0.5, 0.75, 0.9, 1])
        let model = ReliabilityPlot.Model("m", outcomes: outcomes, bins: 2)
        #expect(model.bins.map(\.count) == [2, 2])
        #expect(model.bins[0].meanProbability == 0.25)
        #expect(model.bins[0].positiveRate == 0.5)
        #expect(model.bins[1].positiveRate == 1)
        #expect(model.calibrationError == (0.5 + 0.25) / 4)
    }
}
