import ArgumentParser
import Basics
import Onboarding
import Reports
import RunFiles

/// `fovea init`: a first configuration.
struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a first configuration for a folder of photographs and its label table.",
        discussion: """
            Looks for label tables (CSV: an image column, and one column of 0 and 1 for each class or one column called \
            label with the names of classes; RFMiD's originals too), the photographs that they name, class attributes (YAML) and weights. The file has every key with its \
            meaning; an existing one is never overwritten.
            """)

    @Argument(help: "The folder.")
    var folder: String

    @Option(help: "The file to write.")
    var output = "fovea.yaml"

    func run() throws {
        let file = try OutputFile(output, named: "--output", isNew: true)
        let first = try FirstConfiguration(folder: folder)
        try first.write(to: file)
        let text = first.text(for: Terminal.current(), writtenTo: output)
        // Not into the configuration itself.
        if file.isStandardOutput { return printError(text) }
        try StandardStream.result(text)
    }
}
