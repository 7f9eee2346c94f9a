import Backbones
import Basics
import Cohorts
import Distillation
import Evaluation
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import Plots
import Reports
import RunFiles
import Settings
import Torch
import Training

/// Writes everything of a run folder that is for readers: model, predictions, metrics, plots, report.
struct RunReporting {
    let outcome: RunOutcome
    let runner: StageRunner
    let recorder: HistoryRecorder
    let folder: RunFolder
    let sessions: RunSessions
    /// What the labels were read from.
    let labels: LabelHashes
    /// The hash of `config.yaml`.
    let configuration: String

    func write() throws {
        // `fovea report` wrote them about other results.
        ReportFiles.removeOwn(RunFolder.pageNames.map(folder.file))
        let split = RunSplit(runner.cohort, runner.data.cache, runner.preparedData.split).text
        // Until all of it is written, a folder that was finished with another split vouches for no model.
        if try !RegularFile.exists(folder.file(RunSplit.name))
            || Digest.sha256(fileAt: folder.file(RunSplit.name)) != Digest.sha256(split)
        {
            unlink(folder.file("metrics.json"))
        }
        try AtomicFile.write(split, to: folder.file(RunSplit.name))
        try save(outcome.measured.best, in: "")
        let weights = try ModelBundle.weightsHash(in: folder.path)
        // Whatever lies beside it: what was trained is written.
        do {
            let foreign = try RunFolder.foreignCalibration(in: folder.path, weights: weights)
            if let foreign { runner.context.logger.warning("\(foreign)") }
        } catch {
            runner.context.logger.warning("\(error.onOneLine)")
        }
        if let student = outcome.studentResult, let difference = outcome.difference {
            try Folder.make(folder.file("plain"))
            try save(outcome.measured.plain, in: "plain/")
            try writeReport(student, difference)
        } else {
            try writeReport(nil, nil)
        }
        try sessions.write()
        let seconds = sessions.seconds
        var metrics = RunMetrics(
            precision: runner.planner.precision, labelTables: labels.tables, attributes: labels.attributes,
            configuration: configuration, split: Digest.sha256(split), files: try fileHashes,
            plain: outcome.plainResult, teachers: teachers, student: outcome.studentResult,
            difference: outcome.difference, cost: outcome.costs,
            predictionMultiplyAdds: outcome.predictionMultiplyAdds, seconds: seconds.reduce(0, +), sessions: seconds)
        metrics.candidates = candidates.isEmpty ? nil : candidates
        // Last: a folder with metrics.json is a finished run.
        try folder.write(metrics, to: "metrics.json")
    }

    /// The hashes of what was written for other commands, by the path in the run folder.
    private var fileHashes: [String: String] {
        get throws {
            let places = outcome.studentResult == nil ? [""] : ["", "plain/"]
            let paths = places.flatMap { place in RunResults.names.map { place + $0 } } + [HistoryFile.name]
            return Dictionary(
                uniqueKeysWithValues: try paths.map { ($0, try Digest.sha256(fileAt: folder.file($0))) })
        }
    }

    /// The trainings of which the best was taken.
    private var candidates: [RunMetrics.Candidate] {
        guard let choice = outcome.plan.choice else { return [] }
        return zip(outcome.settings.training.candidates, choice.means).enumerated().map { index, candidate in
            RunMetrics.Candidate(
                training: candidate.0.words, meanAveragePrecision: candidate.1, taken: index == choice.best)
        }
    }

    /// Each teacher on the validation images, class by class.
    private var teachers: [RunMetrics.Teacher] {
        outcome.measured.teachers.map { teacher in
            RunMetrics.Teacher(
                subset: teacher.subset.name,
                classes: teacher.subset.classes.enumerated().map { index, column in
                    RunMetrics.Teacher.Entry(
                        name: runner.cohort.classes[column],
                        averagePrecision: teacher.summary.averagePrecision[index],
                        rocAUC: teacher.summary.rocAUC[index])
                })
        }
    }

    private func save(_ model: RunMeasurements.Model, in place: String) throws {
        var bundle = model.stage.bundle
        // A reused stage may have been trained under another limit of pixels.
        bundle.description.image = outcome.settings.image
        bundle.description.thresholds = model.thresholds
        // A reused stage may have been trained beside another file of attributes.
        let labels = runner.preparedData.attributes?.names(of: bundle.description.classes)
        bundle.description.classLabels = labels == bundle.description.classes ? nil : labels
        bundle.description.normalClass = outcome.settings.data.normal
        try bundle.save(to: folder.file(place.isEmpty ? "." : place))
        try folder.write(model.outcomes, to: place + "predictions.csv")
    }

    /// What the table of costs does not show.
    private var costNotes: [String] {
        guard outcome.plan.student != nil, outcome.settings.technique.mixing.kind != .none else { return [] }
        return [
            "The student saw mixed images, on which its teachers were evaluated in each step; those seconds are among the "
                + "student's."
        ]
    }

    /// Names for people, by class.
    private var names: [String: String] {
        runner.preparedData.attributes?.namesByClass(runner.cohort.classes) ?? [:]
    }

    private func writeReport(_ student: EvaluationResult?, _ difference: PairedResult?) throws {
        try Folder.make(folder.file("plots"))
        var models: [(name: String, result: EvaluationResult)] = [("plain", outcome.plainResult)]
        if let student { models.append((outcome.plan.studentName, student)) }
        var sections: [RunReport.Section] = []
        func figure(_ drawing: Drawing, _ name: String, _ caption: String) throws -> RunReport.Figure {
            try drawing.write(to: folder.file("plots/" + name + ".svg"))
            return RunReport.Figure(caption, file: "plots/\(name).svg")
        }

        for (name, result) in models {
            let tables = EvaluationTables(result, names: names)
            sections.append(.init("The \(name) model", paragraphs: tables.notes(), table: tables.summary()))
        }
        if let difference {
            let name = outcome.plan.studentName
            let tables = DifferenceTables(difference, candidate: name, reference: "plain", names: names)
            let plot = GainPlot(
                title: name.capitalized + " minus plain model",
                comparisons: [(outcome.plan.isCommittee ? name : "RSKD", difference)])
            sections.append(
                .init(
                    outcome.plan.isCommittee ? "What the committee changes" : "What distillation changed",
                    paragraphs: tables.notes() + studentNotes, table: tables.summary(),
                    figures: [try figure(plot.drawing(), "gain", "Difference in mean average precision")]))
            sections.append(.init((sections.last?.title ?? "") + ", class by class", table: tables.classes()))
            let table = TeacherTable(teachers, plain: outcome.plainResult, student: student, names: names)
            let title = "Average precision of plain model, teachers and \(name)"
            sections.append(
                .init(
                    "Teachers against the plain model", paragraphs: teacherNotes, table: table.table(),
                    figures: [
                        try figure(
                            table.plot(title: title, bounds: outcome.plainResult.bounds).drawing(), "teachers",
                            "Class by class")
                    ]))
        }
        let tail = LongTailPlot(title: "The long tail", results: models, names: names)
        var figures = [try figure(tail.drawing(), "long-tail", "Training images and average precision")]
        for (name, result) in models {
            let table = EvaluationTables(result, names: names).classes(isFull: true)
            sections.append(.init("The \(name) model, class by class", table: table, figures: figures))
            figures = []
        }
        let rows = candidates.map { candidate -> [TextTable.Cell] in
            [
                .text(candidate.training), .number(candidate.meanAveragePrecision),
                .text(candidate.taken ? "taken, trained on all training patients" : ""),
            ]
        }
        sections.append(.init("Candidates", table: TextTable(["Training", "mAP on the inner split", "Choice"], rows)))
        let plainStages = outcome.plan.plain.second == nil ? 1 : 2
        let cost = CostTable(
            outcome.costs, plainStages: outcome.plan.subsets == nil ? outcome.costs.count : plainStages)
        let costParagraphs = cost.notes(of: outcome.plan.studentName) + costNotes
        sections.append(.init("Cost", paragraphs: costParagraphs, table: cost.table()))
        var reliability = [ReliabilityPlot.Model("plain", outcomes: outcome.measured.plain.outcomes)]
        if let student = outcome.measured.student {
            reliability.append(.init(outcome.plan.studentName, outcomes: student.outcomes))
        }
        let calibration = ReliabilityPlot(title: "Calibration", models: reliability)
        let curves = TrainingCurvesPlot(title: "Training", history: recorder.rows)
        sections.append(
            .init(
                "Training and calibration",
                figures: [
                    try figure(curves.drawing(), "training", "Loss and validation mAP"),
                    try figure(calibration.drawing(), "calibration", "Reliability"),
                ]))
        let title =
            outcome.settings.distillation.map {
                (outcome.plan.isCommittee ? "A committee" : "Distillation")
                    + " by \($0.grouping) against the plain model"
            }
            ?? "The plain model"
        try RunReport(title: title, facts: facts, sections: sections).write(to: folder.file("report.md"))
    }

    /// What makes the student's images differ from the plain model's.
    private var studentNotes: [String] {
        guard outcome.settings.distillation?.weights == .selfPaced else { return [] }
        return [
            "With self-paced weights the student was trained without the inner part of the training patients, the plain "
                + "model with it: part of a difference may come from the number of images."
        ]
    }

    /// What the grouping left out or learnt, and what makes the teachers' images differ from the plain model's.
    private var teacherNotes: [String] {
        let notes = (outcome.plan.subsets?.grouping.notes ?? []).map { "Grouping: " + $0 + "." }
        guard outcome.plan.subsets?.inner != nil else { return notes }
        return notes + [
            "The weights measure teachers on an inner part of the training patients, so the teachers were trained without "
                + "it. The plain model here was trained with it: a teacher that ranks worse may only have seen fewer images."
        ]
    }

    /// Of all sessions.
    private var time: String {
        let seconds = sessions.seconds
        return ProgressReporter.clock(seconds.reduce(0, +)) + (seconds.count > 1 ? " in \(seconds.count) sessions" : "")
    }

    private var facts: [(name: String, value: String)] {
        let settings = runner.settings
        let split = runner.preparedData.split
        return [
            ("Run", folder.path),
            ("Data", runner.cohort.source),
            ("Split", "\(split.name): \(split.training.count) training, \(split.validation.count) validation images"),
            ("Network", "\(settings.model.architecture.rawValue) at \(settings.image.resolution) px"),
            ("Technique", settings.technique.summary(settings.data.labels)),
            ("Distillation", settings.distillation?.summary ?? "none"),
            (
                "Engine",
                "libtorch \(Engine.version), \(runner.planner.precision.rawValue) on \(runner.context.device)"
            ),
            ("Time", time),
        ]
    }
}

extension RunOutcome {
    /// The closing words of a run on the terminal.
    public func summary(for terminal: Terminal) -> String {
        var text = ""
        func add(_ title: String, _ table: TextTable, _ line: String = "") {
            text += "\n" + terminal.styled(title, .bold) + "\n" + table.text(for: terminal) + line
        }
        func add(_ title: String, _ result: EvaluationResult) {
            let tables = EvaluationTables(result)
            add(title, tables.summary(), tables.headline + "\n")
        }
        add("Plain model", plainResult)
        if let studentResult, let difference {
            add(plan.studentName.capitalized, studentResult)
            add(
                plan.studentName.capitalized + " minus plain",
                DifferenceTables(difference, candidate: plan.studentName, reference: "plain").summary())
        }
        return text
    }
}
