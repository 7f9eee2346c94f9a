import Basics
import Foundation
import Testing

@Suite struct BasicsTests {
    @Test func splitMixGivesItsPublishedStream() {
        var random = SeededRandom(seed: 0)
        random.state = 1_234_567
        // From the reference implementation (Vigna, splitmix64.c) with state 1234567.
        #expect(random.next() == 6_457_827_717_110_365_317)
        #expect(random.next() == 3_203_168_211_198_807_973)
    }

    @Test func streamsOfDifferentKeysDiffer() {
        var draws = Set<UInt64>()
        for epoch in 0..<10 as Range<UInt64> {
            for image in 0..<10 as Range<UInt64> {
                var random = SeededRandom(seed: 7, epoch, image)
                draws.insert(random.next())
            }
        }
        #expect(draws.count == 100)
    }

    @Test func suggestionNamesTheNearest() {
        #expect(
            FoveaError.suggestion(for: "featur", among: ["region", "feature"]).contains("did you mean \"feature\""))
        #expect(!FoveaError.suggestion(for: "banana", among: ["region", "feature"]).contains("did you mean"))
    }

    @Test func suggestionsOfManyNamesAreCut() {
        let names = (1...47).map { "column\($0)" }
        let text = FoveaError.suggestion(for: "column47x", among: names)
        #expect(text.hasPrefix("did you mean \"column47\"? (allowed: column1, "))
        #expect(text.hasSuffix("column12 and 35 more)"))
    }

    @Test func oneIsSingular() {
        #expect(Pluralization.count(1, "image") == "1 image" && Pluralization.count(0, "image") == "0 images")
        #expect(Pluralization.count(2, "class", "classes") == "2 classes")
        #expect(Pluralization.listing(["a", "b", "c"], limit: 2) == "a, b and 1 more")
    }

    @Test func foldersAreMadeWithThoseAboveThem() throws {
        let folder = NSTemporaryDirectory() + "/" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for _ in 0..<2 { try Folder.make(folder + "/a//b/") }
        #expect(Folder.exists(folder + "/a/b"))
        try AtomicFile.write("text", to: folder + "/file")
        for path in [folder + "/file", folder + "/file/below"] {
            let error = #expect(throws: FoveaError.self) { try Folder.make(path) }
            #expect(error?.kind == .storage)
            #expect(error?.message == "cannot make the folder \(folder)/file: File exists")
            #expect(error?.remedy?.contains("choose another place") == true)
        }
    }

    @Test func aFileIsFoundWhereAFolderIsWantedHoweverManySlashesFollow() throws {
        let folder = NSTemporaryDirectory() + "fovea-folder-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Folder.make(folder)
        try AtomicFile.write("text", to: folder + "/file")
        for path in ["/file", "/file/", "/file//", "/file/a", "/file//a//b/"] {
            let error = #expect(throws: FoveaError.self, "\(path)") {
                try Folder.check(folder + path, named: "output")
            }
            #expect(error?.kind == .configuration)
        }
        for path in [folder, folder + "/", folder + "/a//b/", "/", "//", "a", "a//"] {
            try Folder.check(path, named: "output")
        }
    }

    @Test func hashIsTheStandardsExample() {
        // FIPS 180-2, appendix B.1.
        #expect(Digest.sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func aNameOfOneCharacterIsWritten() throws {
        let folder = NSTemporaryDirectory() + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write("text", to: folder + "/x")
        // In the working directory, without any slash.
        let name = "~"
        defer { unlink(name) }
        try AtomicFile.write("text", to: name)
        #expect(FileManager.default.fileExists(atPath: name))
    }

    @Test func aFailedWriteLeavesTheOldFile() throws {
        let folder = NSTemporaryDirectory() + "/" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/file"
        try AtomicFile.write("old", to: path)
        #expect(throws: FoveaError.self) {
            try AtomicFile.write(to: path) { _ in throw FoveaError(.storage, "disk full") }
        }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
    }

    @Test func workThatDoesNotFitOnTheDiskIsRefusedBeforeItBegins() throws {
        let folder = NSTemporaryDirectory() + "none"
        func need(_ bytes: Int, _ what: String) -> DiskSpace.Need {
            DiskSpace.Need(bytes, in: folder + "/at/all", for: what)
        }
        try DiskSpace.require([need(1 << 10, "little"), need(0, "nothing")], of: "this", remedy: "")
        do {
            try DiskSpace.require(
                [need(1 << 60, "models"), need(1 << 60, "others")], of: "this", remedy: "Make space.")
            Issue.record("it fits")
        } catch let error as FoveaError {
            #expect(error.kind == .storage && error.remedy == "Make space.")
            #expect(error.message.hasPrefix("this needs about 2199023255552 MiB (models 1099511627776 MiB, others"))
        }
        // Each part alone would fit.
        let attributes = try FileManager.default.attributesOfFileSystem(forPath: NSTemporaryDirectory())
        let free = try #require((attributes[.systemFreeSize] as? NSNumber)?.intValue)
        let part = free / 2 + (1 << 30)
        #expect(throws: FoveaError.self) {
            try DiskSpace.require([need(part, "one"), need(part, "the other")], of: "this", remedy: "")
        }
    }
}
