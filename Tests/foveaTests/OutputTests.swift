import Foundation
import TestSupport
import Testing

/// Every option that names a file to write.
struct OutputTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.write("image,A\n1.png,0.5\n2.png,0.2\n", to: "s.csv")
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "data/l.csv")
        for name in ["1.png", "2.png"] { try folder.write(WorkFolder.image, to: "data/" + name) }
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
        let refusals = try ["data/1.png", "data/2.png"].map { output in
            let run = try run("inspect data/l.csv --json", output)
            #expect(run.status == 78)
            return (cause: output, text: run.errors)
        }
        #expect(try MessageSnapshot.differences("images", texts: refusals) == [])
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/data/1.png")) == WorkFolder.image)
    }

    /// A folder that is to be made where a file, or a link to nothing, is.
    @Test func aFileIsNotAFolder() throws {
        try folder.write("mine", to: "file")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/dangling", withDestinationPath: folder.path + "/nowhere")
        try folder.write("data: {table: data/l.csv, images: data}\n", to: "c.yaml")
        try folder.write(
            "datasets: [{name: d, config: c.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\n", to: "comparison.yaml")
        let options = [
            "train c.yaml --set output=", "train c.yaml --set stages=", "train c.yaml --set cache=",
            "compare comparison.yaml --set output=", "phantoms ",
        ]
        let commands = options.flatMap { option in
            ["file", "file/below", "dangling", "/dev/null"].map { option + $0 }
        }
        let refusals = try commands.map { command in
            let run = try ProgramRun(command.split(separator: " ").map(String.init), in: folder)
            #expect(run.status == 78, "\(command)")
            return (cause: command, text: run.errors)
        }
        #expect(try MessageSnapshot.differences("folders", texts: refusals) == [])
        #expect(try String(contentsOfFile: folder.path + "/file", encoding: .utf8) == "mine")
    }

    @Test func aDescriptionThatLiesInItsOwnOutputIsNotReplaced() throws {
        let run = "# mine\ndata: {table: data/l.csv, images: data}\noutput: run\n"
        try folder.write(run, to: "run/config.yaml")
        let comparison =
            "# mine\ndatasets: [{name: d, config: run/config.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\noutput: all\n"
        try folder.write(comparison, to: "all/comparison.yaml")
        let refusals = try [("train", "run/config.yaml", run), ("compare", "all/comparison.yaml", comparison)].map {
            command, name, text in
            let program = try ProgramRun([command, name], in: folder)
            #expect(program.status == 78)
            #expect(try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8) == text)
            return (cause: command + " " + name, text: program.errors)
        }
        #expect(try MessageSnapshot.differences("descriptions", texts: refusals) == [])
    }

    @Test func aRunWithoutItsConfigurationIsOneThingToAllCommands() throws {
        try folder.write("data: {table: data/l.csv, images: data}\noutput: run\n", to: "c.yaml")
        try folder.write("{}", to: "run/stages/plain/stage.json")
        let refusals = try [["train", "c.yaml"], ["train", "--resume", "run"]].map { arguments in
            let run = try ProgramRun(arguments, in: folder)
            #expect(run.status == 78)
            return (cause: arguments.joined(separator: " "), text: run.errors)
        }
        #expect(try MessageSnapshot.differences("without-configuration", texts: refusals) == [])
    }
}
