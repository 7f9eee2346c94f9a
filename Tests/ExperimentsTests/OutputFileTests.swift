import Basics
import Experiments
import Foundation
import Testing

struct OutputFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    private func write(_ text: String, to name: String) throws {
        try OutputFile(path(name), named: "--output").write(text)
    }

    private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: path(name), withDestinationPath: target)
    }

    @Test func linksAreWrittenThroughWhetherTheirFileExistsOrNot() throws {
        try folder.write("old", to: "results/old.csv")
        try link("absolute", to: path("results/old.csv"))
        try link("dangling", to: "results/new.csv")
        try link("chain", to: "dangling")
        for (name, target) in [("absolute", "old"), ("chain", "new"), ("dangling", "new")] {
            try write(name, to: name)
            #expect(try text("results/\(target).csv") == name)
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("chain")) == "dangling")
        let names = try FileManager.default.contentsOfDirectory(atPath: path("results")).sorted()
        #expect(names == ["new.csv", "old.csv"], "nothing else is left")
    }

    @Test func aReplacedFileKeepsItsPermissions() throws {
        try folder.write("old", to: "x")
        #expect(chmod(path("x"), 0o600) == 0)
        try write("new", to: "x")
        var status = stat()
        #expect(stat(path("x"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test func whatNoCommandWroteIsNotReplaced() throws {
        try Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 16]).write(to: URL(fileURLWithPath: path("photograph.jpg")))
        try folder.write("seed: 1\n", to: "mine.yaml")
        try folder.write("a,b\n", to: "kept.csv")
        #expect(chmod(path("kept.csv"), 0o400) == 0)
        for (name, reason) in [
            ("photograph.jpg", "neither a table nor JSON"), ("mine.yaml", "a configuration"),
            ("kept.csv", "write-protected"),
        ] {
            let error = foveaError { _ = try OutputFile(path(name), named: "--output") }
            #expect(error?.kind == .configuration && error?.message.contains(reason) == true, "\(name)")
        }
        // What a command may have written before is.
        try folder.write("a,b\n", to: "old.csv")
        try write("a,c\n", to: "old.csv")
        #expect(try text("old.csv") == "a,c\n")
    }

    @Test func aPipeIsWaitedForUntilToldToStop() throws {
        #expect(mkfifo(path("pipe"), 0o600) == 0)
        let output = try OutputFile(path("pipe"), named: "--output")
        var asked = 0
        #expect(throws: CancellationError.self) {
            try output.write("x") {
                asked += 1
                return asked == 3
            }
        }
    }

    @Test func inputsAreKnownUnderAnyName() throws {
        try folder.write("label", to: "l.csv")
        try link("soft", to: "l.csv")
        try FileManager.default.linkItem(atPath: path("l.csv"), toPath: path("hard"))
        for name in ["l.csv", "soft", "hard", "../\((folder.path as NSString).lastPathComponent)/l.csv"] {
            let error = foveaError {
                _ = try OutputFile(path(name), named: "--json", inputs: [path("none"), path("l.csv")])
            }
            #expect(error?.kind == .configuration && error?.message.contains("which this command reads") == true)
        }
        // A device is never an input that could be overwritten.
        _ = try OutputFile("/dev/null", named: "--json", inputs: ["/dev/null"])
    }

    @Test func twoOutputsMustDiffer() throws {
        try link("link", to: "x")
        func pair(_ one: String, _ other: String) throws {
            try OutputFile.refuseEqual(OutputFile(one, named: "--json"), OutputFile(other, named: "--output"))
        }
        #expect(foveaError { try pair(path("x"), path("link")) }?.kind == .configuration)
        try pair(path("x"), path("y"))
        try pair("/dev/null", "/dev/null")
        try OutputFile.refuseEqual(nil, OutputFile(path("x"), named: "--json"))
    }

    @Test func whatIsNoFileIsRefused() throws {
        try folder.write("x", to: "file")
        try link("loop", to: "loop")
        for name in ["", ".", "none/x", "file/x", "loop"] {
            #expect(foveaError { _ = try OutputFile(path(name), named: "--json") }?.kind == .configuration, "\(name)")
        }
        #expect(foveaError { _ = try OutputFile("", named: "--json") }?.kind == .configuration)
    }

    @Test func theFilesOfRunsModelsAndComparisonsStay() throws {
        try folder.write("", to: "run/config.yaml")
        try folder.write("{}", to: "run/metrics.json")
        try folder.write("", to: "model/config.json")
        try folder.write("", to: "model/model.safetensors")
        try folder.write("", to: "comparison/comparison.yaml")
        try folder.write("", to: "comparison/comparison.json")
        try folder.write("", to: "run/plain/x")
        try link("elsewhere", to: "run/predictions.csv")
        for name in [
            "run/metrics.json", "run/predictions.csv", "run/plain/mine.csv", "model/config.json",
            "comparison/means.csv", "elsewhere",
        ] {
            #expect(
                foveaError { _ = try OutputFile(path(name), named: "--output") }?.message.contains("belongs to")
                    == true,
                "\(name)")
        }
        for name in ["run/evaluation.json", "model/mine.csv", "predictions.csv", "comparison/mine.json"] {
            _ = try OutputFile(path(name), named: "--output")
        }
    }
}
