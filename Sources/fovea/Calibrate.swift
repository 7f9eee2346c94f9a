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

    @OptionGroup var data: DatasetOptions

    @Flag(help: "Take photographs that trained the model too.")
    var allowTrainingImages = false

    @Option(help: "Arithmetic of the model.")
    var precision = Precision.float32

    @OptionGroup var common: CommonOptions

    func validate() throws { try data.requireOneSource() }

    func run() throws {
        let context = try common.context()
        var evaluation = try data.evaluation(of: model)
        evaluation.precision = precision
        let fit = try CalibrationFit(evaluation, allowsTrainingImages: allowTrainingImages, context)
        for note in fit.notes { context.logger.warning("\(note)") }
        context.logger.info("\(fit.path) written: predict and evaluate use it from now on")
        try StandardStream.result(fit.text(for: Terminal.current()))
    }
}
