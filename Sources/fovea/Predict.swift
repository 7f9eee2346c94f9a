import ArgumentParser
import Basics
import Execution
import Logging
import Models
import Prediction
import Reports
import RunFiles

import enum Torch.Precision

/// `fovea predict`: probabilities of photographs.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predicts photographs.",
        discussion: """
            An image that cannot be read, or is not a colour fundus photograph, is named on the standard error stream; the \
            others are predicted nevertheless, and the status is then 65. Blurred, dark or cut photographs are predicted \
            with a warning. In folders every image is predicted, whatever its name and however deep it lies, \
            each file once; what is skipped is counted and named. Started by torchrun --no-python, srun or mpirun, several \
            processes divide the photographs (docs/scaling.md). For research; not a medical device.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Argument(help: ArgumentHelp("Photographs, or folders of them.", valueName: "image"))
    var images: [String]

    @Option(parsing: .unconditional, help: "Classes shown for each image, in addition to those above their threshold.")
    var top = 5

    @Flag(help: "Print JSON with all probabilities instead of the table.")
    var json = false

    @Option(help: "Write all probabilities to this file, as CSV, or as JSON with --json or a name ending in .json.")
    var output: String?

    @Option(
        help: ArgumentHelp(
            "Write the probabilities of many photographs to this folder, in several tables that grow as the work goes on.",
            valueName: "folder"))
    var outputFolder: String?

    @Option(parsing: .unconditional, help: "Photographs per table in --output-folder (default: 10000).")
    var shard: Int?

    @Flag(help: "Continue what an interrupted call began in --output-folder.")
    var resume = false

    @Option(
        help: ArgumentHelp(
            "Write to this folder where the model looked: for each finding a map over the photograph, and the map itself.",
            valueName: "folder"))
    var maps: String?

    @Option(
        help: ArgumentHelp(
            "Use the thresholds of an operating point of the calibration, such as sensitivity=0.9.", valueName: "point")
    )
    var at: String?

    @Flag(help: "Predict images too that are not colour fundus photographs.")
    var anyImage = false

    @Option(help: "Arithmetic of the model; bfloat16 may be faster and moves probabilities by some hundredths.")
    var precision = Precision.float32

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 0...1000 ~= top else { throw ValidationError("--top is \(top); allowed: 0 to 1000") }
        if let shard, !(1...10_000_000 ~= shard) {
            throw ValidationError("--shard is \(shard); allowed: 1 to 10000000")
        }
        if json, output == nil, let last = images.last, PathName.ending(of: last) == "json" {
            throw ValidationError("--json takes no file, and \(last) is not an image: --output \(last) writes it")
        }
        guard outputFolder == nil || (output == nil && !json && maps == nil) else {
            throw ValidationError("--output-folder cannot be combined with --output, --json or --maps.")
        }
        guard outputFolder != nil || (!resume && shard == nil) else {
            throw ValidationError("\(resume ? "--resume" : "--shard") needs --output-folder.")
        }
    }

    func run() throws {
        // Before the images are looked for, which may take long.
        _ = try ModelBundle.description(in: InferenceModel.folder(model))
        let file = try output.map {
            try OutputFile($0, named: "--output", inputs: InferenceModel.files(of: model))
        }
        let launch = try Launch()
        guard maps == nil || (launch?.size ?? 1) == 1 else {
            throw FoveaError(.configuration, "--maps is for one process", remedy: "Start it without a launcher.")
        }
        let context = try common.context(isResuming: resume || (launch?.restarts ?? 0) > 0, launch: launch)
        try CommonOptions.requireEqual(
            [
                json ? "--json" : nil, output.map { "--output \($0)" }, outputFolder.map { "--output-folder \($0)" },
                shard.map { "--shard \($0)" }, resume ? "--resume" : nil, at.map { "--at \($0)" },
                anyImage ? "--any-image" : nil, "--precision \(precision.rawValue)", "--top \(top)",
            ], context)
        let found = try ImageArguments.expand(images) { if context.isFirst { printError(Printable.line($0)) } }
        try file?.refuse(found.map(\.path))
        let inference = try InferenceModel(
            model, precision: precision, operatingPoint: at, takesAnyImage: anyImage, context)
        guard context.isFirst else { return try inference.assist(images: found) }
        if let undecided = inference.undecided { context.logger.warning("\(undecided)") }
        if let outputFolder { return try predict(found, inference, into: outputFolder, context) }
        let folder = try maps.map(MapFolder.init)
        let prediction = try ModelPrediction(inference, images: found, maps: folder, context) {
            context.logger.error("\($0.reason)")
        }
        if let unfamiliar = prediction.unfamiliar { context.logger.warning("\(unfamiliar)") }
        if let poor = prediction.poorQuality { context.logger.warning("\(poor)") }
        if let folder {
            context.logger.info("\(folder.path): \(Pluralization.count(folder.count, "map")) written")
            if let note = folder.note { context.logger.warning("\(note)") }
        }
        if let file {
            let isJSON = json || file.path.lowercased().hasSuffix(".json")
            try file.write(isJSON ? prediction.json() : prediction.csv, shouldStop: context.shouldStop)
            let own = isJSON || inference.calibration == nil ? "" : "; a table holds the probabilities as trained"
            context.logger.info("\(file.path): \(Pluralization.count(prediction.rows.count, "image")) predicted\(own)")
        } else if json {
            try StandardStream.exactly(prediction.json())
        } else if !prediction.rows.isEmpty {
            try StandardStream.result(prediction.text(limit: top, for: Terminal.current()))
        }
        try prediction.requireFinite()
        if let count = prediction.failureCount {
            printError(count)
            throw ExitCode(ExitStatus.of(.data))
        }
    }

    /// Predicts any number of images, into tables that grow.
    private func predict(
        _ images: [NamedImage], _ inference: InferenceModel, into path: String, _ context: ExecutionContext
    ) throws {
        let folder = try PredictionFolder(
            path, inference, images: images, shard: shard ?? 10_000, isResuming: context.isResuming)
        let summary = try folder.predict(context) { context.logger.error("\($0.reason)") }
        try StandardStream.result(
            "\(folder.path): \(summary.predicted) of \(Pluralization.count(images.count, "image")) predicted, "
                + "\(summary.unreadable + summary.nonFinite.count) in failures.csv\n")
        guard summary.nonFinite.isEmpty else {
            throw FoveaError.nonFiniteOutputs(for: summary.nonFinite, of: summary.predicted + summary.nonFinite.count)
        }
        if summary.unreadable > 0 { throw ExitCode(ExitStatus.of(.data)) }
    }
}
