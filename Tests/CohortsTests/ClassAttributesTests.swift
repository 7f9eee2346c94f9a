import Basics
import Cohorts
import TestSupport
import Testing

@Suite struct ClassAttributesTests {
    @Test func readsAnyAxis() throws {
        let yaml = """
            classes:
              - {id: NO, name: "Normal", region: [], stage: [1]}
              - {id: "2", region: [macula, disc]}
            """
        let attributes = try ClassAttributes(yaml: yaml, source: "a.yaml")
        // The id NO stays the text NO, and a number a text.
        #expect(attributes.classes == ["NO", "2"])
        #expect(attributes.axes == ["region", "stage"])
        #expect(attributes["2"]?.values["region"] == ["macula", "disc"])
        #expect(attributes["NO"]?.values["region"] == [] && attributes["NO"]?.values["stage"] == ["1"])
        #expect(attributes["x"] == nil)
        #expect(attributes.values(of: "region") == ["macula", "disc"])
        #expect(attributes.names(of: ["2", "NO", "x"]) == ["2", "Normal", "x"])
        #expect(attributes["2"]?.line == 3)
        #expect(
            attributes.warnings(for: ["NO", "2", "new"]) == [
                "a.yaml does not describe: new", "a.yaml gives \"stage\" for 1 of 2 classes",
            ])
    }

    static let faults: [(String, Int?)] = [
        ("", nil),
        ("- 1\n", 1),
        ("class: []\n", 1),
        ("{}\n", 1),
        ("classes: 3\n", 1),
        ("classes: []\n", 1),
        ("classes:\n  - DR\n", 2),
        ("classes:\n  - {name: x}\n", 2),
        ("classes:\n  - {id: [A]}\n", 2),
        ("classes:\n  - {id: A, name: \"\"}\n", 2),
        ("classes:\n  - {id: A, name: Same}\n  - {id: B, name: Same}\n", 3),
        ("classes:\n  - {id: A}\n  - {id: B, name: A}\n", 3),
        ("classes:\n  - {id: A, region: disc}\n", 2),
        ("classes:\n  - {id: A, region: [[disc]]}\n", 2),
        ("classes:\n  - {id: A, region: [disc, disc]}\n", 2),
        ("classes:\n  - {id: A}\n  - {id: B}\n  - {id: A}\n", 4),
        ("classes:\n  - {id: A, shot: [x]}\n", nil),
        ("classes:\n  - {id: A, region: [a/b]}\n", nil),
        ("classes:\n  - {id: A, id: B}\n", 2),
        ("classes: [\n", 2),
        ("classes:\n  - {id: A, region: [\(String(repeating: "r", count: 65))]}\n", nil),
        ("classes:\n  - &a {id: A}\n  - *a\n", 3),
    ]

    private func refusal(_ yaml: String) -> FoveaError? {
        foveaError { _ = try ClassAttributes(yaml: yaml, source: "a.yaml") }
    }

    @Test(arguments: faults) func refusesWithFileAndLine(yaml: String, line: Int?) {
        let error = refusal(yaml)
        #expect(error?.kind == .data && error?.place?.path == "a.yaml" && error?.place?.line == line, "\(yaml)")
    }

    @Test func wording() throws {
        #expect(try MessageSnapshot.differences("attributes", Self.faults.map { ($0.0, refusal($0.0)) }) == [])
    }

    /// Thirty levels of aliases stand for a billion words; a key of them would be hashed word by word. The limit is a
    /// guard against that, not a measure: the machine may be slow and shared.
    @Test(.timeLimit(.minutes(60))) func aShortFileCannotStandForAHugeOne() {
        let levels = (1...30).map { "- &l\($0) [*l\($0 - 1), *l\($0 - 1)]\n" }.joined()
        let bomb = "- &l0 [x]\n" + levels + "- {? *l30 : 1}\n"
        #expect(message { _ = try ClassAttributes(yaml: bomb, source: "a.yaml") }.contains("the alias *l0"))
        for opening in ["[", "{a: ", "- ", "? "] {
            let deep = String(repeating: opening, count: 100_000)
            #expect(message { _ = try ClassAttributes(yaml: deep, source: "a.yaml") }.contains("a.yaml"))
        }
    }

    @Test func namesAFileThatCannotBeRead() {
        #expect(message { _ = try ClassAttributes(path: "/nowhere/a.yaml") }.contains("/nowhere/a.yaml"))
    }

    @Test func namesAreBoundedInLength() throws {
        for key in ["id: A, name", "id"] {
            let yaml = "classes:\n  - {\(key): \(String(repeating: "x", count: 201))}\n"
            let refusal = message { _ = try ClassAttributes(yaml: yaml, source: "a.yaml") }
            #expect(refusal.contains("a.yaml:2: the id or name of a class has more than 200 characters"))
        }
    }
}
