import ArgumentParser
import Basics
import Execution
import Logging
import Prediction
import Reports

import enum Torch.Precision

/// `fovea calibrate`: probabilities that hold, and operating points.
struct Calibrate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Fits calibrated probabilities and operating points of a model on labelled photographs.",
        discussion: """
            Writes calibration.json beside the model's weights; predict and evaluate use it from then on. For each class a \
            line through its logits is fitted, and thresholds for a sensitivity and a specificity of 0.8, 0.9 and 0.95 \
            are chosen. Photographs that trained the model are refused: the model is surer of them than of new ones.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Argument(help: "A data set: a configuration (.yaml), a label table or a folder; without it that of the run.")
    var dataset: String?

    @Option(name: .customLong("set"), help: "Sets a key of the configuration; may be repeated.")
    var settings: [String] = []

    @Option(help: "Which images of the configuration: validation, training or all (default: validation).")
    var split: ModelEvaluation.Part?

    @Flag(help: "Take photographs that trained the model too.")
    var allowTrainingImages = false

    @Option(help: "Arithmetic of the model.")
    var precision = Precision.float32

    @OptionGroup var common: CommonOptions

    func run() throws {
        let context = try common.context()
        var data = try ModelEvaluation(of: model, on: dataset, settings: settings)
        if let split { data.part = split }
        data.precision = precision
        let fit = try CalibrationFit(data, allowsTrainingImages: allowTrainingImages, context)
        for note in fit.notes { context.logger.warning("\(note)") }
        context.logger.info("\(fit.path) written: predict and evaluate use it from now on")
        try StandardStream.result(fit.text(for: Terminal.current()))
    }
}
