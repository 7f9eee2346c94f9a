import Basics
import Cohorts
import ConfigurationFile
import Foundation
import FundusImaging
import Models
import Reports
import RunFiles
import Settings

/// A first configuration for a folder of photographs with its label tables: what is in the folder, and settings that
/// suit it. Meant to be read and changed.
public struct FirstConfiguration {
    /// The settings.
    public internal(set) var settings = RunSettings()
    /// What was found and what follows from it, as (subject, words) for the terminal.
    public internal(set) var findings: [(subject: String, text: String)] = []
    let folder: String

    /// Looks at a folder.
    ///
    /// - Throws: `FoveaError` of kind `data` that says what is missing, or what is wrong with the tables.
    public init(folder: String) throws {
        let folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        self.folder = folder
        let listing = try FolderListing(folder)
        guard listing.imageCount > 0 else {
            throw FoveaError(
                .data, "no photographs were found in \(folder)",
                remedy: "Name the folder that holds them and the label table. \(PhotographFile.sentence)")
        }
        let tables = try LabelTableChoice(listing)
        describe(tables, listing)
        let attributes = findAttributes(listing, tables)
        let classNames = tables.chosen[0].table.classNames
        if let classNames {
            findings.append(("labels", "the column \"\(classNames)\" names the class of each image"))
        } else if attributes == nil, tables.chosen.contains(where: { !$0.table.others.isEmpty }) {
            settings.data.classes = tables.chosen[0].table.labels
        }
        let (cohort, _) = try settings.data.readCohort()
        if let note = cohort.leftOutNote {
            findings.append(("missing", note))
            findings.append(("", "so data.missing is written as skip; with fail, training would stop at such a row"))
        }
        let names = attributes?.names(of: cohort.classes) ?? cohort.classes
        let normal = NormalClass.index(in: cohort.classes, titles: names)
        findings.append(
            (
                "normal",
                normal.map { "\"\(cohort.classes[$0])\" means that nothing was found" }
                    ?? "no class is known to mean that nothing was found; if one does, name it in data.normal"
            ))
        let trained = try chooseSplit(cohort, tables)
        let sizes = try ImageSizes(cohort)
        findings.append(("pictures", sizes.text))
        settings.image.resolution = sizes.resolution
        settings.image.crop = sizes.areCut ? .none : .fieldOfView
        chooseTraining(images: trained.count)
        chooseDistillation(cohort, attributes, rows: trained)
        try chooseWeights(listing)
        settings.output = "runs/" + Self.name(of: folder)
    }

    /// The configuration file: every key with its meaning above it.
    public var yaml: String {
        "# A first configuration for \(Printable.line(folder)), written by "
            + "`fovea init`.\n# Every key is here with its value; change what you like, or leave keys out for their "
            + "defaults.\n\n" + ConfigurationWriter.yaml(settings)
    }

    /// Writes the file, unless there is one already.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when there is; of kind `storage` when it cannot be written.
    public func write(to output: OutputFile) throws { try output.writeNew(yaml) }

    private mutating func describe(_ tables: LabelTableChoice, _ listing: FolderListing) {
        for (table, place) in tables.chosen {
            findings.append(
                (
                    "table",
                    "\(table.name): \(NumberFormat.count(table.images.count)) \(table.images.count == 1 ? "row" : "rows"), "
                        + "\(Pluralization.count(table.labels.count, "class", "classes")); images in "
                        + (place.folder.isEmpty ? folder : place.folder + "/")
                        + (place.pattern.map { " named \($0)" } ?? "")
                ))
            if place.found < table.images.count { settings.data.missing = .skip }
            if !table.others.isEmpty {
                findings.append(("", "not classes: \(Pluralization.listing(table.others))"))
            }
        }
        func path(_ place: ImagePlace) -> String {
            place.folder.isEmpty ? folder : PathName.joined(folder, place.folder)
        }
        if tables.chosen.count == 1, let (table, place) = tables.chosen.first, place.pattern == nil {
            settings.data.table = table.path
            settings.data.images = path(place)
        } else {
            settings.data.tables = tables.chosen.map { table, place in
                TableSettings(
                    path: table.path, images: path(place), split: tables.chosen.count > 1 ? table.word?.rawValue : nil,
                    pattern: place.pattern)
            }
        }
        if !tables.passedOver.isEmpty {
            findings.append(("", "not used: \(tables.passedOver.joined(separator: ", "))"))
        }
        for note in listing.passedOver.notes { findings.append(("", note)) }
        if tables.chosen.allSatisfy({ $0.table.hasOneLabelEach }) {
            settings.data.labels = .single
            findings.append(("labels", "exactly one for each image, so data.labels is single (softmax)"))
        }
    }

    private mutating func findAttributes(_ listing: FolderListing, _ tables: LabelTableChoice) -> ClassAttributes? {
        let columns = Set(tables.chosen.flatMap(\.table.labels))
        let fitting = listing.descriptions.compactMap { try? ClassAttributes(path: PathName.joined(folder, $0)) }
            .filter { $0.classes.allSatisfy(columns.contains) }
        guard let best = fitting.max(by: { $0.entries.count < $1.entries.count }) else { return nil }
        settings.data.attributes = best.source
        let rest = columns.subtracting(best.classes).sorted()
        findings.append(
            (
                "attributes",
                "\(best.source): \(Pluralization.count(best.entries.count, "class", "classes")) with \(best.axes.joined(separator: ", "))"
                    + (rest.isEmpty ? "" : "; other columns are left out: \(Pluralization.listing(rest))")
            ))
        return best
    }

    private static func name(of folder: String) -> String {
        let name = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
        let plain = name.unicodeScalars.map { $0.properties.generalCategory == .control ? "_" : String($0) }.joined()
        return plain.isEmpty || plain == "/" ? "run" : plain
    }
}

extension FirstConfiguration {
    /// What was found, and what to do next.
    public func text(for terminal: Terminal, writtenTo path: String) -> String {
        let width = findings.map(\.subject.count).max() ?? 0
        let lines = findings.map { "  " + DisplayText.pad($0.subject, to: width) + "  " + Printable.line($0.text) }
        return terminal.styled("Found in \(folder)", .bold) + "\n" + lines.joined(separator: "\n")
            + "\n\nWrote \(path). Next:\n  fovea inspect \(ShellWord.quoted(path))\n  fovea train \(ShellWord.quoted(path))\n"
            + "The run will be in \(settings.output):\n  fovea predict \(ShellWord.quoted(settings.output)) PHOTOGRAPH\n"
    }
}
