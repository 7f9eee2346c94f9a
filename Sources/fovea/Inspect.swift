import ArgumentParser
import Basics
import Configuration
import Experiments
import Reports

/// `fovea inspect`: what is in a data set.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what is in a data set, and what is wrong with it.",
        discussion: """
            Counts and the long tail, labels per image, classes that appear together, groupings with their subsets; \
            missing and unreadable images, duplicates by content, patients in two splits. What it finds does not \
            change the exit status.
            """)

    @Argument(help: ArgumentHelp("A configuration file (.yaml) or a label table (.csv).", valueName: "config-or-table"))
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

    @OptionGroup var common: CommonOptions

    private var isTable: Bool { !source.lowercased().hasSuffix(".yaml") && !source.lowercased().hasSuffix(".yml") }

    func validate() throws {
        guard isTable || (images == nil && attributes == nil) else {
            throw ValidationError("--images and --attributes go with a table; a configuration has its own.")
        }
        guard !isTable || settings.isEmpty else {
            throw ValidationError("--set goes with a configuration, and \(source) is taken for a table.")
        }
    }

    func run() throws {
        var inspection =
            isTable
            ? try DatasetInspection(table: source, images: images, attributes: attributes)
            : DatasetInspection(try ConfigurationReader.read(RunSettings.self, file: source, settings: settings))
        inspection.decodes = !quick
        let found = try inspection.run(common.surroundings())
        print(try inspection.text(found, for: Terminal.current()), terminator: "")
        if let json { try AtomicFile.write(DatasetInspection.json(found), to: json) }
    }
}
