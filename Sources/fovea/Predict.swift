import ArgumentParser
import Basics
import Experiments
import Reports

/// `fovea predict`: probabilities of photographs.
struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Predicts photographs.",
        discussion: """
            An image that cannot be read is named on the standard error stream; the others are predicted nevertheless, \
            and the status is then 65. For research; not a medical device.
            """)

    @Argument(help: "A run folder, or a folder with config.json and model.safetensors.")
    var model: String

    @Argument(help: ArgumentHelp("Photographs, or folders of them.", valueName: "image"))
    var images: [String]

    @Option(parsing: .unconditional, help: "Classes shown for each image, besides those above their threshold.")
    var top = 5

    @Flag(help: "Print JSON with all probabilities instead of the table.")
    var json = false

    @Option(help: "Write all probabilities to this file, as CSV, or as JSON with --json or a name ending in .json.")
    var output: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard 0...1000 ~= top else { throw ValidationError("--top is \(top); allowed: 0 to 1000") }
    }

    func run() throws {
        try OutputFile.check(output)
        let prediction = try ModelPrediction(
            model: model, images: ImageArguments.expand(images), common.surroundings()
        ) { complain("error: " + $0.reason) }
        if let output {
            let isJSON = json || output.lowercased().hasSuffix(".json")
            try AtomicFile.write(isJSON ? prediction.json() : prediction.csv, to: output)
            common.log("\(output): \(prediction.rows.count) images predicted")
        } else if json {
            print(try prediction.json(), terminator: "")
        } else if !prediction.rows.isEmpty {
            print(prediction.table(limit: top).text(for: Terminal.current()), terminator: "")
        }
        try prediction.requireFinite()
        if !prediction.failures.isEmpty {
            let count = prediction.failures.count
            complain("\(count) of \(prediction.rows.count + count) images could not be read")
            throw ExitCode(ExitStatus.of(.data))
        }
    }
}
