import Basics
import Evaluation
import Foundation
import Plots

extension ComparisonReport {
    /// How many techniques are shown class by class, so that the page stays small; all are in `comparison.md`.
    private static let detailLimit = 8

    /// The page.
    public var page: HTMLPage {
        HTMLPage(
            title: "Comparison \(name)",
            sections: [about, headline, armSection, shots] + [decisions].compactMap { $0 } + [cost]
                + [classes].compactMap { $0 } + [runs, provenance])
    }

    private var datasets: [String] {
        var seen = Set<String>()
        return tables.arms.map(\.dataset).filter { seen.insert($0).inserted }
    }

    /// A table for each data set, under its name where there are several.
    private func tabled(_ caption: String, _ table: (ComparisonTables) -> TextTable) -> HTML {
        let datasets = datasets
        let parts = datasets.map { dataset -> HTML in
            let name = datasets.count > 1 ? "\(caption): \(dataset)" : caption
            return table(tables.only(dataset)).only { $0 != "Data" }.html(name)
        }
        return "\(parts)"
    }

    private var about: HTMLPage.Section {
        .init(
            "about", "What this is",
            """
            <div class="notice">
            <p><strong>Research use only: not a medical device.</strong> The figures compare ways of training on the \
            validation images of the data sets named below. They say which way did better there, not how well a model \
            will do on photographs of other cameras, places or patients.</p>
            </div>
            """,
            .paragraphs([
                "Each way of training was run in several arms, with the same data, network and seeds; differences are "
                    + "between arms on the same images."
            ]),
            TextTable(["What", "Value"], facts.map { [.text($0.name), .text($0.value)] }).html("The comparison"),
            TextTable(["Arm", "What it is"], arms.map { [.text($0.name), .text($0.words)] }).html("The arms"))
    }

    /// So many differences fit a screen at a glance; the table below has all.
    private static let cardLimit = 8

    private var headline: HTMLPage.Section {
        let cards = datasets.flatMap { dataset -> [HTMLCard] in
            tables.only(dataset).contrasts.compactMap { contrast in
                let mean = contrast.result.groups.all.averagePrecision
                return mean.fixedSet.map {
                    HTMLCard(
                        "mAP: \(contrast.name) (\(dataset), \(contrast.technique))", $0, of: mean.classes,
                        verdict: contrast.verdict(of: $0))
                }
            }
        }.prefix(Self.cardLimit)
        return .init(
            "headline", "Headline: each arm against its controls", .cards(Array(cards)), .paragraphs(equalCompute),
            tabled("Differences with intervals") { $0.differences() },
            "\(gains.map { HTML.figure($0, "Differences in mAP by technique and part of the long tail") })",
            .paragraphs([ModelReport.measures] + notes))
    }

    /// What distillation gains over a plain model of the same work, in words.
    private var equalCompute: [String] {
        let found = tables.contrasts.filter(\.isOfEqualCompute)
        guard hasDistillation else { return [] }
        guard !found.isEmpty else {
            return [
                "No arm tells what distillation gains at equal compute: that takes a plain model trained for as long "
                    + "as all stages together (the arm plain_long)."
            ]
        }
        return found.map { contrast in
            let start = "At equal compute, \(contrast.candidate) on \(contrast.dataset) with \(contrast.technique): "
            guard let gain = contrast.result.groups.all.averagePrecision.fixedSet else {
                return start + "no interval, as no class has enough positive patients or no bootstrap was made."
            }
            return start
                + "mAP \(NumberFormat.interval(ReportedValue(gain), isSigned: true)), \(contrast.verdict(of: gain))."
        }
    }

    private var armSection: HTMLPage.Section {
        .init(
            "arms", "All arms",
            .paragraphs([
                "Means over the classes with enough positive patients, the same classes for all arms of a data set; "
                    + "below them the means over all classes."
            ]),
            tabled("Means with intervals") { $0.intervals(over: nil) },
            tabled("Means over all classes, without intervals") { $0.means() })
    }

    private var shots: HTMLPage.Section {
        let groups = EvaluationTables.parts.compactMap { label, group in group.map { (label: label, group: $0) } }
        let parts = groups.filter { part in tables.arms.contains { ($0.result.groups[part.group]?.classes ?? 0) > 0 } }
            .map { label, group -> HTML in
                let others = groups.map(\.label).filter { $0 != label }
                let means = tabled("Means with intervals, \(label)") { $0.intervals(over: group) }
                let differences = tabled("Differences with intervals, \(label)") { tables in
                    tables.differencesByGroup().only { column in
                        !others.contains { column.hasSuffix(", " + $0) }
                    }
                }
                return """
                    <h3>\(label.prefix(1).uppercased() + label.dropFirst())</h3>
                    \(means)
                    \(differences)
                    """
            }
        return .init(
            "shots", "Many, medium and few",
            .paragraphs(["The same over the classes with many, a medium number of and few training images."]),
            "\(parts)")
    }

    private var decisions: HTMLPage.Section? {
        guard hasDecisions else { return nil }
        return .init(
            "decisions", "Decisions and calibration",
            .paragraphs(["Means over the runs, each with thresholds chosen on its own training images."]),
            tabled("F1 and calibration error (pooled ECE)") { $0.decisions() })
    }

    private var cost: HTMLPage.Section {
        .init("cost", "What a run costs", tabled("Mean cost of a run") { $0.costs() })
    }

    private var classes: HTMLPage.Section? {
        guard !details.isEmpty else { return nil }
        let parts = details.prefix(Self.detailLimit).map { detail -> HTML in
            """
            <h3>\(detail.title)</h3>
            \(HTML.paragraphs(detail.paragraphs))
            \(detail.figures.map { HTML.figure($0.drawing, $0.caption) })
            \(detail.table?.html("Teachers against plain model and student: " + detail.title) ?? "")
            """
        }
        let rest = details.count - parts.count
        return .init(
            "classes", "Class by class", "\(parts)",
            .paragraphs(rest > 0 ? ["\(rest) more are in comparison.md in the same folder."] : []))
    }

    private var runs: HTMLPage.Section {
        let open = cells.filter { $0.state != "finished" }
        var texts = [
            open.isEmpty
                ? "Finished: \(Pluralization.count(cells.count, "run")), that is, all."
                : "Not finished: \(open.count) of \(Pluralization.count(cells.count, "run")). An arm counts "
                    + "with those seeds of which all folds are finished."
        ]
        if !cells.contains(where: \.hasReport) {
            texts.append(
                "A run gets a page of its own, linked here, by `fovea report` with its folder, and then this one again."
            )
        }
        let head: HTML = """
            <thead><tr><th scope="col">Run</th><th scope="col">State</th><th scope="col" class="number">Seconds</th>\
            <th scope="col">Page</th></tr></thead>
            """
        let rows = cells.map { cell -> HTML in
            let state = cell.state + (cell.reason.map { ": " + $0 } ?? "")
            let address =
                (cell.folder + "/report.html").addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? ""
            let link: HTML = cell.hasReport ? "<a href=\"./\(address)\">report of \(cell.name)</a>" : "none"
            return """
                <tr><th scope="row">\(cell.name)</th><td>\(state)</td>\
                <td class="number">\(NumberFormat.fixed(cell.seconds, decimals: 0))</td><td>\(link)</td></tr>
                """
        }
        return .init(
            "runs", "The runs", .paragraphs(texts),
            .scrolling(
                "The runs",
                "<table><caption>The runs</caption>\(head)<tbody>\(rows)</tbody></table>"))
    }

    private var provenance: HTMLPage.Section {
        .init(
            "provenance", "Data, versions and how to repeat it", .hashes(hashes),
            "<p>The same comparison again, and this page:</p>", .commands(commands))
    }
}
