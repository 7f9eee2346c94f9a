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
}
