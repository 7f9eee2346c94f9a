import ArgumentParser
import Basics
import Comparisons
import ConfigurationFile
import Execution
import Foundation
import Logging
import Prediction
import RunFiles

/// `fovea report`: a finished run, or a comparison, as one page.
struct Report: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a page about a finished run or a comparison that opens in any browser, without a network.",
        discussion: """
            Writes report.html, report.json with the same numbers and, for a run, model-card.md into the folder, from what \
            lies there and the label tables. The page about a run holds small copies of photographs; after calibrate it \
            shows calibrated probabilities and operating points. That about a comparison links to the pages of its runs \
            where they have one. train and compare write the page at their end.
            """)

    @Argument(help: ArgumentHelp("The folder of a finished run or of a comparison.", valueName: "folder"))
    var folder: String

    @OptionGroup var common: CommonOptions

    func run() throws {
        let context = try common.context()
        let description = PathName.joined(folder, ComparisonFolder.descriptionName)
        let paths =
            try RegularFile.exists(description, kind: .configuration)
            ? try comparison(description, context) : try run(context)
        try show(paths.joined(separator: "\n"))
    }

    private func run(_ context: ExecutionContext) throws -> [String] {
        let reporting = try ModelReporting(run: folder, context)
        for note in reporting.notes { context.logger.warning("\(note)") }
        return try reporting.write()
    }

    private func comparison(_ description: String, _ context: ExecutionContext) throws -> [String] {
        var settings = try ConfigurationReader.read(ComparisonSettings.self, file: description)
        try ComparisonFolder.requireOrigin(of: description, settings)
        // The folder may have been moved.
        settings.output = folder
        return try Comparison(settings, context).report().writePage()
    }

    /// Writes a page about finished work, which is whole without it.
    ///
    /// - Returns: its path; nil after a warning.
    static func pageIfPossible(_ context: ExecutionContext, _ write: () throws -> [String]) throws -> String? {
        do {
            return try write().first
        } catch let stop as CancellationError {
            throw stop
        } catch {
            context.logger.warning("report.html could not be written: \(error.onOneLine)")
            return nil
        }
    }
}
