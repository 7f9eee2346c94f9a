import ArgumentParser
import Basics
import Execution
import Logging
import Models
import Prediction
import RunFiles

/// `fovea prepare`: photographs as a model sees them, for other programs.
struct Prepare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes photographs as a model sees them: the input for PyTorch, ONNX Runtime and other programs.",
        discussion: """
            The pixels are those that `fovea predict` computes with: upright, cut, filled up and resized as the model needs. \
            The folder gets images.npy, bytes [N, side, side, 3], and images.csv with the names in the same order; \
            docs/python.md and docs/exporting.md go on from there. A model that sees several images of a photograph gets \
            [N, bytes], one image after the other. What cannot be used is named and left out, and the status is then 65.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Argument(help: ArgumentHelp("Photographs, or folders of them.", valueName: "image"))
    var images: [String]

    @Option(help: ArgumentHelp("A new or empty folder.", valueName: "folder"))
    var output: String

    @Flag(help: "Prepare images too that are not colour fundus photographs.")
    var anyImage = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        _ = try ModelBundle.description(in: InferenceModel.folder(model))
        let context = try common.context()
        try Folder.requireEmpty(output, named: "--output")
        let found = try ImageArguments.expand(images) { printError(Printable.line($0)) }
        let inference = try InferenceModel(model, takesAnyImage: anyImage, context)
        let prepared = try PreparedImages(found, for: inference, in: output, context) {
            context.logger.error("\($0.reason)")
        }
        let path = PathName.joined(output, PreparedImages.arrayName)
        context.logger.info("\(path): uint8 \(prepared.shape), named in \(PreparedImages.tableName)")
        if let words = prepared.failures.words(of: found.count) {
            printError(words)
            throw ExitCode(ExitStatus.of(.data))
        }
    }
}
