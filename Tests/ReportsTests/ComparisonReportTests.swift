import Basics
import Evaluation
import Foundation
import Plots
import Reports
import Testing

@Suite struct ComparisonReportTests {
    private static let hostile = ModelReportTests.hostile

    /// Two data sets with a plain and an RSKD arm each.
    private static func report(rounds: Int = 20) throws -> ComparisonReport {
        let labels = (0..<160).map { Int8($0 / 2 % 2 == $0 % 2 ? 1 : 0) }
        let outcomes = try [0, 1].map { shift in
            let scores = labels.indices.map { cell -> Double in
                let number = cell * 37 + shift * (cell % 3)
                return Double(number % 160) / 160
            }
            return try Outcomes(
                classes: [hostile, "b"], images: (0..<80).map { "\($0)" }, labels: labels, scores: scores)
        }
        var options = EvaluationOptions()
        options.trainingImages = [200, 10]
        options.bootstrap?.rounds = rounds
        if rounds == 0 { options.bootstrap = nil }
        let results = try outcomes.map { try Evaluator.evaluate($0, options) }
        let difference = try Evaluator.compare(candidate: [outcomes[1]], reference: [outcomes[0]], options)
        func arm(_ dataset: String, _ name: String, _ result: EvaluationResult) -> ComparisonTables.Arm {
            .init(
                dataset: dataset, technique: "bce", name: name, result: result, macroF1: 0.1, microF1: 0.2,
                calibrationError: nil, cost: .init(seconds: 1, images: 2, views: 3))
        }
        func contrast(_ dataset: String, _ reference: String) -> ComparisonTables.Contrast {
            .init(
                dataset: dataset, technique: "bce", candidate: "RSKD(region)", reference: reference,
                result: difference, holmPValue: 1, isOfEqualCompute: reference == "plain, long")
        }
        let datasets = ["odir", hostile]
        var report = ComparisonReport(
            name: hostile, facts: [("Data", hostile)], notes: [hostile], arms: [("plain", hostile)],
            tables: ComparisonTables(
                arms: datasets.flatMap { [arm($0, "plain", results[0]), arm($0, "RSKD(region)", results[1])] },
                contrasts: [contrast("odir", "plain"), contrast("odir", "plain, long"), contrast(hostile, "plain")]),
            hasDecisions: true)
        report.gains = [GainPlot(title: hostile, comparisons: [(hostile, difference)]).drawing()]
        report.details = [
            ComparisonReport.Detail(
                title: hostile, paragraphs: [hostile], table: TextTable(["Class"], [[.text(hostile)]]),
                figures: [
                    ComparisonReport.Figure(
                        drawing: LongTailPlot(title: hostile, results: [("plain", results[0])]).drawing(), name: "tail",
                        caption: hostile)
                ])
        ]
        report.cells = [
            ComparisonReport.Cell(
                name: "odir/plain", state: "finished", reason: nil, folder: "cells/a b\"/<plain>", hasReport: true,
                seconds: 12),
            ComparisonReport.Cell(
                name: "odir/rskd", state: "interrupted", reason: hostile, folder: "cells/rskd", hasReport: false,
                seconds: nil),
        ]
        report.hashes = [(hostile, "00")]
        report.commands = [hostile]
        return report
    }

    @Test func namesFromFilesAreTextOnThePage() throws {
        let page = try Self.report().page.text
        #expect(page.components(separatedBy: "<script").count == 2 && !page.contains("\" onload"))
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)"))
        for part in ["<link", "url(", "href=\"http", "src=\"http", "style=\""] {
            #expect(!page.contains(part), "\(part)")
        }
    }

    @Test func sectionsAreInOrder() throws {
        var report = try Self.report()
        #expect(
            report.page.sections.map(\.anchor) == [
                "about", "headline", "arms", "shots", "decisions", "cost", "classes", "runs", "provenance",
            ])
        (report.hasDecisions, report.details) = (false, [])
        #expect(
            report.page.sections.map(\.anchor) == [
                "about", "headline", "arms", "shots", "cost", "runs", "provenance",
            ])
    }

    @Test func theGainAtEqualComputeIsSaid() throws {
        var report = try Self.report()
        let fixed = try #require(report.tables.contrasts[1].result.groups.all.averagePrecision.fixedSet)
        let shown = NumberFormat.interval(ReportedValue(fixed), isSigned: true)
        #expect(report.page.text.contains("At equal compute, RSKD(region) on odir with bce: mAP \(shown), "))
        report.tables.contrasts.removeAll(where: \.isOfEqualCompute)
        #expect(report.page.text.contains("No arm tells what distillation gains at equal compute"))
        #expect(try Self.report(rounds: 0).page.text.contains("with bce: no interval, as no class"))
    }

    @Test func eachDataSetHasItsTables() throws {
        let page = try Self.report().page.text
        #expect(page.contains("<caption>Means with intervals: odir</caption>"))
        #expect(page.contains("<caption>Means with intervals: &lt;/style&gt;"))
        // Two classes, of which one has many and one few training images.
        #expect(page.contains("Means with intervals, few: odir") && !page.contains("Means with intervals, medium"))
        var report = try Self.report()
        report.tables.arms.removeAll { $0.dataset != "odir" }
        #expect(report.page.text.contains("<caption>Means with intervals</caption>"))
    }

    @Test func runsAreLinkedAndMissingOnesNamed() throws {
        var report = try Self.report()
        let page = report.page.text
        #expect(page.contains("<a href=\"./cells/a%20b%22/%3Cplain%3E/report.html\">report of odir/plain</a>"))
        #expect(page.contains("Not finished: 1 of 2 runs. ") && page.contains("<td>interrupted: &lt;/style&gt;"))
        #expect(!page.contains("by `fovea report` with its folder"))
        report.cells.removeLast()
        report.cells[0].hasReport = false
        #expect(report.page.text.contains("Finished: 1 run, that is, all."))
        #expect(report.page.text.contains("by `fovea report` with its folder"))
    }

    /// What passes no correction for the number of techniques is not called a gain, whatever its interval.
    @Test func onlyWhatHoldsAfterTheCorrectionIsAGain() throws {
        let labels = (0..<80).map { Int8($0 % 2) }
        func outcomes(_ score: (Int) -> Double) throws -> Outcomes {
            try Outcomes(
                classes: ["a"], images: (0..<80).map { "\($0)" }, labels: labels, scores: labels.indices.map(score))
        }
        let right = try outcomes { Double(labels[$0]) }
        let wrong = try outcomes { Double($0 * 37 % 80) / 80 }
        func text(_ candidate: Outcomes, _ reference: Outcomes, holm: Double?) throws -> String {
            var report = try Self.report()
            let difference = try Evaluator.compare(candidate: [candidate], reference: [reference])
            report.tables = ComparisonTables(
                arms: report.tables.arms,
                contrasts: [
                    .init(
                        dataset: "odir", technique: "bce", candidate: "RSKD(region)", reference: "plain",
                        result: difference, holmPValue: holm)
                ])
            return report.page.text
        }
        #expect(try text(right, wrong, holm: 0.01).contains("]: a gain<"))
        #expect(try text(right, wrong, holm: nil).contains("]: a gain<"))
        #expect(try text(wrong, right, holm: 0.01).contains("]: a loss<"))
        #expect(try text(right, wrong, holm: 0.3).contains("]: no difference can be claimed<"))
        #expect(try text(right, right, holm: nil).contains("]: no difference can be claimed<"))
    }

    @Test func withoutAStudentNothingIsSaidOfDistillation() throws {
        var report = try Self.report()
        report.tables.contrasts = []
        #expect(report.page.text.contains("No arm tells what distillation gains"))
        report.hasDistillation = false
        #expect(!report.page.text.contains("No arm tells what distillation gains"))
    }
}
