import Basics
import Cohorts

/// What `fovea inspect` prints about a cohort.
public struct InspectionText: Sendable {
    /// What was found.
    public var inspection: Inspection
    /// Where the long tail is divided.
    public var bounds: ShotBounds
    /// How many pairs, files, duplicates and patients are listed before "and N more".
    public var listLimit: Int

    /// Whether every image was decoded; otherwise the text does not say that all are readable.
    public var hasDecoded: Bool
    /// Whether files were compared; otherwise the text does not say that there are no duplicates.
    public var hasCompared: Bool

    /// Prepares the text of an inspection.
    public init(
        _ inspection: Inspection, bounds: ShotBounds = .standard, listLimit: Int = 10, hasDecoded: Bool = true,
        hasCompared: Bool = true
    ) {
        self.inspection = inspection
        self.bounds = bounds
        self.listLimit = max(1, listLimit)
        self.hasDecoded = hasDecoded
        self.hasCompared = hasCompared
    }

    /// The whole text, for a terminal or a pipe.
    public func text(for terminal: Terminal = Terminal()) -> String {
        [
            section("Cohort", overview, terminal),
            section(
                "Long tail (\(inspection.split == nil ? "images" : "training images") per class, log scale)",
                longTail(terminal), terminal),
            section("Labels per image", labelsPerImage(terminal), terminal),
            section("Classes that appear together", pairs(terminal), terminal),
            groupings(terminal),
            section("Folds and splits", parts(terminal), terminal),
            section("Checks", checks(terminal), terminal),
        ].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    private func section(_ title: String, _ body: String, _ terminal: Terminal) -> String {
        guard !body.isEmpty else { return "" }
        let rule = String(repeating: terminal.isUnicode ? "━" : "=", count: DisplayText.width(title))
        return terminal.styled(title, .bold) + "\n" + terminal.styled(rule, .faint) + "\n" + body
    }

    private func name(_ id: String) -> String { inspection.classes.first { $0.id == id }?.name ?? id }

    private var overview: String {
        let present = inspection.classes.filter { $0.positives > 0 }
        let unknown = inspection.classes.reduce(0) { $0 + $1.unknown }
        var facts = [
            ("table", inspection.source), ("images", NumberFormat.count(inspection.images)),
            ("patients", inspection.patients.map { NumberFormat.count($0) } ?? "not given in the table"),
            (
                "classes",
                present.count == inspection.classes.count
                    ? "\(present.count)" : "\(inspection.classes.count), \(present.count) of them with positive images"
            ),
            ("positive labels", NumberFormat.count(inspection.classes.reduce(0) { $0 + $1.positives })),
        ]
        if let split = inspection.split {
            let training = NumberFormat.count(split.training, "image") + (split.training == 1 ? " trains" : " train")
            let validation = NumberFormat.count(split.validation) + (split.validation == 1 ? " validates" : " validate")
            facts.append(("split", training + ", " + validation))
        }
        if unknown > 0 { facts.append(("unknown labels", NumberFormat.count(unknown))) }
        if let imbalance = inspection.imbalance {
            facts.append(
                ("imbalance", "\(NumberFormat.fixed(imbalance, decimals: 0)) : 1 (most to least frequent class)"))
        }
        return facts.map { DisplayText.pad($0.0, to: 17) + Printable.line($0.1) + "\n" }.joined()
    }

    private func longTail(_ terminal: Terminal) -> String {
        TerminalPlot.longTail(inspection.classes.map { ($0.name, $0.training ?? $0.positives) }, bounds: bounds).text(
            for: terminal)
    }

    private func labelsPerImage(_ terminal: Terminal) -> String {
        let bars = inspection.labelsPerImage.enumerated().map { labels, images in
            TerminalPlot.Bar(
                "\(labels)", Double(images),
                figure: "\(NumberFormat.count(images)) (\(NumberFormat.percent(images, of: inspection.images)))")
        }
        return TerminalPlot([.init("", bars)]).text(for: terminal)
    }

    private func pairs(_ terminal: Terminal) -> String {
        guard !inspection.pairs.isEmpty else { return "No image carries two classes.\n" }
        var table = TextTable(["Class", "Together with", "Images", "Overlap"])
        for pair in inspection.pairs.prefix(listLimit) {
            table.append(
                .text(name(pair.first)), .text(name(pair.second)), .count(pair.count),
                .number(pair.overlap, decimals: 2))
        }
        return table.text(for: terminal) + more(inspection.pairCount, "pairs")
            + "Overlap: images with both classes over images with either.\n"
    }

    private func groupings(_ terminal: Terminal) -> String {
        inspection.groupings.map { grouping in
            var table = TextTable([
                "Subset", "Classes", inspection.split == nil ? "Images with one" : "Training images with one",
            ])
            for subset in grouping.subsets {
                table.append(.text(subset.name), .count(subset.classes.count), .count(subset.positives))
            }
            var body = table.text(for: terminal)
            if !grouping.outside.isEmpty {
                body += "In no subset: \(listed(grouping.outside, terminal))\n"
            }
            for note in grouping.notes { body += "Note: \(Printable.line(note))\n" }
            return section("Grouping \(Printable.line(grouping.name))", body, terminal)
        }.joined(separator: "\n")
    }

    private func parts(_ terminal: Terminal) -> String {
        var table = TextTable(["Part", "Images"])
        for (fold, images) in inspection.folds.sorted(by: { $0.key < $1.key }) {
            table.append(.text("fold \(fold)"), .count(images))
        }
        for (split, images) in inspection.splits.sorted(by: { $0.key < $1.key }) {
            table.append(.text("split \(split)"), .count(images))
        }
        return table.rows.isEmpty ? "" : table.text(for: terminal)
    }

    private func checks(_ terminal: Terminal) -> String {
        let found = Dictionary(grouping: inspection.findings, by: \.rank)
        var text = ""
        for (rank, title, mark, colour) in [
            (Inspection.Rank.stopsTraining, "Stops fovea train", terminal.isUnicode ? "✗" : "x", Terminal.Style.red),
            (.weakensResults, "Makes results untrustworthy", "!", .yellow),
            (.note, "Only to know", terminal.isUnicode ? "·" : "-", .faint),
        ] {
            guard let findings = found[rank] else { continue }
            text += terminal.styled(title, .bold) + "\n"
            for finding in findings {
                text +=
                    "  \(terminal.styled(mark, colour)) \(Printable.line(finding.text))\n"
                    + finding.items.prefix(listLimit).map { "      " + Printable.line($0) + "\n" }.joined()
                    + more(finding.items.count, "", indent: "      ")
            }
        }
        return text + inOrder(terminal) + verdict(found)
    }

    /// What was looked for and not found.
    private func inOrder(_ terminal: Terminal) -> String {
        let hasParts = !inspection.folds.isEmpty || !inspection.splits.isEmpty
        let checks = [
            ("missing images", inspection.missing + inspection.leftOut, true),
            ("unreadable images", inspection.unreadable.map(\.image), hasDecoded),
            ("images in which nothing can be seen", inspection.featureless.map(\.image), hasDecoded),
            ("groups of images with the same content", inspection.duplicates.map { $0.joined() }, hasCompared),
            (
                "patients in two splits", inspection.patientConflicts.map(\.patient),
                inspection.patients != nil && hasParts
            ),
        ].filter(\.1.isEmpty)
        return checks.isEmpty
            ? ""
            : terminal.styled("In order", .bold) + "\n"
                + checks.map { what, _, isKnown in
                    isKnown
                        ? "  \(terminal.styled(terminal.isUnicode ? "✓" : "ok:", .green)) no \(what)\n"
                        : "  \(terminal.undefined) \(what): not checked\n"
                }.joined()
    }

    /// The last line, which a terminal shows whatever is above it.
    private func verdict(_ found: [Inspection.Rank: [Inspection.Finding]]) -> String {
        let (stops, weakens) = (found[.stopsTraining]?.count ?? 0, found[.weakensResults]?.count ?? 0)
        return "\n"
            + (stops == 0
                ? "Nothing that was checked stops fovea train"
                : Pluralization.count(stops, "finding stops fovea train", "findings stop fovea train"))
            + (weakens == 0
                ? ""
                : ", \(stops == 0 ? "but " : "")\(weakens) \(weakens == 1 ? "makes" : "make") its results untrustworthy")
            + ".\n"
    }

    private func more(_ count: Int, _ what: String, indent: String = "") -> String {
        guard count > listLimit else { return "" }
        return "\(indent)and \(NumberFormat.count(count - listLimit)) more\(what.isEmpty ? "" : " " + what)\n"
    }

    /// The first of some classes, by their names for people.
    private func listed(_ names: [String], _ terminal: Terminal) -> String {
        let shown = names.prefix(listLimit).map { Printable.line(name($0)) }.joined(separator: ", ")
        return names.count > listLimit ? "\(shown) and \(names.count - listLimit) more" : shown
    }
}
