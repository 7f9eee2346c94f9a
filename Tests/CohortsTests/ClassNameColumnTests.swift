import Basics
import Cohorts
import TestSupport
import Testing

/// Tables that name the class of each image instead of having a column for each class.
@Suite struct ClassNameColumnTests {
    private func read(_ text: String, classes: [String]? = nil) throws -> Cohort {
        let scratch = try Scratch()
        return try withExtendedLifetime(scratch) {
            try CohortReader(classes: classes).read(table: scratch.write(text), images: scratch.images)
        }
    }

    @Test(arguments: ["label", "Labels", "class", "Diagnosis"]) func namesBecomeClasses(column: String) throws {
        let cohort = try read("filename,patient,\(column),width\na.jpg,p,DR,10\nb.jpg,q, AMD ,20\nc.jpg,q,,30\n")
        #expect(cohort.classes == ["AMD", "DR"])
        #expect(cohort.labels == [0, 1, 1, 0, -1, -1])
        #expect(cohort.photographs.map(\.image) == ["a.jpg", "b.jpg", "c.jpg"])
        #expect(cohort.photographs.map(\.patient) == ["p", "q", "q"] && cohort.ignoredColumns == ["width"])
    }

    @Test func gradesAreClassesInTheirOrder() throws {
        let cohort = try read("id,diagnosis\na,10\nb,2\nc,0\n")
        #expect(cohort.classes == ["0", "2", "10"] && cohort.labels == [0, 0, 1, 0, 1, 0, 1, 0, 0])
    }

    @Test func aCellMayNameSeveral() throws {
        let cohort = try read("image,label\na.jpg,DR|AMD\nb.jpg,AMD; scar\n")
        #expect(cohort.classes == ["AMD", "DR", "scar"] && cohort.labels == [1, 1, 0, 1, 0, 1])
    }

    @Test func someMayBeChosen() throws {
        let cohort = try read("image,label\na.jpg,DR\nb.jpg,AMD\n", classes: ["DR"])
        #expect(cohort.classes == ["DR"] && cohort.labels == [1, 0])
    }

    /// What was a table of 0 and 1 stays one.
    @Test func columnsOf0And1AreClasses() throws {
        #expect(try read("image,label\na.jpg,1\nb.jpg,0\n").classes == ["label"])
        let cohort = try read("image,label,A\na.jpg,text,1\n", classes: ["A"])
        #expect(cohort.classes == ["A"] && cohort.ignoredColumns == ["label"])
    }

    @Test(arguments: [
        ("yes", 1), ("No", 0), ("TRUE", 1), ("false", 0), ("1.0", 1), ("0.0", 0), (" 1 ", 1), ("", -1),
    ]) func labelsAreReadAsOtherProgramsWriteThem(cell: String, label: Int8) throws {
        #expect(try read("image,A,B\na.jpg,1,\(cell)\n").labels == [1, label])
    }

    @Test(arguments: ["image", "Filename", "FILE", "path", "ID"]) func theImageColumnHasSeveralNames(name: String)
        throws
    {
        #expect(try read("\(name),A\na.jpg,1\n").photographs.map(\.image) == ["a.jpg"])
    }

    @Test func namesThatCannotBeClassesAreRefused() throws {
        #expect(
            message { _ = try read("image,label,age\na.jpg,Age,30\n") }.contains(
                "the class \"Age\" in the column \"label\""))
        let many = (0..<600).map { "\($0).jpg,text \($0)\n" }.joined()
        #expect(
            message { _ = try read("image,label\n" + many) }.contains(
                "holds 600 different texts; allowed are at most 500"))
    }
}
