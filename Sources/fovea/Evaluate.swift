import ArgumentParser
import Basics
import Execution
import Logging
import Prediction
import Reports
import RunFiles
import Settings

import enum Torch.Precision

extension RowFilter: ExpressibleByArgument {
    /// Reads an argument; nil is reported as a wrong value.
    public init?(argument: String) { self.init(argument) }
}

/// `fovea evaluate`: metrics of a model, or of the probabilities of any program.
struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Evaluates a model, or the probabilities of any program, with intervals.",
        usage: """
            fovea evaluate MODEL [DATASET] [--split SPLIT]
            fovea evaluate MODEL --labels TABLE --images FOLDER
            fovea evaluate --predictions TABLE [--versus TABLE] --labels TABLE [--train-labels TABLE] \
            [--thresholds FILE]
            """,
        discussion: """
            A prediction table has an image column and one column of probabilities for each class; its classes are \
            evaluated, and the label table may have more. Rows that do not match, or that occur twice, are errors. \
            Patients are taken from the label table's column "patient", where there is one. Several tables of the same \
            images are seeds of one model: metrics are the means of theirs, and intervals draw among them too. With \
            --out-of-fold several tables of different images are joined instead. Started by torchrun --no-python, srun or \
            mpirun, several processes divide the images that a model predicts (docs/scaling.md).
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String?

    @OptionGroup var data: DatasetOptions

    @Option(help: "A table of probabilities to evaluate, instead of a model; may be repeated, one table per seed.")
    var predictions: [String] = []

    @Option(help: "Another one on the same images: shows --predictions minus --versus; may be repeated.")
    var versus: [String] = []

    @Flag(help: "--predictions and --versus are of the same seeds in the same order; intervals draw them together.")
    var sameSeeds = false

    @Option(
        name: .customLong("where"),
        help: "Rows of --labels to evaluate on: COLUMN=VALUE or COLUMN!=VALUE; several values as VALUE,VALUE.")
    var filter: RowFilter?

    @Option(help: "The label table of the training images: divides the classes into many, medium and few.")
    var trainLabels: String?

    @Option(name: .customLong("train-where"), help: "Rows of --train-labels that trained, in the same form.")
    var trainFilter: RowFilter?

    @Option(help: "Decision thresholds: JSON or YAML {class: number}, CSV class,threshold, or a model's config.json.")
    var thresholds: String?

    @Option(help: "Near-synonyms treated as one class: YAML of the form merge: {NAME: [CLASS, CLASS], ...}.")
    var merge: String?

    @Flag(
        help: "The predictions come from several models, each evaluated on the fold it did not see (column \"fold\").")
    var outOfFold = false

    @Option(
        parsing: .unconditional,
        help: "Rounds of the bootstrap; 0 for no intervals (default: 1000, or as the configuration says).")
    var bootstrap: Int?

    @Option(help: "Also writes everything to this file, as JSON.")
    var json: String?

    @Option(help: "Also writes the model's probabilities to this file, as CSV.")
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Arithmetic of the model (default: float32); bfloat16 may be faster and moves probabilities by some hundredths."
        ))
    var precision: Precision?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if let bootstrap, !(0...1_000_000 ~= bootstrap) {
            throw ValidationError("--bootstrap is \(bootstrap); allowed: 0 to 1000000")
        }
        guard (model == nil) != predictions.isEmpty else {
            throw ValidationError("Give either a model or --predictions TABLE.")
        }
        if model != nil {
            let foreign = [
                ("--versus", !versus.isEmpty), ("--same-seeds", sameSeeds), ("--where", filter != nil),
                ("--train-labels", trainLabels != nil),
                ("--train-where", trainFilter != nil), ("--thresholds", thresholds != nil),
                ("--out-of-fold", outOfFold),
            ].filter(\.1)
            if let first = foreign.first {
                throw ValidationError("\(first.0) cannot be combined with a model, only with --predictions.")
            }
            try data.requireOneSource()
        } else {
            guard data.labels != nil else { throw ValidationError("--predictions needs --labels TABLE.") }
            let foreign = [
                ("--set", !data.settings.isEmpty), ("--split", data.split != nil), ("--images", data.images != nil),
                ("--output", output != nil), ("--precision", precision != nil),
            ].filter(\.1)
            if let first = foreign.first {
                throw ValidationError("\(first.0) cannot be combined with --predictions, only with a model.")
            }
            guard !sameSeeds || (predictions.count == versus.count && !outOfFold) else {
                throw ValidationError("--same-seeds needs as many --versus as --predictions, one table per seed.")
            }
            guard trainFilter == nil || trainLabels != nil else {
                throw ValidationError("--train-where needs --train-labels.")
            }
        }
    }

    func run() throws {
        let table = try output.map { try OutputFile($0, named: "--output", inputs: inputs) }
        let document = try json.map { try OutputFile($0, named: "--json", inputs: inputs) }
        try OutputFile.refuseEqual(table, document)
        let context = try common.context(launch: Launch())
        try CommonOptions.requireEqual(options, context)
        guard let outcome = try evaluate(context, outputs: [table, document].compactMap(\.self)) else { return }
        for note in outcome.notes { context.logger.warning("\(note)") }
        // Files first: whoever reads the text may stop reading.
        try document?.write(outcome.json(), shouldStop: context.shouldStop)
        if let csv = outcome.csv { try table?.write(csv, shouldStop: context.shouldStop) }
        try StandardStream.result(outcome.text(for: Terminal.current()))
    }

    /// What is given on the command line for a model, but for that model.
    private var options: [String?] {
        [data.dataset] + data.settings.map { "--set \($0)" }
            + [
                data.split.map { "--split \($0.rawValue)" }, data.labels.map { "--labels \($0)" },
                data.images.map { "--images \($0)" }, merge.map { "--merge \($0)" },
                bootstrap.map { "--bootstrap \($0)" }, json.map { "--json \($0)" }, output.map { "--output \($0)" },
                precision.map { "--precision \($0.rawValue)" },
            ] + predictions.map { "--predictions \($0)" }
    }

    /// The files that are named on the command line.
    private var inputs: [String] {
        predictions + versus + [data.dataset, data.labels, trainLabels, thresholds, merge].compactMap { $0 }
            + (model.map(InferenceModel.files) ?? [])
    }

    /// What is found; nil in all processes but the first one of several, which predict for that one.
    private func evaluate(_ context: ExecutionContext, outputs: [OutputFile]) throws -> EvaluationOutcome? {
        guard let model else {
            guard context.isFirst else { return nil }
            return try predictionEvaluation().run(threads: context.threads, shouldStop: context.shouldStop)
        }
        var evaluation = try data.evaluation(of: model)
        if let precision { evaluation.precision = precision }
        evaluation.merge = merge
        evaluation.outputs = outputs
        if let bootstrap { evaluation.evaluation.bootstrap = bootstrap }
        guard context.isFirst else {
            try evaluation.assist(context)
            return nil
        }
        return try evaluation.run(context)
    }

    private func predictionEvaluation() -> PredictionEvaluation {
        var evaluation = PredictionEvaluation(predictions: predictions, labels: data.labels ?? "")
        evaluation.versus = versus
        evaluation.sharesSeeds = sameSeeds
        evaluation.filter = filter
        evaluation.trainingLabels = trainLabels
        evaluation.trainingFilter = trainFilter
        evaluation.thresholds = thresholds
        evaluation.merge = merge
        evaluation.isOutOfFold = outOfFold
        if let bootstrap { evaluation.settings.bootstrap = bootstrap }
        return evaluation
    }
}
