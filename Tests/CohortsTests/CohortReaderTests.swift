import Basics
import Cohorts
import Foundation
import TestSupport
import Testing

@Suite struct CohortReaderTests {
    @Test func readsClassesAndExtrasInAnyOrder() throws {
        let scratch = try Scratch()
        try scratch.makeImages("a.jpg", "b.png")
        let table = try scratch.write(
            "DR,Patient,image,AGE,fold,AMD,eye,Sex,split\n1,p1,a.jpg,57,2,0,left,Male,train\n ,, b ,,,1 ,,,\n")
        let cohort = try CohortReader().read(table: table, images: scratch.images)
        #expect(cohort.classes == ["DR", "AMD"])
        #expect(cohort.labels == [1, 0, -1, 1])
        let first = Photograph(
            image: "a.jpg", path: scratch.images + "/a.jpg", patient: "p1", eye: "left", age: 57, sex: "Male",
            fold: 2, split: "train")
        // The ending of the second is found by looking.
        #expect(cohort.photographs == [first, Photograph(image: "b", path: scratch.images + "/b.png")])
        #expect(cohort.missingImages.isEmpty && cohort.ignoredColumns.isEmpty && cohort.source == table)
        try cohort.requireImages()
    }

    @Test func aClassListLeavesOtherColumnsOut() throws {
        let scratch = try Scratch()
        let table = try scratch.write("image,N,comment,B,A\na.jpg,7,text,0,1\n")
        let cohort = try CohortReader(classes: ["A", "B"]).read(table: table, images: scratch.images)
        #expect(cohort.classes == ["A", "B"] && cohort.labels == [1, 0])
        #expect(cohort.ignoredColumns == ["N", "comment"])
        #expect(cohort.missingImages == [0])
        // Without the list every column must be a class, and the first that is none is named.
        let refusal = message { _ = try CohortReader().read(table: table, images: scratch.images) }
        #expect(
            refusal.contains(
                "labels.csv:2, column \"N\": found \"7\"; allowed are 0 or 1, no or yes, false or true, and an empty cell"
            ))
        #expect(
            message { _ = try CohortReader(classes: ["A", "BB"]).read(table: table, images: scratch.images) }
                .contains("no column for the class \"BB\"\n  did you mean \"B\"?"))
        #expect(
            message { _ = try CohortReader(classes: ["A", "A"]).read(table: table, images: scratch.images) }
                .contains("\"A\" is listed twice"))
    }

    @Test func attributesGiveTheClasses() throws {
        let scratch = try Scratch()
        let table = try scratch.write("image,N,B,A\na.jpg,7,0,1\n")
        let attributes = try ClassAttributes(
            yaml: "classes: [{id: A, region: [disc]}, {id: B, region: []}]", source: "a.yaml")
        let cohort = try CohortReader(attributes: attributes).read(table: table, images: scratch.images)
        #expect(cohort.classes == ["A", "B"] && cohort.ignoredColumns == ["N"])
        let wrong = try ClassAttributes(yaml: "classes:\n  - {id: A}\n  - {id: AB}\n", source: "a.yaml")
        let refusal = message { _ = try CohortReader(attributes: wrong).read(table: table, images: scratch.images) }
        #expect(refusal.contains("a.yaml:3: the class \"AB\" is not a column of"))
        #expect(refusal.contains("did you mean"))
    }

    /// Tables that are wrong in one way, with line and column of the fault.
    static let faults: [(String, Int?, String?)] = [
        ("image,A\na.jpg,2\n", 2, "A"),
        ("image,A\na.jpg,1.5\n", 2, "A"),
        ("image,A\na.jpg,-1\n", 2, "A"),
        ("image,A\na.jpg,maybe\n", 2, "A"),
        ("image,A\na.jpg,1\nb.jpg,0\na.jpg,1\n", 4, nil),
        ("image,A\na.jpg,1\n./a.jpg,0\n", 3, nil),
        ("image,A\na.jpg,1\na,0\n", 3, nil),
        ("image,A\n/etc/passwd,1\n", 2, nil),
        ("image,A\nx/../../b.jpg,1\n", 2, nil),
        ("image,A\nlink.jpg,1\n", 2, nil),
        ("image,A\nfolder/inside.jpg,1\n", 2, nil),
        ("image,A\nboth,1\n", 2, nil),
        ("image,A\n ,1\n", 2, "image"),
        ("image,A,age\na.jpg,1,old\n", 2, "age"),
        ("image,A,fold\na.jpg,1,1.5\n", 2, "fold"),
        ("image,A,fold,Fold\na.jpg,1,1,1\n", nil, nil),
        ("image,patient\na.jpg,p\n", nil, nil),
        ("image,A\n", nil, nil),
        ("picture,A\na.jpg,1\n", nil, nil),
        ("image,A\na.jpg\n", 2, nil),
        ("image,Image,A\na.jpg,a.jpg,1\n", nil, nil),
        ("picture,A\na.jpg,1\n", nil, nil),
        ("image,A\na.jpg,2\n", 2, "A"),
    ]

    private func refusal(of text: String, in scratch: Scratch) throws -> (table: String, error: FoveaError?) {
        try scratch.makeImages("a.jpg", "both.png", "both.jpg")
        let outside = try scratch.write("x", to: "inside.jpg")
        for (link, destination) in [("/link.jpg", outside), ("/folder", scratch.path)] {
            try FileManager.default.createSymbolicLink(
                atPath: scratch.images + link, withDestinationPath: destination)
        }
        let table = try scratch.write(text)
        return (table, foveaError { _ = try CohortReader().read(table: table, images: scratch.images) })
    }

    @Test(arguments: faults) func aBadTableIsNamedWithLineAndColumn(text: String, line: Int?, column: String?) throws {
        let scratch = try Scratch()
        let (table, error) = try refusal(of: text, in: scratch)
        #expect(error?.kind == .data && error?.place?.path == table, "\(String(describing: error))")
        #expect(error?.place?.line == line && error?.place?.key == column, "\(String(describing: error))")
    }

    @Test func wording() throws {
        let found = try Self.faults.map { text, _, _ in
            let scratch = try Scratch()
            var error = try refusal(of: text, in: scratch).error
            error?.message.replace(scratch.path, with: "")
            return (cause: text, error: error)
        }
        #expect(try MessageSnapshot.differences("tables", found) == [])
    }

    @Test(arguments: ["../inside", "x/../../inside", "/../../inside"])
    func aPatternDoesNotLeadOutOfTheFolder(name: String) throws {
        let scratch = try Scratch()
        try scratch.makeImages("train_a.jpg")
        _ = try scratch.write("x", to: "inside.jpg")
        let path = try scratch.write("ID,A\n\(name),1\n")
        for pattern in ["{ID}.jpg", "x/{ID}.jpg"] {
            let table = LabelTable(path: path, images: scratch.images, imagePattern: pattern)
            #expect(message { _ = try CohortReader().read([table]) }.contains("leads out of the image folder"))
        }
    }

    @Test func linksInsideTheFolderAreFine() throws {
        let scratch = try Scratch()
        try scratch.makeImages("a.jpg")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.images + "/b.jpg", withDestinationPath: scratch.images + "/a.jpg")
        let table = try scratch.write("image,A\nb.jpg,1\n")
        #expect(try CohortReader().read(table: table, images: scratch.images).missingImages.isEmpty)
    }

    @Test func allMissingImagesAreNamedAtOnce() throws {
        let scratch = try Scratch()
        try scratch.makeImages("0.jpg")
        let table = try scratch.write("image,A\n" + (0..<13).map { "\($0).jpg,1\n" }.joined())
        let cohort = try CohortReader().read(table: table, images: scratch.images)
        let refusal = message { try cohort.requireImages() }
        #expect(refusal.contains("12 of 13 images do not exist: ") && refusal.contains("data.missing: skip"))
        #expect(refusal.contains("/10.jpg and 2 more") && !refusal.contains("/11.jpg"))
        let kept = try CohortReader(leavesOutMissingImages: true).read(table: table, images: scratch.images)
        #expect(kept.count == 1 && kept.leftOutImages.count == 12)
        let none = try scratch.write("image,A\nx.jpg,1\n")
        #expect(
            message {
                _ = try CohortReader(leavesOutMissingImages: true).read(table: none, images: scratch.images)
            }.contains("none of its images exists (1 row)"))
        #expect(
            message { _ = try CohortReader().read(table: table, images: scratch.path + "/other") }
                .contains("other does not exist"))
        #expect(
            message { _ = try CohortReader().read(table: table, images: "") }
                .contains("no image folder is given: data.images is empty"))
    }

    @Test func anIdBesideTheImageIsNoClass() throws {
        let scratch = try Scratch()
        let table = try scratch.write("image,ID,A\na.jpg,17,1\n")
        let cohort = try CohortReader().read(table: table, images: scratch.images)
        #expect(cohort.classes == ["A"] && cohort.photographs.map(\.image) == ["a.jpg"])
        // Unless it is listed as one.
        let listed = try scratch.write("image,ID,A\na.jpg,0,1\n")
        #expect(try CohortReader(classes: ["ID"]).read(table: listed, images: scratch.images).labels == [0])
    }

    @Test func everyEndingOfAPhotographIsFound() throws {
        let scratch = try Scratch()
        for (k, ending) in PhotographFile.endings.enumerated() { try scratch.makeImages("\(k)." + ending) }
        #expect(PhotographFile.endings.contains("webp"))
        let table = try scratch.write("image,A\n" + PhotographFile.endings.indices.map { "\($0),1\n" }.joined())
        #expect(try CohortReader().read(table: table, images: scratch.images).missingImages.isEmpty)
    }

    @Test func tablesOfSeveralSplitsFormOneCohort() throws {
        let scratch = try Scratch()
        try scratch.makeImages("train_1.png", "train_2.png", "1.JPG")
        let first = try scratch.write("\u{FEFF}ID,Disease_Risk,A,B\r\n1,1,1,0\r\n2,0,0,0\r\n", to: "first.csv")
        let second = try scratch.write("ID,Disease_Risk,B,A\n1,1,1,0\n", to: "second.csv")
        let tables = [
            LabelTable(path: first, images: scratch.images, split: "train", imagePattern: "train_{ID}"),
            LabelTable(path: second, images: scratch.images, split: "val"),
        ]
        let cohort = try CohortReader().read(tables)
        #expect(cohort.photographs.map(\.image) == ["train/1", "train/2", "val/1"])
        #expect(cohort.photographs.map(\.split) == ["train", "train", "val"])
        #expect(
            cohort.photographs.map(\.path) == ["train_1.png", "train_2.png", "1.JPG"].map { scratch.images + "/" + $0 })
        // The second table has its columns in another order.
        #expect(cohort.classes == ["A", "B"] && cohort.labels == [1, 0, 0, 0, 0, 1])

        let third = try scratch.write("ID,A,B,C\n3,1,0,0\n", to: "third.csv")
        let more = LabelTable(path: third, images: scratch.images, split: "test")
        #expect(
            message { _ = try CohortReader().read(tables + [more]) }.contains("a column \"C\" that the tables before"))
        let fewer = try scratch.write("ID,A\n3,1\n", to: "fourth.csv")
        let less = LabelTable(path: fewer, images: scratch.images, split: "test")
        #expect(message { _ = try CohortReader().read(tables + [less]) }.contains("no column for the class \"B\""))
        let pattern = LabelTable(path: first, images: scratch.images, split: "x", imagePattern: "train.png")
        #expect(message { _ = try CohortReader().read([pattern]) }.contains("must contain {ID} exactly once"))
        // Without splits the ids meet.
        let plain = [first, second].map { LabelTable(path: $0, images: scratch.images) }
        #expect(
            message { _ = try CohortReader().read(plain) }.contains(
                "\"1\" appears twice, first at \(first):2"))
    }

    @Test func singleLabelsMeanExactlyOne() throws {
        try makeCohort(["100", "010"]).requireSingleLabels()
        let mixed = try makeCohort(["100", "110", "000", "1?0"])
        let refusal = message { try mixed.requireSingleLabels() }
        #expect(refusal.contains("3 rows differ: i1.png, i2.png, i3.png; the first has 2 positives"))
        try mixed.requireSingleLabels(rows: [0])
        #expect(
            message { try mixed.requireSingleLabels(rows: [3]) }
                .contains("1 row differs: i3.png; the first has 1 positive\n"))
    }

    @Test(arguments: [("1", 1), (" 1", 1), ("1 ", 1), ("1.0", 1), ("01", 1), ("", nil)])
    func foldsAreReadAsSpreadsheetsWriteThem(cell: String, fold: Int?) throws {
        let scratch = try Scratch()
        let table = try scratch.write("image,fold,A\na.jpg,\(cell),1\n")
        #expect(try CohortReader().read(table: table, images: scratch.images).photographs[0].fold == fold)
    }

    @Test(arguments: ["1.5", "-1", "1,0", "one", "1e0", "nan"]) func otherFoldsAreRefused(cell: String) throws {
        let scratch = try Scratch()
        let table = try scratch.write("image,fold,A\na.jpg,\"\(cell)\",1\n")
        let refusal = message { _ = try CohortReader().read(table: table, images: scratch.images) }
        #expect(refusal.contains(":2, column \"fold\": found \"\(cell)\"; allowed is a whole number"))
    }

    @Test func whatIsSaidOfAnImageIsBoundedInLength() throws {
        let scratch = try Scratch()
        func refusal(_ image: String, _ patient: String) throws -> String {
            let table = try scratch.write("image,patient,A\na.jpg,p,1\n\(image),\(patient),1\n")
            return message { _ = try CohortReader().read(table: table, images: scratch.images) }
        }
        let long = String(repeating: "x/", count: 3000)
        #expect(try refusal("b.jpg", String(long.prefix(4096))) == "no error")
        for (text, column) in [
            (try refusal(long, "p"), "image"), (try refusal("b.jpg", String(long.prefix(4097))), "patient"),
        ] {
            #expect(text.contains(":3, column \"\(column)\": found a text of"), "\(text.prefix(300))")
            #expect(text.contains("allowed are at most 4096") && text.count < 500)
        }
    }

    @Test func classesAreBoundedInNumberAndLength() throws {
        let scratch = try Scratch()
        func refusal(_ header: String) throws -> String {
            let cells = String(repeating: ",1", count: header.split(separator: ",").count - 1)
            let table = try scratch.write(header + "\na.jpg" + cells + "\n")
            return message { _ = try CohortReader().read(table: table, images: scratch.images) }
        }
        func names(_ count: Int) -> String { "image," + (0..<count).map { "c\($0)" }.joined(separator: ",") }
        #expect(try refusal(names(20_000)) == "no error")
        #expect(try refusal(names(20_001)).contains("has 20001 classes; allowed are at most 20000"))
        #expect(try refusal(names(50_000)).contains("line 1 names 50001 columns; allowed are at most 50000"))
        #expect(try refusal("image," + String(repeating: "ü", count: 200)) == "no error")
        // One character with any number of marks is long too.
        let marks = try refusal("image,a" + String(repeating: "\u{301}", count: 100_000))
        #expect(marks.contains("100001 characters") && marks.utf8.count < 2000)
        let attributes = message {
            _ = try ClassAttributes(
                entries: [.init(id: "a" + String(repeating: "\u{301}", count: 300), values: [:])], axes: [])
        }
        #expect(attributes.contains("more than 200 characters"))
        let long = try refusal("image," + String(repeating: "x", count: 20_000))
        #expect(long.contains("20000 characters") && long.contains("allowed are at most 200") && long.count < 1000)
    }
}
