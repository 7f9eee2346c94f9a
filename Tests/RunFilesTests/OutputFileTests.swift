import Basics
import Foundation
import RunFiles
import TestSupport
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
        try folder.write("image,old", to: "results/old.csv")
        try link("absolute", to: path("results/old.csv"))
        try link("dangling", to: "results/new.csv")
        try link("chain", to: "dangling")
        for (name, target) in [("absolute", "old"), ("chain", "new"), ("dangling", "new")] {
            try write("image," + name, to: name)
            #expect(try text("results/\(target).csv") == "image," + name)
        }
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("chain")) == "dangling")
        let names = try FileManager.default.contentsOfDirectory(atPath: path("results")).sorted()
        #expect(names == ["new.csv", "old.csv"], "nothing else is left")
    }

    @Test func aReplacedFileKeepsItsPermissions() throws {
        try folder.write("{}", to: "x")
        #expect(chmod(path("x"), 0o600) == 0)
        try write("new", to: "x")
        var status = stat()
        #expect(stat(path("x"), &status) == 0 && status.st_mode & 0o777 == 0o600)
    }

    @Test func whatNoCommandWroteIsNotReplaced() throws {
        try Data([0xFF, 0xD8, 0xFF, 0xE0, 0, 16]).write(to: URL(fileURLWithPath: path("photograph.jpg")))
        try folder.write("seed: 1\n", to: "mine.yaml")
        try folder.write("Notes of a year.\n", to: "notes.txt")
        try folder.write("patient,visit\n1,2\n", to: "mine.csv")
        try folder.write("a,b\n", to: "kept.csv")
        #expect(chmod(path("kept.csv"), 0o400) == 0)
        try folder.write("", to: "empty.csv")
        #expect(chmod(path("empty.csv"), 0o444) == 0)
        for (name, reason) in [
            ("photograph.jpg", "neither a table nor JSON"), ("mine.yaml", "a configuration"),
            ("kept.csv", "write-protected"), ("empty.csv", "write-protected"),
            ("notes.txt", "neither a table nor JSON"), ("mine.csv", "neither a table nor JSON"),
        ] {
            let error = foveaError { _ = try OutputFile(path(name), named: "--output") }
            #expect(error?.kind == .configuration && error?.message.contains(reason) == true, "\(name)")
        }
        // What a command may have written before is.
        for (name, old) in [("old.csv", "image,b\n"), ("old.json", "{}"), ("list.json", "[]"), ("empty", "")] {
            try folder.write(old, to: name)
            try write("image,c\n", to: name)
            #expect(try text(name) == "image,c\n")
        }
    }

    @Test func aFolderIsNotMadeAtItsPlace() throws {
        let output = try OutputFile(path("new"), named: "--onnx")
        for other in ["new", "new/", "./new", "new/below/it", "../\(PathName.last(of: folder.path))/new/"] {
            let error = foveaError { try output.refuse(folder: path(other), named: "--reference") }
            #expect(error?.kind == .configuration, "\(other)")
            #expect(error?.message == "--reference is \(path(other)), but --onnx writes a file to \(path("new"))")
        }
        try output.refuse(folder: path("newer"), named: "--reference")
        try output.refuse(folder: folder.path, named: "--reference")
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
        // By other spellings, where the file does not exist yet.
        try folder.write("", to: "inner/kept")
        try link("folder", to: "inner")
        for (one, other) in [
            ("x", "./x"), ("x", "inner/../x"), ("inner/x", "folder/x"), ("inner/x", "folder/../inner/x"),
        ] {
            #expect(foveaError { try pair(path(one), path(other)) }?.kind == .configuration, "\(one) \(other)")
        }
        try pair(path("inner/x"), path("x"))
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

    private func isOwned(_ name: String) -> Bool {
        do {
            _ = try OutputFile(path(name), named: "--output")
            return false
        } catch {
            return "\(error)".contains("belongs to")
        }
    }

    @Test func theFilesOfStageFoldersAndCachesStay() throws {
        for name in [
            "stages/plain-0123456789abcdef/stage.json", "stages/student-0123456789abcdef/.lock",
            "banks-only/banks/disc-0123456789abcdef.lock", "cache/512-0123456789ab/build.lock",
            "cache/512-0123456789ab/0123.pack", "mine/banks/notes.txt", "mine/512-0123456789ab/x",
        ] {
            try folder.write("[]", to: name)
        }
        let index = String(repeating: "0", count: 64) + "\n"
        try folder.write(index, to: "indexed/contents.index")
        for name in [
            "stages/plain-0123456789abcdef/stage.json", "stages/plain-0123456789abcdef/config.json",
            "stages/student-0123456789abcdef/model.safetensors", "stages/student-0123456789abcdef/.lock",
            "stages/banks", "stages/teacher-disc-0123456789abcdef", "stages/plain-0123456789abcdef/x.csv",
            "banks-only/banks/disc-0123456789abcdef.lock", "banks-only/banks/disc-0123456789abcdef.safetensors",
            "cache/512-0123456789ab/build.lock", "cache/512-0123456789ab/0123.pack", "cache/512-0123456789ab/new.pack",
            "cache/contents.index", "cache/contents.index.12.34.partial", "cache/256-0123456789ab",
            "indexed/contents.index",
        ] {
            #expect(isOwned(name), "\(name)")
        }
        for name in [
            "stages/mine.csv", "cache/mine.csv", "mine/banks/notes.txt", "mine/512-0123456789ab/x",
            "mine/contents.index", "mine/plain-0123456789abcdef",
        ] {
            _ = try OutputFile(path(name), named: "--output")
        }
    }

    @Test func theFilesOfAComparisonsPartsStay() throws {
        try folder.write("", to: "all/comparison.yaml")
        try folder.write("", to: "all/cells/x")
        try folder.write("x", to: "all/merged/means.csv")
        try folder.write("x", to: "all/folds-1-2-merged/means.csv")
        for name in [
            "all/merged/means.csv", "all/merged/comparison.json", "all/folds-1-2-merged/means.csv", "all/sources.json",
            "all/folds-7", "all/decisions.csv", "all/groups.csv",
        ] {
            #expect(isOwned(name), "\(name)")
        }
        // A part that was moved elsewhere is known by its record.
        try folder.write(
            #"{"format": 1, "fovea": "0", "made_in": "/", "has_reported": true}"#, to: "part/sources.json")
        try folder.write("", to: "part/plots/b.svg")
        #expect(isOwned("part/means.csv") && isOwned("part/plots/a.svg") && !isOwned("part/mine.csv"))
        try folder.write("x", to: "mine/merged/means.csv")
        #expect(!isOwned("mine/merged/means.csv"))
    }

    /// Every name that the file system allows can be written; a longer one is refused before the work.
    @Test func longNamesAreWrittenOrRefusedAtOnce() throws {
        for length in [200, 240, 255] {
            let name = String(repeating: "n", count: length - 4) + ".csv"
            try write("{}", to: name)
            try write("[]", to: name)
            #expect(try text(name) == "[]")
        }
        let error = foveaError { _ = try OutputFile(path(String(repeating: "n", count: 256)), named: "--json") }
        #expect(error?.kind == .configuration)
        // A path too long for the temporary file beside it.
        let inner = String(repeating: "/.", count: (4095 - folder.path.utf8.count - 6) / 2)
        let long = foveaError { _ = try OutputFile(folder.path + inner + "/x.csv", named: "--json") }
        #expect(long?.kind == .configuration, "\(String(describing: long))")
    }

    @Test func aFolderThatIsNotWritableIsNotCalledMissing() async throws {
        try folder.write("x", to: "shut/x")
        #expect(chmod(path("shut"), 0o555) == 0 && chmod(folder.path, 0o755) == 0)
        defer { chmod(path("shut"), 0o755) }
        let shut = path("shut") + "/new.csv"
        await #expect(processExitsWith: .success) { [shut = shut as String] in
            // Root may write everywhere.
            if geteuid() == 0 { setuid(65534) }
            let error = foveaError { _ = try OutputFile(shut, named: "--output") }
            let isRight =
                error?.kind == .configuration && error?.message.contains("is not writable: Permission denied") == true
                && error?.remedy?.contains("Make the folder") == false
            exit(isRight ? 0 : 1)
        }
        let missing = foveaError { _ = try OutputFile(path("none/x.csv"), named: "--output") }
        #expect(missing?.remedy?.contains("Make the folder first") == true)
        let file = foveaError { _ = try OutputFile(path("shut/x/y.csv"), named: "--output") }
        #expect(file?.message.contains("is not a folder") == true)
    }
}
