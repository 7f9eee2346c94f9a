import Foundation
import Testing

/// Every option that names a file to write.
struct OutputTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.write("image,A\n1.png,0.5\n2.png,0.2\n", to: "s.csv")
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "data/l.csv")
        for name in ["1.png", "2.png"] { try folder.write(WorkFolder.picture, to: "data/" + name) }
        try FileManager.default.createDirectory(atPath: folder.path + "/results", withIntermediateDirectories: true)
    }

    /// Those that need no model; `predict` and `evaluate MODEL` write by the same type (`OutputFileTests`).
    private static let commands = [
        "evaluate --predictions s.csv --labels data/l.csv --bootstrap 0 --json", "inspect data/l.csv --json",
        "init data --output",
    ]

    private func run(_ command: String, _ output: String) throws -> ProgramRun {
        try ProgramRun(command.split(separator: " ").map(String.init) + [output], in: folder)
    }

    @Test(arguments: commands)
    func linksPipesAndDevicesAreWrittenThrough(command: String) throws {
        let link = folder.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "results/x")
        #expect(try run(command, "link").status == 0)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == "results/x")
        let written = try String(contentsOfFile: folder.path + "/results/x", encoding: .utf8)
        #expect(!written.isEmpty)

        #expect(try run(command, "/dev/null").status == 0)
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
        #expect(try run(command, "/dev/full").status == 160)

        #expect(mkfifo(folder.path + "/pipe", 0o600) == 0)
        let piped = try ProgramRun(shell: "cat pipe > copy & \"$FOVEA\" \(command) pipe; wait", in: folder)
        #expect(piped.errors == "" || !piped.errors.contains("error"))
        #expect(try String(contentsOfFile: folder.path + "/copy", encoding: .utf8) == written)
    }

    /// Each command with the inputs that it reads, one under two names; what it does not read, it may replace. `init` replaces
    /// nothing.
    private static let inputs = commands.flatMap { command in
        ["s.csv", "data/l.csv", "alias"].filter { $0 != "s.csv" || !command.hasPrefix("inspect") }.map { (command, $0) }
    }

    @Test(arguments: inputs)
    func inputsAreNotOverwritten(command: String, output: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/alias", withDestinationPath: folder.path + "/data/l.csv")
        let before = try ["s.csv", "data/l.csv"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0))
        }
        let run = try run(command, output)
        #expect(run.status == 78, "\(run.errors)")
        let after = try ["s.csv", "data/l.csv"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + $0))
        }
        #expect(before == after)
    }

    @Test func photographsAreNotOverwritten() throws {
        for output in ["data/1.png", "data/2.png"] {
            let run = try run("inspect data/l.csv --json", output)
            #expect(run.status == 78 && run.errors.contains("it would be overwritten"), "\(run.errors)")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/data/1.png")) == WorkFolder.picture)
    }

    /// A folder that is to be made where a file, or a link to nothing, is.
    @Test(arguments: ["file", "file/below", "dangling", "/dev/null"])
    func aFileIsNoFolder(output: String) throws {
        try folder.write("mine", to: "file")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/dangling", withDestinationPath: folder.path + "/nowhere")
        try folder.write("data: {table: data/l.csv, images: data}\n", to: "c.yaml")
        try folder.write(
            "datasets: [{name: d, config: c.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\n", to: "comparison.yaml")
        for command in [
            "train c.yaml --set output=\(output)", "train c.yaml --set stages=\(output)",
            "train c.yaml --set cache=\(output)", "compare comparison.yaml --set output=\(output)",
            "phantoms \(output)",
        ] {
            let run = try ProgramRun(command.split(separator: " ").map(String.init), in: folder)
            #expect(run.status == 78, "\(command): \(run.errors)")
            #expect(run.errors.contains("is \(output), "), "\(command): \(run.errors)")
        }
        #expect(try String(contentsOfFile: folder.path + "/file", encoding: .utf8) == "mine")
    }

    @Test func aDescriptionThatLiesInItsOwnOutputIsNotReplaced() throws {
        let run = "# mine\ndata: {table: data/l.csv, images: data}\noutput: run\n"
        try folder.write(run, to: "run/config.yaml")
        let comparison =
            "# mine\ndatasets: [{name: d, config: run/config.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\noutput: all\n"
        try folder.write(comparison, to: "all/comparison.yaml")
        for (arguments, name, text) in [
            (["train", "run/config.yaml"], "run/config.yaml", run),
            (["compare", "all/comparison.yaml"], "all/comparison.yaml", comparison),
        ] {
            let program = try ProgramRun(arguments, in: folder)
            #expect(program.status == 78 && program.errors.contains("would be overwritten"), "\(program.errors)")
            #expect(try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8) == text)
        }
    }

    @Test func aRunWithoutItsConfigurationIsOneThingToAllCommands() throws {
        try folder.write("data: {table: data/l.csv, images: data}\noutput: run\n", to: "c.yaml")
        try folder.write("{}", to: "run/stages/plain/stage.json")
        for arguments in [["train", "c.yaml"], ["train", "--resume", "run"]] {
            let run = try ProgramRun(arguments, in: folder)
            #expect(run.status == 78)
            #expect(run.errors.contains("run holds the work of a run but not its config.yaml\n"), "\(run.errors)")
        }
    }
}
