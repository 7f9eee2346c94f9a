import ArgumentParser
import Basics
import ConfigurationFile
import Execution
import Foundation
import Logging
import Prediction
import Reports
import RunFiles
import Runs
import Settings

/// `fovea train`: the main job.
struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model, with teachers where the configuration has distillation, and evaluates it.",
        discussion: """
            Started by torchrun --no-python, srun or mpirun, several processes train one model together (docs/scaling.md).
            """)

    @Argument(help: "The configuration file.")
    var config: String?

    @Option(name: .customLong("set"), help: "Sets a key, such as training.epochs=5; may be repeated.")
    var settings: [String] = []

    @Option(help: "Continues the run in this folder where it stopped.")
    var resume: String?

    @Flag(name: .customLong("dry-run"), help: "Lists the stages with what they will cost, and makes none.")
    var isDryRun = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard (config == nil) != (resume == nil) else {
            throw ValidationError("Give either a configuration file or --resume RUN.")
        }
        guard resume == nil || settings.isEmpty else {
            throw ValidationError(
                "A resumed run keeps its configuration: --set can be given with a configuration file only.")
        }
    }

    func run() throws {
        let path = try config ?? RunFolder.configuration(of: resume ?? "")
        try DescriptionKind.requireRun(path)
        let configuration = try RunConfiguration(file: path, settings: settings)
        try configuration.requireFiles(weights: true)
        var run = configuration.settings
        if let resume { run.output = resume }
        // A resumed run keeps its paths as they were written: they count from where it was made.
        let written = resume == nil ? nil : configuration.written
        let text = ConfigurationWriter.yaml(written ?? run)
        let launch = isDryRun ? nil : try Launch()
        let continues = try resume != nil || launch.map { try $0.restarts > 0 && Self.hasBegun(run, text) } ?? false
        let context = try common.context(isResuming: continues, launch: launch)
        if isDryRun {
            let forecast = try Run(run, context, written: written).forecast()
            try show(
                forecast.table().text(for: Terminal.current())
                    + forecast.notes.map(Printable.line).joined(separator: "\n"))
            return
        }
        if let config {
            try OutputFile.refuseReplacing(config, by: PathName.joined(run.output, "config.yaml"), text: text)
        }
        let outcome: RunOutcome
        do {
            let job = Run(run, context, written: written)
            guard context.isFirst else { return try job.assist(configuration: text) }
            outcome = try job.execute(configuration: text)
        } catch let stop where Fovea.isStop(stop) {
            guard context.isFirst else { throw stop }
            let hasBegun = FileManager.default.fileExists(atPath: PathName.joined(run.output, "config.yaml"))
            printError(
                (hasBegun ? "`fovea train --resume \(ShellWord.quoted(run.output))`" : "The same command")
                    + " resumes from here.")
            throw stop
        }
        // Files first: whoever reads the text may stop reading.
        let page = try Report.pageIfPossible(context) { try ModelReporting(run: run.output, context).write() }
        try show(outcome.summary(for: Terminal.current()))
        try show("The run is in \(run.output): report.md, metrics.json, predictions.csv, model.safetensors.")
        if let page { try show("To look at: \(page)") }
    }

    /// Whether the run of a configuration has begun in its folder, so that processes that are started again continue it.
    private static func hasBegun(_ run: RunSettings, _ text: String) throws -> Bool {
        let path = PathName.joined(run.output, RunConfiguration.name)
        guard FileManager.default.fileExists(atPath: path) else { return false }
        // The arithmetic may have been chosen since.
        var begun = try RunConfiguration(file: path).written
        begun.training.precision = run.training.precision
        return ConfigurationWriter.yaml(begun) == text
    }
}
