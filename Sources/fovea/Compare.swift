import ArgumentParser
import Basics
import Comparisons
import ConfigurationFile
import Reports
import RunFiles

/// `fovea compare`: many runs, one table.
struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compares techniques, each alone and with distillation, over data sets, folds and seeds.",
        discussion: """
            Runs every cell that is not finished, then writes tables with paired intervals, plots and report.html. The same \
            command resumes what was stopped; finished cells are never run again. Several processes may work at one \
            comparison.
            """)

    @Argument(help: "The description of the comparison.")
    var config: String

    @Option(name: .customLong("set"), help: "Sets a key, such as seeds=[0,1]; may be repeated.")
    var settings: [String] = []

    @Flag(name: .customLong("dry-run"), help: "Lists the cells with what they will cost, and runs none.")
    var isDryRun = false

    @Flag(name: .customLong("report"), help: "Evaluates what is finished, and runs nothing.")
    var isReport = false

    @Option(parsing: .upToNextOption, help: "With --report: only these folds, such as --folds 1 2.")
    var folds: [Int] = []

    @Option(help: "With --report: near-synonyms treated as one class, in a folder of their own; YAML as for evaluate.")
    var merge: String?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        guard !isDryRun || !isReport else { throw ValidationError("Give either --dry-run or --report.") }
        guard folds.isEmpty || isReport else { throw ValidationError("--folds can be given with --report only.") }
        guard merge == nil || isReport else { throw ValidationError("--merge can be given with --report only.") }
    }

    func run() throws {
        let compared = try ConfigurationReader.read(ComparisonSettings.self, file: config, settings: settings)
        try ComparisonFolder.requireOrigin(of: config, compared)
        let context = try common.context()
        let comparison = Comparison(compared, context)
        let terminal = Terminal.current()
        if isDryRun {
            try show(comparison.forecast().table().text(for: terminal) + ComparisonForecast.note)
            return
        }
        let text = ConfigurationWriter.yaml(compared)
        if !isReport {
            try OutputFile.refuseReplacing(config, by: PathName.joined(compared.output, "comparison.yaml"), text: text)
        }
        let outcome: ComparisonOutcome
        do {
            outcome =
                isReport
                ? try comparison.report(folds: folds, merge: merge)
                : try comparison.execute(configuration: text)
        } catch let stop as CancellationError {
            printError("The same command resumes from here.")
            throw stop
        }
        // Files first: whoever reads the text may stop reading.
        let page = try Report.pageIfPossible(context, outcome.writePage)
        try show(outcome.summary(for: terminal))
        try show(
            "The comparison is in \(outcome.folder): comparison.md, comparison.json, means.csv, differences.csv, plots/."
        )
        if let page { try show("To look at: \(page)") }
    }
}
