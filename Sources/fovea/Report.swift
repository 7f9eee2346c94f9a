import ArgumentParser
import Basics
import Execution
import Logging
import Prediction

/// `fovea report`: a finished run as one page.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a page about a finished run that opens in any browser, without a network.",
        discussion: """
            Writes report.html, report.json with the same numbers and model-card.md into the run folder, from what lies \
            there and the run's label table. The page holds small copies of photographs. It is written at the end of \
            train too; again after calibrate, it shows calibrated probabilities and operating points.
            """)

    @Argument(help: ArgumentHelp("The folder of a finished run.", valueName: "run"))
    var folder: String

    @OptionGroup var common: CommonOptions

    func run() throws {
        let context = try common.context()
        let reporting = try ModelReporting(run: folder, context)
        for note in reporting.notes { context.logger.warning("\(note)") }
        try show(try reporting.write().joined(separator: "\n"))
    }
}
