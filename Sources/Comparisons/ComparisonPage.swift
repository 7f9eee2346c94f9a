import Basics
import Cohorts
import Foundation
import Reports
import RunFiles
import Settings

extension ComparisonOutcome {
    /// Writes `report.html`, and `report.json` with the same numbers, into the folder of the comparison.
    ///
    /// - Returns: their paths.
    /// - Throws: `FoveaError` of kind `configuration` where a file of such a name was not written by Fovea.
    public func writePage() throws -> [String] {
        let paths = ComparisonFolder.pageNames.map { PathName.joined(folder, $0) }
        try ReportFiles.requireOwn(paths)
        let reporting = ComparisonReporting(outcome: self)
        let tables = tables
        var report = ComparisonReport(
            name: PathName.name(ofFolder: folder), facts: reporting.facts + [("Fovea", Program.version)],
            notes: notes(tables), arms: words, tables: tables, hasDecisions: merge == nil)
        report.hasDistillation = plan.cells.contains { $0.settings.distillation != nil }
        report.gains = reporting.gains.map(\.drawing)
        report.details = reporting.details
        report.cells = try pageCells()
        report.hashes = try fileHashes()
        report.commands = commands
        let document = PageDocument(results: reporting.document, report: report)
        try AtomicFile.write(report.page.text, to: paths[0])
        try AtomicFile.write(JSONFormat.encoded(document), to: paths[1])
        return paths
    }

    /// The arms of the plan in words, each once, whether they are finished or not.
    private var words: [(name: String, words: String)] {
        var seen = Set<ComparisonArm>()
        return plan.cells.map(\.arm.family).filter { seen.insert($0).inserted }.map { ($0.label, $0.words) }
    }

    private func pageCells() throws -> [ComparisonReport.Cell] {
        let open = Set(missing.map(\.name))
        let place = PathName.absolute(folder)
        return try plan.cells.map { cell in
            let output = cell.settings.output
            let isFinished = !open.contains(cell.name)
            return ComparisonReport.Cell(
                name: cell.name,
                state: isFinished ? ComparisonCell.State.finished.rawValue : try cell.state().rawValue,
                reason: isFinished ? nil : LogFile.lastError(in: PathName.joined(output, RunFolder.logName)),
                folder: PathName.relative(PathName.absolute(output), from: place),
                hasReport: FileManager.default.fileExists(atPath: PathName.joined(output, RunFolder.pageNames[0])),
                seconds: isFinished
                    ? try RunMetrics.read(PathName.joined(output, "metrics.json")).wholeCost.seconds : nil)
        }
    }

    /// The tables and attributes of the data sets, by the data set where there are several.
    private func fileHashes() throws -> [(name: String, sha256: String)] {
        let data = plan.datasets.flatMap { dataset -> [(name: String, sha256: String)] in
            let tables = dataset.cohort.tables
            let names = PathName.shortest(tables.map(\.path))
            let attributes = dataset.labels.attributes.map { [(name: "attributes", sha256: $0)] } ?? []
            return (zip(names, tables).map { (name: $0, sha256: $1.sha256) } + attributes)
                .map { (plan.datasets.count > 1 ? "\(dataset.name): \($0.name)" : $0.name, $0.sha256) }
        }
        let own = ["means.csv", "differences.csv", "comparison.json"].map { ($0, PathName.joined(folder, $0)) }
        let merged = merge.map { [("near-synonyms", $0)] } ?? []
        return data + (try (merged + own).map { (name: $0.0, sha256: try Digest.sha256(fileAt: $0.1)) })
    }

    private var commands: [String] {
        let output = plan.settings.output
        let description = PathName.joined(output, ComparisonFolder.descriptionName)
        // Relative paths in the description count from where the comparison was begun.
        let place = (try? ComparisonFolder.read(output)).map { ["cd " + ShellWord.quoted($0.madeIn)] } ?? []
        let part = PathName.absolute(folder) != PathName.absolute(output)
        let compare = "fovea compare \(ShellWord.quoted(description))"
        return place + [
            compare + " --set output=ANOTHER_FOLDER",
            part ? compare + " --report \(arguments)" : "fovea report \(ShellWord.quoted(output))",
        ]
    }

    /// What `fovea compare --report` was given for results of a part.
    private var arguments: String {
        ((folds.isEmpty ? [] : ["--folds"] + folds.map(String.init))
            + (merge.map { ["--merge", ShellWord.quoted($0)] } ?? []))
            .joined(separator: " ")
    }
}

/// `report.json`: what `comparison.json` holds, and the rest of the page.
private struct PageDocument: Encodable {
    private struct File: Encodable {
        var name: String
        var sha256: String
    }

    let results: ComparisonReporting.Document
    let report: ComparisonReport

    private enum CodingKeys: String, CodingKey { case facts, notes, cells, files, commands }

    func encode(to encoder: any Encoder) throws {
        try results.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(
            Dictionary(report.facts.map { ($0.name, $0.value) }) { first, _ in first }, forKey: .facts)
        try container.encode(report.notes, forKey: .notes)
        try container.encode(report.cells, forKey: .cells)
        try container.encode(report.hashes.map { File(name: $0.name, sha256: $0.sha256) }, forKey: .files)
        try container.encode(report.commands, forKey: .commands)
    }
}
