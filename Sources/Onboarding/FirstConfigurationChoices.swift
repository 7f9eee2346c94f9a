import Backbones
import Basics
import Cohorts
import FundusImaging
import Reports
import Settings
import Weights

// How the settings follow from what was found.

extension FirstConfiguration {
    /// Chooses the split and gives the rows that train.
    mutating func chooseSplit(_ cohort: Cohort, _ tables: LabelTableChoice) throws -> [Int] {
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
        var problem: (any Error)?
        for (text, split) in attempts {
            settings.data.split = split
            do {
                let parts = try settings.divide(cohort)
                if let problem { findings.append(("", "skipped: \(problem.problem)")) }
                let counts = [parts.training, parts.validation].map { NumberFormat.count($0.count) }
                findings.append(("split", "\(text) (\(counts[0]) training and \(counts[1]) validation images)"))
                return parts.training
            } catch {
                problem = error
            }
        }
        throw problem ?? FoveaError(.data, about: cohort.source, "cannot be divided")
    }

    /// More passes over little data, smaller batches too: about as many steps in any case.
    mutating func chooseTraining(images: Int) {
        settings.training.epochs = max(5, min(40, 50_000 / max(1, images)))
        settings.training.batchSize = images < 250 ? 8 : images < 1000 ? 16 : images < 2500 ? 32 : 64
        if images < settings.training.batchSize { settings.training.dropsLast = false }
        let steps = settings.training.epochs * max(1, images / settings.training.batchSize)
        settings.training.warmUpSteps = min(60, steps / 10)
        findings.append(
            ("training", "\(settings.training.epochs) epochs in batches of \(settings.training.batchSize)"))
    }

    /// Teachers by region where it is known, else by the first attribute, else by how frequent classes are.
    mutating func chooseDistillation(_ cohort: Cohort, _ attributes: ClassAttributes?, rows: [Int]) {
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

    mutating func chooseWeights(_ listing: FolderListing) throws {
        for name in listing.weights {
            let path = PathName.joined(folder, name)
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
}
