import Basics
import Foundation
import Synchronization
import Testing

/// What is removed of files under construction: only what no process holds, of names that Fovea gives.
@Suite struct PartialFileTests {
    private let folder = NSTemporaryDirectory() + "fovea-partial-\(UUID().uuidString)"

    init() throws { try Folder.make(folder) }

    private func names() throws -> Set<String> { Set(try FileManager.default.contentsOfDirectory(atPath: folder)) }

    private func put(_ name: String) {
        _ = FileManager.default.createFile(atPath: folder + "/" + name, contents: Data("x".utf8))
    }

    @Test func namesAreTakenApart() {
        let path = PartialFile.path(for: "/a/model.safetensors")
        #expect(PartialFile.finalName(of: String(path.dropFirst(3))) == "model.safetensors")
        #expect(PartialFile.finalName(of: "x.12.34.partial") == "x")
        for foreign in [
            "x.pth.partial", "x.12.partial", "x.12.b4.partial", ".12.34.partial", "x..34.partial", "x.12.34.part",
            "partial",
        ] {
            #expect(PartialFile.finalName(of: foreign) == nil, "\(foreign)")
        }
    }

    /// Whatever length a name has that the file system allows.
    @Test(arguments: [1, 99, 100, 101, 225, 228, 240, 255])
    func aNameOfAnyLengthCanBeReplaced(_ length: Int) throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in [
            String(repeating: "n", count: length), String(repeating: "n", count: max(0, length - 5)) + ".json",
            String(repeating: "ü", count: length / 2), "." + String(repeating: "n", count: length - 1),
            String(repeating: "n", count: 1) + "." + String(repeating: "e", count: max(0, length - 2)),
        ] where name.utf8.count > 0 && name != "." && name.utf8.count <= length {
            for text in ["old", "new"] { try AtomicFile.write(text, to: folder + "/" + name) }
            #expect(try String(contentsOfFile: folder + "/" + name, encoding: .utf8) == "new")
            #expect(try names() == [name])
            unlink(folder + "/" + name)
            // One that is left over is still known for what it is.
            let partial = String(PartialFile.path(for: folder + "/" + name).dropFirst(folder.count + 1))
            #expect(partial.utf8.count <= 143)
            let final = try #require(PartialFile.finalName(of: partial))
            #expect(name.hasSuffix(".json") == final.hasSuffix(".json"))
        }
    }

    @Test func whatAProcessWritesStaysAndWhatADeadOneLeftGoes() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in ["a.json.12.34.partial", "b.json.12.34.partial", "x.pth.partial", "a.json"] { put(name) }
        let folder = folder
        try AtomicFile.write(to: folder + "/a.json") { descriptor in
            try Data("new".utf8).withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: "a.json") }
            PartialFile.removeLeftOver(in: folder) { $0 == "a.json" }
            let now = try FileManager.default.contentsOfDirectory(atPath: folder)
            #expect(!now.contains("a.json.12.34.partial"))
            #expect(now.contains { $0.hasPrefix("a.json.\(getpid()).") }, "\(now)")
        }
        // Not a name that was requested, or not ours.
        #expect(try names() == ["a.json", "b.json.12.34.partial", "x.pth.partial"])
        #expect(try String(contentsOfFile: folder + "/a.json", encoding: .utf8) == "new")
        // A file of the same name that lies elsewhere, behind a link, is not looked at.
        put("target")
        symlink(folder + "/target", folder + "/b.json.56.78.partial")
        PartialFile.removeLeftOver(in: folder) { _ in true }
        #expect(try names() == ["a.json", "target", "b.json.56.78.partial", "x.pth.partial"])
    }

    /// The lock is held until the file has its final name.
    @Test func nothingIsRemovedWhileItIsWritten() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let isDone = Atomic(false)
        try WorkerThreads.start(1) { [folder] in
            while !isDone.load(ordering: .relaxed) { PartialFile.removeLeftOver(in: folder) { _ in true } }
        }
        defer { isDone.store(true, ordering: .relaxed) }
        for i in 0..<300 { try AtomicFile.write("\(i)", to: folder + "/a.json") }
    }

    /// Another process is killed while it writes.
    @Test func aKilledProcessHoldsNothing() async throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
            try AtomicFile.write(to: folder + "/stage.json") { _ in kill(getpid(), SIGKILL) }
        }
        #expect(try names().count == 1)
        PartialFile.removeLeftOver(in: folder) { $0 == "stage.json" }
        #expect(try names().isEmpty)
    }
}
