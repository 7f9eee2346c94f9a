import Cohorts
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

    @Test(arguments: [
        ("", "a.yaml is empty"), ("- 1\n", "a.yaml, line 1: must be a mapping with the key \"classes\""),
        ("class: []\n", "a.yaml, line 1: unknown key \"class\"\n  did you mean \"classes\"?"),
        ("{}\n", "needs \"classes\" with a list"), ("classes: 3\n", "needs \"classes\" with a list"),
        ("classes: []\n", "lists no class"), ("classes:\n  - DR\n", "line 2: each class must be a mapping"),
        ("classes:\n  - {name: x}\n", "line 2: a class has no \"id\""),
        ("classes:\n  - {id: [A]}\n", "line 2: \"id\" must be a text"),
        ("classes:\n  - {id: A, region: disc}\n", "line 2: \"region\" must be a list, such as [macula] or []"),
        ("classes:\n  - {id: A, region: [[disc]]}\n", "line 2: \"region\" must be a list of words"),
        ("classes:\n  - {id: A, region: [disc, disc]}\n", "\"region\" lists \"disc\" twice"),
        ("classes:\n  - {id: A}\n  - {id: B}\n  - {id: A}\n", "describes the class \"A\" twice (lines 2 and 4)"),
        ("classes:\n  - {id: A, shot: [x]}\n", "must not be called \"shot\""),
        ("classes:\n  - {id: A, region: [a/b]}\n", "\"a/b\" cannot name an attribute or its value"),
        ("classes:\n  - {id: A, id: B}\n", "a.yaml, line 2: the key \"id\" is given twice"),
        ("classes: [\n", "a.yaml, line 2: not YAML: while parsing a flow"),
        ("classes:\n  - {id: A, region: [\(String(repeating: "r", count: 65))]}\n", "at most 64 bytes"),
        ("classes:\n  - &a {id: A}\n  - *a\n", "a.yaml, line 3: the alias *a is not allowed here"),
    ])
    func refusesWithFileAndLine(yaml: String, expected: String) {
        let refusal = message { _ = try ClassAttributes(yaml: yaml, source: "a.yaml") }
        #expect(refusal.contains(expected), "\(refusal)")
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
            #expect(refusal.contains("a.yaml, line 2: the id or name of a class has more than 200 characters"))
        }
    }
}
