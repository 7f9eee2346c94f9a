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
