import Basics
import Testing

@Suite struct NormalClassTests {
    @Test(arguments: [
        (["DR", "Normal"], 1), (["healthy", "glaucoma"], 0), (["A", "No finding"], 1), (["A", "no_findings"], 1),
        (["mild", "No-DR"], 1), (["abnormal", "0"], nil), ([], nil),
    ])
    func itIsFoundByItsName(classes: [String], index: Int?) {
        #expect(NormalClass.index(in: classes, titles: []) == index)
        #expect(NormalClass.index(in: classes.map { _ in "x" }, titles: classes) == index)
    }
}
