import ArgumentParser
import Basics
import Onboarding
import Prediction
import RunFiles

extension ModelEvaluation.Part: ExpressibleByArgument {}

/// The labelled photographs that a model is evaluated or calibrated on.
struct DatasetOptions: ParsableArguments {
    @Argument(help: "A data set: a configuration (.yaml), a label table or a folder; without it that of the run.")
    var dataset: String?

    @Option(name: .customLong("set"), help: "Sets a key of the configuration; may be repeated.")
    var settings: [String] = []

    @Option(help: "Which images of the configuration: validation, training or all (default: validation).")
    var split: ModelEvaluation.Part?

    @Option(help: "A label table, instead of a configuration.")
    var labels: String?

    @Option(help: "The folder of its images; without it they are looked for around the table.")
    var images: String?

    /// The label table, however it was named.
    private var table: String? { labels ?? dataset.flatMap { DataSource($0) == .table ? $0 : nil } }

    /// Refuses two sources, and options that do not go with the one that is named.
    func requireOneSource() throws {
        guard labels == nil || (dataset == nil && settings.isEmpty && split == nil) else {
            throw ValidationError("Give either a configuration (with --set, --split) or --labels TABLE.")
        }
        guard dataset.map({ DataSource($0) == .configuration }) ?? true || (settings.isEmpty && split == nil) else {
            throw ValidationError(
                "--set and --split can be given with a configuration (.yaml) only; of a data set all images are evaluated."
            )
        }
        guard images == nil || table != nil else { throw ValidationError("--images needs a label table.") }
    }

    /// A model on these photographs.
    func evaluation(of model: String) throws -> ModelEvaluation {
        var evaluation: ModelEvaluation
        if let table {
            evaluation = try ModelEvaluation(model: model, table: table, images: images)
        } else if let dataset, DataSource(dataset) == .folder {
            evaluation = ModelEvaluation(model: model, settings: try FirstConfiguration(folder: dataset).settings)
            evaluation.part = .all
        } else if let dataset, !ModelEvaluation.isConfiguration(dataset, ofRun: model) {
            let configuration = try RunConfiguration(file: dataset, settings: settings)
            try configuration.requireFiles()
            evaluation = ModelEvaluation(model: model, settings: configuration.settings)
        } else {
            evaluation = try ModelEvaluation(run: model, settings: settings)
        }
        if let split { evaluation.part = split }
        return evaluation
    }
}
