import Basics
import Cohorts
import Foundation
import Testing

/// Names that look the same in a table and in a folder.
@Suite struct ImageNameTests {
    private let scratch: Scratch
    private let composed = "\u{FC}ber.png"
    private let decomposed = "u\u{308}ber.png"

    init() throws { scratch = try Scratch() }

    private func cohort(_ names: String...) throws -> Cohort {
        let table = try scratch.write("image,A\n" + names.map { $0 + ",1\n" }.joined())
        return try CohortReader().read(table: table, images: scratch.images)
    }

    private func bytes(_ path: String) -> [UInt8] { Array(path.utf8) }

    @Test func equivalentNamesAreOneName() throws {
        for (written, name) in [(composed, decomposed), (decomposed, composed)] {
            try scratch.makeImages(name)
            let found = try cohort(written)
            try found.requireImages()
            #expect(bytes(found.photographs[0].path) == bytes(scratch.images + "/" + name))
            // The name without its ending, and a folder on the way.
            try cohort(String(written.dropLast(4))).requireImages()
            try FileManager.default.removeItem(atPath: scratch.images + "/" + name)
            let place = scratch.images + "/" + name
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
            try AtomicFile.write("x", to: place + "/a.png")
            try cohort(written + "/a.png").requireImages()
            try FileManager.default.removeItem(atPath: place)
        }
    }

    @Test func theFileWithExactlyTheNameGoesFirst() throws {
        try scratch.makeImages(composed)
        try scratch.makeImages(decomposed)
        for name in [composed, decomposed] {
            #expect(try bytes(cohort(name).photographs[0].path) == bytes(scratch.images + "/" + name))
        }
    }

    @Test func severalEquivalentNamesAreRefused() throws {
        // Three ways to write one name, two of them in the folder.
        try scratch.makeImages("\u{1EA5}.png", "\u{E2}\u{301}.png")
        #expect(message { _ = try cohort("a\u{302}\u{301}.png") }.contains("fits several files"))
    }

    /// Equivalent names look the same: the message spells them, and its advice fits.
    @Test func namesThatLookTheSameAreSpelled() throws {
        // The first two are decomposed, with their marks in one order and in the other.
        let names = ["s\u{323}\u{307}.png", "s\u{307}\u{323}.png", "\u{1E63}\u{307}.png"]
        for wanted in names.indices {
            let others = names.indices.filter { $0 != wanted }.map { names[$0] }
            for name in others { try scratch.makeImages(name) }
            let text = message { _ = try cohort(names[wanted]) }
            #expect(text.contains("names look the same"), "\(text)")
            #expect(text.contains("s\\u{323}\\u{307}.png") || text.contains("s\\u{307}\\u{323}.png"), "\(text)")
            #expect(text.contains("Rename or remove all but one") && !text.contains("Write the ending"), "\(text)")
            for name in others { unlink(scratch.images + "/" + name) }
        }
        try scratch.makeImages("a.png", "a.jpg")
        #expect(message { _ = try cohort("a") }.contains("Write the ending in the table"))
    }

    /// What cannot be looked at is not called missing, and `data.missing: skip` does not leave it out.
    @Test func imagesThatCannotBeLookedAtAreNotMissing() throws {
        let place = scratch.images + "/loop"
        #expect(symlink(place, place) == 0)
        var cases = [("loop/a.png", "Too many levels of symbolic links")]
        if geteuid() != 0 {
            try FileManager.default.createDirectory(
                atPath: scratch.images + "/closed", withIntermediateDirectories: true)
            chmod(scratch.images + "/closed", 0)
            cases.append(("closed/a.png", "Permission denied"))
        }
        defer { chmod(scratch.images + "/closed", 0o700) }
        for (name, reason) in cases {
            let table = try scratch.write("image,A\n\(name),1\n")
            for leavesOut in [false, true] {
                let text = message {
                    _ = try CohortReader(leavesOutMissingImages: leavesOut).read(table: table, images: scratch.images)
                }
                #expect(text.contains("labels.csv:2: ") && text.contains("cannot be read: " + reason), "\(text)")
            }
        }
        let table = try scratch.write("image,A\na.png,1\n")
        #expect(
            message { _ = try CohortReader().read(table: table, images: place) }.contains("cannot be read: Too many"))
    }

    @Test func endingsAreFoundInAnyCase() throws {
        try scratch.makeImages("a.Jpg", "b.JFIF", "c.TIF")
        try cohort("a", "b", "c").requireImages()
    }

    @Test(arguments: [
        ("IMG_1.JPG", "img_1.JPG", "case"), ("img 1.jpg", "img1.jpg", "blanks"),
        ("img-1.jpg", "img_1.jpg", "separators"),
        ("img_1.jpg", "img_1.png", "the ending"), ("img_1.jpg", "img_1.JPG", "the ending's case"),
        ("\u{FB01}ve.jpg", "five.jpg", "normalisation (composed and decomposed characters)"),
        ("img\u{2003}1.jpg", "img 1.jpg", "blanks"),
        ("Img 1.jpg", "img1.png", "case, blanks, the ending"),
    ])
    func theNearestNameIsTold(written: String, file: String, difference: String) throws {
        try scratch.makeImages(file)
        let found = try cohort(written)
        #expect(found.missingImages == [0])
        let text = message { try found.requireImages() }
        #expect(text.contains("is \"\(file)\", not \"\(written)\": the names differ in \(difference)."), "\(text)")
    }

    @Test func aFolderOnTheWayIsToldToo() throws {
        try FileManager.default.createDirectory(atPath: scratch.images + "/Left", withIntermediateDirectories: true)
        try AtomicFile.write("x", to: scratch.images + "/Left/a.png")
        let text = message { try cohort("left/a.png").requireImages() }
        #expect(text.contains("is \"Left\", not \"left\": the names differ in case."), "\(text)")
        #expect(!message { try cohort("else/a.png").requireImages() }.contains("differ in"))
    }
}
