import Basics
import Evaluation
import Foundation
import Reports
import Testing

@Suite struct ModelReportTests {
    /// What a name of a class or an image may be at worst.
    static let hostile = "</style><script>alert('1')</script>\" onload=\"x\u{1B}[31m\u{202E}&\n"

    static func report() throws -> ModelReport {
        let outcomes = try Outcomes(
            classes: [hostile, "b"], images: (0..<40).map { "\($0)" + hostile },
            labels: (0..<80).map { $0 / 2 % 2 == $0 % 2 ? 1 : 0 }, scores: (0..<80).map { Double($0 * 37 % 80) / 80 })
        var options = EvaluationOptions()
        options.trainingImages = [200, 10]
        options.thresholds = [0.5, 0.5]
        options.bootstrap?.rounds = 20
        let plain = try Evaluator.evaluate(outcomes, options)
        var report = ModelReport(
            name: hostile, facts: [("Data", hostile)], notes: [hostile], names: [hostile: hostile + "name"],
            plain: plain, student: plain,
            difference: try Evaluator.compare(candidate: [outcomes], reference: [outcomes], options))
        let curves = try #require(RankingCurves(outcomes, class: 0))
        report.curves = [.init(name: hostile, models: ["plain": curves, "student": curves])]
        report.reliability = [.init(hostile, outcomes: outcomes)]
        report.decisions = [.init(name: hostile, netBenefit: try #require(NetBenefit(outcomes, class: 0)))]
        report.subgroups = [
            .init(column: hostile, value: hostile, comparison: try SubgroupDifference(outcomes, rows: [1], options))
        ]
        report.missed = [
            .init(
                image: hostile, name: hostile, probability: 0.1, threshold: 0.5, labels: [hostile],
                thumbnail: Data("jpeg".utf8))
        ]
        report.falseAlarms = report.missed
        report.falseAlarms[0].thumbnail = nil
        report.missed[0].map = map([0.5, -1])
        report.teachers = TeacherTable([
            .init(
                name: hostile, teacher: hostile, trainingImages: 2, positives: 1, plainAP: 0.1, teacherAP: 0.2,
                plainAUC: 0.3, teacherAUC: nil)
        ])
        report.history = [HistoryRow(stage: hostile, epoch: 1, step: 1, trainingLoss: 1)]
        report.cost = CostTable([.init(hostile, seconds: 1, images: 2, isReused: false)])
        report.hashes = [(hostile, "00")]
        report.commands = [hostile]
        return report
    }

    static func map(_ values: [Float]) -> ModelReport.Map {
        .init(
            rows: 1, columns: values.count, values: values, exact: true, coarse: false, left: 0, top: 0,
            width: 1, height: 1, overlay: Data("overlay".utf8))
    }

    @Test func textIsEscapedAndMarkupIsNot() {
        let name = "<b title=\"x\">&'"
        let cell: HTML = "<td>\(name)</td>"
        #expect(cell.text == "<td>&lt;b title=&quot;x&quot;&gt;&amp;&#39;</td>")
        let row: HTML = "<tr class=\"a\">\(cell)\(7)\([cell, cell])</tr>"
        #expect(row.text == "<tr class=\"a\">\(cell.text)7\(cell.text)\n\(cell.text)</tr>")
    }

    /// 21 images of which one class has enough patients for an interval, and one has no positive at all.
    @Test func theHeadlineIsTheMeanOverAllClassesEverywhere() throws {
        let outcomes = try Outcomes(
            classes: ["a", "b", "c"], images: (0..<40).map { "\($0)" },
            labels: (0..<40).flatMap { [$0 % 2 == 0 ? 1 : 0, $0 < 3 ? 1 : 0, 0] },
            scores: (0..<120).map { Double($0 * 37 % 120) / 120 })
        var options = EvaluationOptions()
        options.trainingImages = [200, 10, 5]
        options.bootstrap?.rounds = 20
        let result = try Evaluator.evaluate(outcomes, options)
        let mean = try #require(result.groups.all.averagePrecision.mean)
        let fixed = try #require(result.groups.all.averagePrecision.fixedSet)
        #expect(fixed.classes == 1 && abs(fixed.mean - mean) > 0.01)
        let words =
            "mean over the 2 of 3 classes that can be measured. Only 1 of them has enough positive patients for an "
            + "interval: over these alone \(NumberFormat.interval(ReportedValue(fixed)))"
        let report = ModelReport(
            name: "run", facts: [], notes: [], names: [:], plain: result, student: nil, difference: nil)
        let card = "<strong>\(NumberFormat.fixed(mean))</strong> \(words)</dd>"
        #expect(report.page.text.contains(card), "\(report.page.sections[1].body.text)")
        let headline = EvaluationTables(result).headline
        #expect(headline.hasPrefix("mAP \(NumberFormat.fixed(mean)), \(words). mAUC "), "\(headline)")
        #expect(report.modelCard(dataset: "d").contains("mAP \(NumberFormat.fixed(mean)), mean over the 2 of 3"))
        #expect(report.modelCard(dataset: "d").contains("fovea predict MODEL photograph.jpg"))
    }

    @Test func namesFromFilesAreTextOnThePage() throws {
        let page = try Self.report().page.text
        #expect(page.components(separatedBy: "<script").count == 2 && !page.contains("\" onload"))
        #expect(page.components(separatedBy: "</style>").count == 2)
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x"))
        #expect(!page.unicodeScalars.contains { $0 != "\n" && Printable.isControl($0) })
    }

    @Test func thePageNeedsNothingButItself() throws {
        let page = try Self.report().page.text
        let policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src \(HTMLScript.source)"
        #expect(page.contains("content=\"\(policy)\""))
        for part in ["<link", "<iframe", "@import", "url(", "href=\"http", "src=\"http", "style=\""] {
            #expect(!page.contains(part), "\(part)")
        }
        #expect(page.contains("src=\"data:image/jpeg;base64,anBlZw==\""))
        #expect(page.contains("prefers-color-scheme:dark") && page.contains("@media print"))
    }

    /// A browser runs the script only where its text has the hash that the policy names.
    @Test func thePolicyAllowsTheScriptOnThePage() throws {
        let page = try Self.report().page.text
        let start = try #require(page.range(of: "<script>"))
        let end = try #require(page.range(of: "</script>"))
        let hex = Array(Digest.sha256(String(page[start.upperBound..<end.lowerBound])))
        let bytes = stride(from: 0, to: 64, by: 2).map { UInt8(String(hex[$0...$0 + 1]), radix: 16) ?? 0 }
        #expect(page.contains("script-src 'sha256-\(Data(bytes).base64EncodedString())'\""))
    }

    @Test func tablesOfClassesCanBeSortedAndNoOthers() throws {
        let page = try Self.report().page.text
        let captions = page.components(separatedBy: "<table class=\"sortable").dropFirst()
            .compactMap { $0.components(separatedBy: "<caption>").dropFirst().first?.prefix { $0 != "<" } }
        #expect(
            captions == [
                "Average precision of student and plain model, class by class", "The student model, class by class",
            ])
    }

    @Test func aMapIsBesideItsPhotographOrWordsAre() throws {
        var report = try Self.report()
        let overlay = "src=\"data:image/jpeg;base64,\(Data("overlay".utf8).base64EncodedString())\""
        #expect(report.page.text.contains(overlay) && report.page.text.contains("2 x 1 places"))
        #expect(!report.page.text.contains("by gradients"))
        report.missed[0].map?.exact = false
        #expect(report.page.text.contains("an approximation by gradients"))
        report.missed[0].map = Self.map([-1, 0])
        #expect(!report.page.text.contains(overlay) && report.page.text.contains("No place speaks for"))
        report.missed[0].map = nil
        report.mapsMissing = "<b>no weights"
        #expect(report.page.text.contains("Where the model looked is not shown: &lt;b&gt;no weights."))
        let mistake = try JSONFormat.encoded(report.missed[0])
        #expect(String(decoding: mistake, as: UTF8.self).contains("\"map\" : null"))
    }

    @Test func sectionsAreInOrderAndLinked() throws {
        let page = try Self.report().page
        let expected = [
            "about", "headline", "distillation", "long-tail", "classes", "curves", "calibration", "points", "shots",
            "subgroups", "net-benefit", "mistakes", "teachers", "training", "provenance",
        ]
        #expect(page.sections.map(\.anchor) == expected)
        var rest = page.text[...]
        for anchor in expected {
            #expect(page.text.contains("href=\"#\(anchor)\""))
            let place = try #require(rest.range(of: "<section id=\"\(anchor)\""))
            rest = rest[place.upperBound...]
        }
    }

    @Test func aPlainRunHasNoSectionsOfDistillation() throws {
        var report = try Self.report()
        (report.student, report.difference, report.teachers) = (nil, nil, nil)
        let anchors = report.page.sections.map(\.anchor)
        #expect(!anchors.contains("distillation") && !anchors.contains("teachers"))
        #expect(report.page.text.contains("Headline: the plain model"))
    }

    @Test func tablesAndDrawingsCanBeReadAloud() throws {
        let page = try Self.report().page.text
        let tables = page.components(separatedBy: "<table").dropFirst()
        #expect(tables.count >= 8)
        #expect(tables.allSatisfy { $0.drop { $0 != ">" }.hasPrefix("><caption>") && $0.contains("<th scope=\"col\"") })
        let drawings = page.components(separatedBy: "<svg ").dropFirst()
        #expect(drawings.count >= 7)
        #expect(drawings.allSatisfy { $0.prefix(400).contains("role=\"img\"") && $0.prefix(600).contains("<title>") })
        #expect(page.components(separatedBy: "<img ").dropFirst().allSatisfy { $0.hasPrefix("alt=\"") })
    }

    @Test func aPageOf33ClassesAndManyImagesIsSmall() throws {
        let (classes, images) = (33, 2000)
        var random = SeededRandom(seed: 1)
        let cells = (0..<classes * images).map { random.index(below: 2 + $0 % classes) == 0 }
        let outcomes = try Outcomes(
            classes: (0..<classes).map { "A finding of the retina \($0)" }, images: (0..<images).map { "\($0).jpg" },
            labels: cells.map { $0 ? 1 : 0 },
            scores: cells.map { 0.3 * ($0 ? 1 : 0) + 0.7 * Double(random.index(below: 10_000)) / 10_000 })
        var options = EvaluationOptions()
        options.trainingImages = Array(1...classes)
        options.bootstrap?.rounds = 10
        let result = try Evaluator.evaluate(outcomes, options)
        var report = ModelReport(
            name: "run", facts: [], notes: [], names: [:], plain: result, student: result,
            difference: try Evaluator.compare(candidate: [outcomes], reference: [outcomes], options))
        report.curves = try (0..<12).map { column in
            let curves = RankingCurves(outcomes, class: column)
            let thinned = try #require(curves).thinned()
            return .init(name: outcomes.classes[column], models: ["plain": thinned, "student": thinned])
        }
        var map = Self.map(Array(repeating: 0.5, count: 196))
        map.overlay = Data(count: 12_000)
        report.missed = (0..<12).map { row in
            .init(
                image: "\(row).jpg", name: outcomes.classes[row], probability: 0, threshold: 1, labels: [],
                thumbnail: Data(count: 12_000), map: map)
        }
        report.falseAlarms = report.missed
        #expect(report.page.text.utf8.count < 2_000_000)
    }

    @Test func theModelCardKeepsItsFrontMatter() throws {
        let card = try Self.report().modelCard(dataset: Self.hostile)
        let lines = card.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "---" && lines.count { $0 == "---" } == 2)
        let front = lines.dropFirst().prefix { $0 != "---" }
        #expect(front.contains("library_name: fovea"))
        #expect(front.contains { $0.hasPrefix("      name: \"</style>") && $0.contains("\\\" onload=\\\"") })
        #expect(!card.unicodeScalars.contains("\u{1B}"))
        #expect(card.split(separator: "\n").last?.hasPrefix("<!-- SHA-256 of what is above") == true)
    }
}
