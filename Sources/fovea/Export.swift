import ArgumentParser
import Basics
import Execution
import Export
import Logging
import Prediction
import RunFiles

/// `fovea export`: a trained model for other programs.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a trained model as an ONNX file, which other programs compute without Fovea.",
        discussion: """
            The input images are bytes [N, side, side, 3] of photographs as `fovea prepare` writes them; normalisation is \
            inside. The outputs are \
            logits, probabilities (calibrated, where the model has a calibration), features and, for networks that have \
            them, exact maps. Classes, thresholds and how photographs are prepared are in the metadata of the file.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
    var onnx: String

    @Option(
        help: ArgumentHelp(
            "A new or empty folder for an input, its outputs, and a Python script that compares.",
            valueName: "folder"))
    var reference: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        let ending = PathName.ending(of: onnx)
        guard ending.isEmpty || ending == "onnx" else {
            throw ValidationError("--onnx is \(onnx): an ONNX file is written, so its name must end in .onnx")
        }
    }

    func run() throws {
        let context = try common.context()
        let file = try OutputFile(
            onnx, named: "--onnx", inputs: InferenceModel.files(of: model), isEarlier: ModelExport.isOne)
        if let reference {
            try Folder.requireEmpty(reference, named: "--reference")
            try file.refuse(folder: reference, named: "--reference")
        }
        let export = try ModelExport(model, context)
        try export.write(to: file)
        context.logger.info("\(file.path) written")
        if let reference {
            try export.writeReference(to: reference)
            let script = ShellWord.quoted(PathName.joined(reference, ModelExport.scriptName))
            context.logger.info("\(reference) written: compare with `python \(script) \(ShellWord.quoted(onnx))`")
        }
    }
}
