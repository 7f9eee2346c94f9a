import ArgumentParser
import Basics
import Execution
import Logging
import Models
import Prediction
import Reports
import RunFiles
import Suggestions

extension StrategyName: ExpressibleByArgument {}

/// `fovea suggest`: which photographs to label next.
struct Suggest: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Suggests which unlabelled photographs to label so that rare classes gain most.",
        discussion: """
            rare: those that probably show a class with 1 to 19 training images, and the more the fewer it has. \
            rare-diverse: the same, and unlike those chosen before. uncertain: those of which the model is least sure. \
            diverse: those least like each other. random: any. Images in the table of the model's run are left out, and so are \
            those that cannot be read or are not fundus photographs, which are named; the status is then 65.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Argument(help: ArgumentHelp("Unlabelled photographs, or folders of them.", valueName: "image"))
    var images: [String]

    @Option(parsing: .unconditional, help: "How many to suggest.")
    var count = 100

    @Option(help: "How they are chosen.")
    var strategy = StrategyName.rare

    @Option(parsing: .unconditional, help: "Decides what random draws.")
    var seed = 0

    @Flag(help: "Suggest images too that are not colour fundus photographs.")
    var anyImage = false

    @Option(help: "Write the suggestions to this file, as CSV.")
    var output: String?

    @Option(help: "Write the network's features of all images, at unit length, to this file, as CSV.")
    var features: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 1...1_000_000 ~= count else { throw ValidationError("--count is \(count); allowed: 1 to 1000000") }
        guard 0...1_000_000_000 ~= seed else { throw ValidationError("--seed is \(seed); allowed: 0 to 1000000000") }
    }

    func run() throws {
        let inputs = InferenceModel.files(of: model)
        let file = try output.map { try OutputFile($0, named: "--output", inputs: inputs) }
        let featureFile = try features.map { try OutputFile($0, named: "--features", inputs: inputs) }
        try OutputFile.refuseEqual(file, featureFile)
        let found = try ImageArguments.expand(images) { printError(Printable.line($0)) }
        for file in [file, featureFile].compactMap(\.self) { try file.refuse(found.map(\.path)) }
        let context = try common.context()
        let inference = try InferenceModel(model, takesAnyImage: anyImage, context)
        let suggestions = try ImageSuggestions(
            inference, images: found, count: count, by: strategy.strategy(seed: UInt64(seed)),
            withFeatures: features != nil, context
        ) { context.logger.error("\($0.reason)") }
        try featureFile?.write(shouldStop: context.shouldStop, parts: suggestions.writeFeatures)
        try file?.write(suggestions.csv, shouldStop: context.shouldStop)
        if file?.isStandardOutput != true, !suggestions.suggestions.isEmpty {
            try StandardStream.result(suggestions.table.text(for: Terminal.current()))
        }
        context.logger.info("\(suggestions.summary)")
        guard suggestions.nonFinite.isEmpty else {
            throw FoveaError.nonFiniteOutputs(for: suggestions.nonFinite, of: found.count)
        }
        if let failures = suggestions.failures.words(of: found.count) {
            printError(failures)
            throw ExitCode(ExitStatus.of(.data))
        }
    }
}
