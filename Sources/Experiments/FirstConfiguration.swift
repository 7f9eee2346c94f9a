import Backbones
import Basics
import Cohorts
import Configuration
import Foundation
import FundusImaging
import Models
import Reports
import Weights

/// A first configuration for a folder of photographs with its label tables: what is in the folder, and settings that
/// suit it. Meant to be read and changed.
public struct FirstConfiguration {
    /// The settings.
    public private(set) var settings = RunSettings()
    /// What was found and what follows from it, as (subject, words) for the terminal.
    public private(set) var findings: [(subject: String, text: String)] = []
    private let folder: String

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
                remedy: "Name the folder that holds them and the label table; photographs are JPEG, PNG or TIFF files.")
        }
        let tables = try LabelTableChoice(listing)
        describe(tables, listing)
        let attributes = findAttributes(listing, tables)
        if attributes == nil, tables.chosen.contains(where: { !$0.table.others.isEmpty }) {
            settings.data.classes = tables.chosen[0].table.labels
        }
        let (cohort, _) = try Preparation.readCohort(settings.data)
        let trained = try chooseSplit(cohort, tables)
        let pictures = try PictureSizes(cohort)
        findings.append(("pictures", pictures.text))
        settings.image.resolution = pictures.resolution
        settings.image.crop = pictures.areCut ? .none : .fieldOfView
        chooseTraining(images: trained.count)
        chooseDistillation(cohort, attributes, rows: trained)
        try chooseWeights(listing)
        settings.output = "runs/" + Self.name(of: folder)
    }

    /// Whether there is a folder at `path`.
    public static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    /// The configuration file: every key with its meaning above it.
    public var yaml: String {
        "# A first configuration for \(folder.split(whereSeparator: \.isNewline).joined(separator: " ")), written by "
            + "`fovea init`.\n# Every key is here with its value; change what you like, or leave keys out for their "
            + "defaults.\n\n" + ConfigurationWriter.yaml(settings)
    }

    /// Writes the file, unless there is one already.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when there is; of kind `storage` when it cannot be written.
    public func write(to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw AtomicFile.failure("create", path) }
            throw FoveaError(
                .configuration, "\(path) exists already and is left as it is",
                remedy: "Choose another name with --output.")
        }
        defer { close(descriptor) }
        do {
            try Data(yaml.utf8).withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
        } catch {
            unlink(path)
            throw error
        }
    }

    private mutating func describe(_ tables: LabelTableChoice, _ listing: FolderListing) {
        for (table, place) in tables.chosen {
            let missing = table.images.count - place.found
            findings.append(
                (
                    "table",
                    "\(table.name): \(Figures.count(table.images.count)) rows, \(table.labels.count) classes; images in "
                        + (place.folder.isEmpty ? folder : place.folder + "/")
                        + (place.pattern.map { " named \($0)" } ?? "")
                        + (missing > 0 ? "; \(Figures.count(missing)) rows without an image are left out" : "")
                ))
            if missing > 0 { settings.data.missing = .skip }
            if !table.others.isEmpty {
                findings.append(("", "not classes: \(PredictionTable.listing(table.others))"))
            }
        }
        func path(_ place: ImagePlace) -> String { place.folder.isEmpty ? folder : folder + "/" + place.folder }
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
        if tables.chosen.allSatisfy({ $0.table.hasOneLabelEach }) {
            settings.data.labels = .single
            findings.append(("labels", "exactly one for each image, so data.labels is single (softmax)"))
        }
    }

    private mutating func findAttributes(_ listing: FolderListing, _ tables: LabelTableChoice) -> ClassAttributes? {
        let columns = Set(tables.chosen[0].table.labels)
        let fitting = listing.descriptions.compactMap { try? ClassAttributes(path: folder + "/" + $0) }
            .filter { $0.classes.allSatisfy(columns.contains) }
        guard let best = fitting.max(by: { $0.entries.count < $1.entries.count }) else { return nil }
        settings.data.attributes = best.source
        let rest = columns.subtracting(best.classes).sorted()
        findings.append(
            (
                "attributes",
                "\(best.source): \(best.entries.count) classes with \(best.axes.joined(separator: ", "))"
                    + (rest.isEmpty ? "" : "; other columns are left out: \(PredictionTable.listing(rest))")
            ))
        return best
    }

    /// Chooses the split and gives the rows that train.
    private mutating func chooseSplit(_ cohort: Cohort, _ tables: LabelTableChoice) throws -> [Int] {
        let patients = cohort.knowsPatients ? "whole patients" : "images, since the table names no patients"
        let splits = Set(cohort.photographs.compactMap(\.split)).sorted()
        let words = splits.map { (name: $0, word: SplitWord(in: $0)) }
        let training = words.filter { $0.word == .train }.map(\.name)
        let validation = words.filter { $0.word == .val }.map(\.name)
        let test = words.filter { $0.word == .test }.map(\.name)
        let folds = Set(cohort.photographs.compactMap(\.fold)).sorted()
        var attempts: [(text: String, split: SplitSettings)] = []
        if !training.isEmpty, !(validation + test).isEmpty {
            var split = SplitSettings()
            split.method = .column
            split.training = training
            split.validation = validation.isEmpty ? test : validation
            let rest = splits.filter { !(split.training + split.validation).contains($0) }
            let others = rest.isEmpty ? "" : "; left aside: \(rest.joined(separator: ", "))"
            attempts.append(
                (
                    "\(training.joined(separator: ", ")) trains, \(split.validation.joined(separator: ", ")) validates"
                        + others, split
                ))
        }
        if folds.count > 1, let first = folds.first {
            var split = SplitSettings()
            split.method = .fold
            split.validationFolds = [first]
            attempts.append(("by the fold column: fold \(first) of \(folds.count) validates", split))
        }
        var made = SplitSettings()
        made.folds = max(2, min(made.folds, Set(cohort.patientNumbers).count))
        attempts.append(("made by Fovea from the seed: \(made.folds) folds of \(patients); fold 0 validates", made))
        var trouble: (any Error)?
        for (text, split) in attempts {
            settings.data.split = split
            do {
                let parts = try Preparation.divide(cohort, settings)
                if let error = trouble as? FoveaError { findings.append(("", "passed over: \(error.message)")) }
                let counts = [parts.training, parts.validation].map { Figures.count($0.count) }
                findings.append(("split", "\(text) (\(counts[0]) training and \(counts[1]) validation images)"))
                return parts.training
            } catch {
                trouble = error
            }
        }
        throw trouble ?? FoveaError(.data, "\(cohort.source) cannot be divided")
    }

    /// More passes over little data, smaller batches too: about as many steps in any case.
    private mutating func chooseTraining(images: Int) {
        settings.training.epochs = max(5, min(40, 50_000 / max(1, images)))
        settings.training.batchSize = images < 250 ? 8 : images < 1000 ? 16 : images < 2500 ? 32 : 64
        if images < settings.training.batchSize { settings.training.dropsLast = false }
        let steps = settings.training.epochs * max(1, images / settings.training.batchSize)
        settings.training.warmUpSteps = min(60, steps / 10)
        findings.append(
            ("training", "\(settings.training.epochs) epochs in batches of \(settings.training.batchSize)"))
    }

    /// Teachers by region where it is known, else by the first attribute, else by how frequent classes are.
    private mutating func chooseDistillation(_ cohort: Cohort, _ attributes: ClassAttributes?, rows: [Int]) {
        let axes = attributes?.axes ?? []
        let grouping = axes.contains("region") ? "region" : axes.first ?? "shot"
        let made = try? Grouping.make(
            grouping, classes: cohort.classes, counts: cohort.classCounts(rows: rows), attributes: attributes)
        guard let made, made.subsets.count > 1 else {
            findings.append(("teachers", "none: the classes fall into no subsets, so only a plain model is trained"))
            return
        }
        var distillation = DistillationSettings()
        distillation.grouping = grouping
        distillation.teachers.epochs = min(distillation.teachers.epochs, settings.training.epochs)
        settings.distillation = distillation
        let reason = attributes == nil ? "; no attribute file was found, which would allow region or feature" : ""
        findings.append(
            ("teachers", "\(made.subsets.count), by \(grouping)\(reason); `distillation: null` trains without"))
    }

    private mutating func chooseWeights(_ listing: FolderListing) throws {
        for name in listing.weights {
            let path = folder + "/" + name
            guard let file = try? WeightFile.open(path), let architecture = Architecture(holding: file) else {
                continue
            }
            settings.model.weights = path
            settings.model.architecture = architecture
            findings.append(("weights", "\(name) for \(architecture.rawValue)"))
            return
        }
        findings.append(
            (
                "weights",
                "none, so \(settings.model.architecture.rawValue) starts from random weights. Pretrained ones help much: "
                    + "torchvision's or timm's, as .safetensors or .pth, in model.weights"
            ))
    }

    private static func name(of folder: String) -> String {
        let name = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
        return name.isEmpty || name == "/" ? "run" : name
    }
}

extension FirstConfiguration {
    /// What was found, and what to do next.
    public func text(for terminal: Terminal, writtenTo path: String) -> String {
        let width = findings.map(\.subject.count).max() ?? 0
        let lines = findings.map { "  " + DisplayText.pad($0.subject, to: width) + "  " + DisplayText.oneLine($0.text) }
        return terminal.styled("Found in \(folder)", .bold) + "\n" + lines.joined(separator: "\n")
            + "\n\nWrote \(path). Next:\n  fovea inspect \(path)\n  fovea train \(path)\n"
    }
}
