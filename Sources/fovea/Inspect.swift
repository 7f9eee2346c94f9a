import ArgumentParser
import Basics
import Execution
import Onboarding
import Reports
import RunFiles

/// `fovea inspect`: what is in a data set.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what is in a data set, and what is wrong with it.",
        discussion: """
            Counts and the long tail, labels per image, classes that appear together, groupings with their subsets; \
            missing and unreadable images, duplicates by content, patients in two splits. Findings are \
            ranked: what stops train, what makes results untrustworthy, what is only to know. They do not change the exit \
            status.
            """)

    @Argument(
        help: ArgumentHelp(
            "A configuration file (.yaml), a label table (.csv), or a folder as for init.", valueName: "data"))
    var source: String

    @Option(help: "The folder of a table's images; without it they are looked for around the table.")
    var images: String?

    @Option(help: "YAML file of class attributes, for a table.")
    var attributes: String?

    @Option(name: .customLong("set"), help: "Sets a key of the configuration; may be repeated.")
    var settings: [String] = []

    @Flag(help: "Do not decode the images to see whether they can be read.")
    var quick = false

    @Option(help: "Also writes everything to this file, as JSON.")
    var json: String?

    @Option(
        help: ArgumentHelp(
            "Also draws the windows of regions over photographs, into this JPEG file; those of the configuration, else the "
                + "standard ones.", valueName: "file"))
    var regions: String?

    @OptionGroup var common: CommonOptions

    private var kind: DataSource { DataSource(source) }

    func validate() throws {
        guard kind == .table || (images == nil && attributes == nil) else {
            throw ValidationError("--images and --attributes can be given with a table only.")
        }
        guard kind == .configuration || settings.isEmpty else {
            throw ValidationError("--set can be given with a configuration (.yaml) only, and \(source) is not one.")
        }
    }

    private func ofConfiguration() throws -> DatasetInspection {
        let configuration = try RunConfiguration(file: source, settings: settings)
        try configuration.requireFiles()
        return DatasetInspection(configuration.settings)
    }

    func run() throws {
        let output = try json.map { try OutputFile($0, named: "--json", inputs: [source]) }
        let sheet = try regions.map { try OutputFile($0, named: "--regions", inputs: [source], isNew: true) }
        try OutputFile.refuseEqual(output, sheet)
        var inspection =
            switch kind {
            case .configuration:
                try ofConfiguration()
            case .table: try DatasetInspection(table: source, images: images, attributes: attributes)
            case .folder: DatasetInspection(try FirstConfiguration(folder: source).settings)
            }
        inspection.decodes = !quick
        inspection.outputs = [output, sheet].compactMap { $0 }
        let context = try common.context()
        let found = try inspection.run(context)
        try output?.write(DatasetInspection.json(found), shouldStop: context.shouldStop)
        try StandardStream.result(inspection.text(found, for: Terminal.current()))
        if let sheet {
            let drawn = try inspection.regionSheet(context)
            try sheet.writeNew(drawn.jpeg)
            try StandardStream.result(drawn.text)
        }
    }
}
