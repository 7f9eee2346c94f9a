import Basics
import Cohorts
import Evaluation
import Foundation
import Plots
import Prediction
import Reports
import RunFiles
import Settings
import Torch

/// Writes what a comparison found: tables, plots, one page.
struct ComparisonReporting {
    let outcome: ComparisonOutcome
    private var folder: String { outcome.folder }

    func write() throws {
        try ComparisonFolder.acceptReport(folder)
        ReportFiles.removeOwn(ComparisonFolder.pageNames.map { PathName.joined(folder, $0) })
        let tables = outcome.tables
        var files = [
            ("means", tables.means()), ("differences", tables.differences()), ("groups", tables.differencesByGroup()),
            ("costs", tables.costs()), ("cells", cells),
        ]
        if let table = outcome.transfer { files.append(("transfer", table)) }
        if outcome.merge == nil { files.append(("decisions", tables.decisions())) }
        for (name, table) in files {
            try AtomicFile.write(table.csv(), to: PathName.joined(folder, name + ".csv"))
        }
        try AtomicFile.write(JSONFormat.encoded(document), to: PathName.joined(folder, "comparison.json"))
        try RunReport(title: "Comparison", facts: facts, sections: sections(tables)).write(
            to: PathName.joined(folder, "comparison.md"))
    }

    /// One row per cell: where it lies and what it cost.
    private var cells: TextTable {
        var table = TextTable([
            "data", "fold", "seed", "technique", "arm", "mAP", "mAUC", "seconds", "images", "views", "multiply-adds",
            "folder",
        ])
        for arm in outcome.arms {
            for (cell, metrics) in zip(arm.cells, arm.metrics) {
                let cost = metrics.wholeCost
                table.append(
                    .text(cell.unit.dataset), .count(cell.unit.fold), .count(cell.unit.seed), .text(cell.technique),
                    .text(cell.arm.fileName), .number(metrics.best.groups.all.averagePrecision.mean),
                    .number(metrics.best.groups.all.rocAUC.mean), .number(cost.seconds),
                    .number(cost.images, decimals: 0),
                    .number(cost.views, decimals: 0), .number(cost.multiplyAdds, decimals: 0),
                    .text(cell.settings.output))
            }
        }
        return table
    }

    var facts: [(name: String, value: String)] {
        let settings = outcome.plan.settings
        return [
            (
                "Data",
                outcome.plan.datasets.map(\.name).joined(separator: ", ") + MergeFile.words(outcome.merge)
            ),
            ("Techniques", settings.techniques.map(\.name).joined(separator: ", ")),
            ("Seeds", settings.seeds.map(String.init).joined(separator: ", ")),
            ("Cells", "\(outcome.plan.cells.count - outcome.missing.count) of \(outcome.plan.cells.count) finished"),
            ("Engine", "libtorch \(Engine.version)"),
        ]
    }

    private func sections(_ tables: ComparisonTables) throws -> [RunReport.Section] {
        var sections = [
            RunReport.Section("Means", paragraphs: outcome.notes(tables), table: tables.means()),
            RunReport.Section("Differences", table: tables.differences(), figures: try gains.map(written)),
            RunReport.Section("Differences by part of the long tail", table: tables.differencesByGroup()),
        ]
        if let table = outcome.transfer {
            sections.append(RunReport.Section("Committees and transfer", paragraphs: TransferTable.notes, table: table))
        }
        // Thresholds and teachers are of the classes as they were trained.
        if outcome.merge == nil {
            sections.append(
                RunReport.Section(
                    "Decisions and calibration",
                    paragraphs: ["Means over the runs, each with thresholds chosen on its own training images."],
                    table: tables.decisions()))
        }
        sections.append(RunReport.Section("Cost of a run", table: tables.costs()))
        return try sections
            + details.map {
                RunReport.Section(
                    $0.title, paragraphs: $0.paragraphs, table: $0.table, figures: try $0.figures.map(written))
            }
    }

    private func written(_ figure: ComparisonReport.Figure) throws -> RunReport.Figure {
        try figure.drawing.write(to: PathName.joined(folder, "plots", figure.name + ".svg"))
        return RunReport.Figure(figure.caption, file: "plots/\(figure.name).svg")
    }

    /// Gain per group and technique, one plot a data set and question.
    var gains: [ComparisonReport.Figure] {
        var questions: [String] = []
        for contrast in outcome.contrasts where !questions.contains(contrast.question) {
            questions.append(contrast.question)
        }
        return questions.compactMap { question in
            let members = outcome.contrasts.filter { $0.question == question }
            guard let first = members.first, first.candidate.arm.isRSKD || first.isOfTechniques else { return nil }
            let title = "\(first.candidate.dataset.name): \(first.name)"
            let plot = GainPlot(title: title, comparisons: members.map { ($0.candidate.technique, $0.result) })
            let name = [
                "gain", first.candidate.dataset.name, first.candidate.arm.fileName, "minus",
                first.isOfTechniques ? "that-of-\(first.reference.technique)" : first.reference.arm.fileName,
            ]
            return ComparisonReport.Figure(
                drawing: plot.drawing(), name: name.joined(separator: "-").replacing(":", with: "-"), caption: title)
        }
    }

    /// The long tail with both models, and teachers against student, of each technique.
    var details: [ComparisonReport.Detail] {
        outcome.contrasts.filter { $0.reference.arm == .plain && $0.candidate.arm.isRSKD }.map(classes)
    }

    private func classes(_ contrast: ComparisonOutcome.Contrast) -> ComparisonReport.Detail {
        let (arm, plain) = (contrast.candidate, contrast.reference)
        let title = "\(arm.dataset.name), \(arm.technique) + \(arm.arm.label)"
        let file = [arm.dataset.name, arm.technique, arm.arm.fileName].joined(separator: "-").replacing(":", with: "-")
        let plot = LongTailPlot(
            title: title, results: [("plain", plain.result), ("student", arm.result)], names: arm.dataset.names)
        let tail = ComparisonReport.Figure(
            drawing: plot.drawing(), name: "long-tail-" + file, caption: "Training images and average precision")
        guard outcome.merge == nil else { return .init(title: title + ": the long tail", figures: [tail]) }
        let teachers = arm.teacherTable
        let pairs = ComparisonReport.Figure(
            drawing: teachers.plot(title: title, bounds: arm.result.bounds).drawing(), name: "teachers-" + file,
            caption: "Plain model, teachers and student class by class")
        return .init(
            title: title + ": teachers against the student",
            paragraphs: [
                "Means over the runs of values within a fold; training and positive images are means and sums over folds."
            ],
            table: teachers.table(), figures: [tail, pairs])
    }

    /// What `comparison.json` holds.
    struct Document: Encodable {
        struct Arm: Encodable {
            var data: String
            var technique: String
            var arm: String
            var folders: [String]
            var evaluation: EvaluationResult
        }
        struct Contrast: Encodable {
            var data: String
            var technique: String
            var candidate: String
            var reference: String
            var referenceTechnique: String
            var result: PairedResult
            @ExplicitNull var holmPValue: Double?
        }
        var fovea = Program.version
        var engine = Engine.version
        var arms: [Arm]
        var differences: [Contrast]
        var unfinished: [String]
    }

    var document: Document {
        Document(
            arms: outcome.arms.map {
                Document.Arm(
                    data: $0.dataset.name, technique: $0.technique, arm: $0.arm.label,
                    folders: $0.cells.map(\.settings.output), evaluation: $0.result)
            },
            differences: outcome.contrasts.map {
                Document.Contrast(
                    data: $0.candidate.dataset.name, technique: $0.candidate.technique,
                    candidate: $0.candidate.arm.label, reference: $0.reference.arm.label,
                    referenceTechnique: $0.reference.technique, result: $0.result, holmPValue: $0.holmPValue)
            }, unfinished: outcome.missing.map(\.name))
    }
}

extension ComparisonPlan.Dataset {
    /// Names for people, by class.
    var names: [String: String] { attributes?.namesByClass(cohort.classes) ?? [:] }
}

extension RunMetrics {
    /// All stages together.
    var wholeCost: ComparisonTables.Cost {
        ComparisonTables.Cost(
            seconds: cost.reduce(0) { $0 + $1.seconds }, images: Double(cost.reduce(0) { $0 + $1.images }),
            views: Double(cost.reduce(0) { $0 + $1.views }),
            multiplyAdds: cost.contains { $0.multiplyAdds == nil }
                ? nil : cost.reduce(0) { $0 + ($1.multiplyAdds ?? 0) },
            predictionMultiplyAdds: predictionMultiplyAdds)
    }
}

extension ComparisonOutcome.Contrast {
    var name: String { "\(candidate.arm.label) minus \(referenceLabel)" }
}

extension ComparisonOutcome.Arm {
    /// The mean over runs of something that each has; nil where one lacks it.
    private func mean(_ value: (RunMetrics) -> Double?) -> Double? {
        let mean = ClassMean(metrics.map(value))
        return mean.classes == metrics.count ? mean.mean : nil
    }

    /// The arm as the tables take it.
    var tabled: ComparisonTables.Arm {
        let costs = metrics.map(\.wholeCost)
        func mean(_ path: (ComparisonTables.Cost) -> Double) -> Double {
            costs.reduce(0) { $0 + path($1) } / Double(max(1, costs.count))
        }
        return ComparisonTables.Arm(
            dataset: dataset.name, technique: technique, name: arm.label, result: result,
            macroF1: self.mean { $0.best.macroF1.mean }, microF1: self.mean { $0.best.microF1 },
            calibrationError: self.mean { $0.best.calibrationError },
            cost: .init(
                seconds: mean(\.seconds), images: mean(\.images), views: mean(\.views),
                multiplyAdds: self.mean(\.wholeCost.multiplyAdds),
                predictionMultiplyAdds: self.mean(\.predictionMultiplyAdds)))
    }

    /// Each class of each teacher beside plain model and student, means over the runs.
    var teacherTable: TeacherTable {
        let classes = dataset.cohort.classes
        let columns = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        let names = dataset.names
        var order: [[String]] = []
        var values: [[String]: [(plain: ClassResult, teacher: RunMetrics.Teacher.Entry, student: ClassResult)]] = [:]
        for run in metrics {
            for teacher in run.teachers {
                for entry in teacher.classes {
                    guard let column = columns[entry.name], let student = run.student else { continue }
                    let key = [teacher.subset, entry.name]
                    if values[key] == nil { order.append(key) }
                    values[key, default: []].append((run.plain.classes[column], entry, student.classes[column]))
                }
            }
        }
        return TeacherTable(
            order.map { key in
                let found = values[key] ?? []
                let column = columns[key[1]] ?? 0
                func mean(_ values: [Double?]) -> Double? { ClassMean(values).mean }
                return TeacherTable.Row(
                    name: names[key[1]] ?? key[1], teacher: key[0],
                    trainingImages: result.classes[column].trainingImages ?? 0,
                    positives: result.classes[column].positives,
                    plainAP: mean(found.map(\.plain.averagePrecision.value)),
                    teacherAP: mean(found.map(\.teacher.averagePrecision)),
                    studentAP: mean(found.map(\.student.averagePrecision.value)),
                    plainAUC: mean(found.map(\.plain.rocAUC.value)), teacherAUC: mean(found.map(\.teacher.rocAUC)))
            })
    }
}

extension ComparisonOutcome {
    /// The same as tables.
    var tables: ComparisonTables {
        ComparisonTables(
            arms: arms.map(\.tabled),
            contrasts: contrasts.map {
                ComparisonTables.Contrast(
                    dataset: $0.candidate.dataset.name, technique: $0.candidate.technique,
                    candidate: $0.candidate.arm.label, reference: $0.referenceLabel, result: $0.result,
                    holmPValue: $0.holmPValue, isOfEqualCompute: $0.reference.arm == .plainLong)
            })
    }

    /// Committees against their best controls; nil where there are none.
    var transfer: TextTable? { TransferTable(arms).table }

    /// How to read the tables, and what is not in them yet.
    func notes(_ tables: ComparisonTables) -> [String] {
        var notes = tables.notes()
        if let merge { notes.insert("Near-synonyms are treated as one class, as \(merge) says.", at: 0) }
        if !missing.isEmpty {
            notes.append(
                "Not finished, so not counted: " + Pluralization.listing(missing.map(\.name))
                    + ". An arm counts with those seeds of which all folds are finished.")
        }
        return notes
    }

    /// The closing words of a comparison on the terminal.
    public func summary(for terminal: Terminal) -> String {
        let tables = tables
        let parts: [(String, TextTable)] =
            [("Means", tables.means()), ("Differences", tables.differences())]
            + (transfer.map { [("Committees and transfer", $0)] } ?? []) + [("Cost of a run", tables.costs())]
        return parts.map { "\n" + terminal.styled($0, .bold) + "\n" + $1.text(for: terminal) }.joined()
            + notes(tables).map { $0 + "\n" }.joined()
    }
}
