import Basics
import ConfigurationFile
import TestSupport
import Testing

@Suite struct PathTests {
    private let environment = ["HOME": "/home/ada", "DATA": "/data", "EMPTY": ""]

    @Test(arguments: [
        ("a/b.csv", "a/b.csv"), ("~", "/home/ada"), ("~/x", "/home/ada/x"), ("~ada/x", "~ada/x"), ("a~/x", "a~/x"),
        ("${DATA}/x", "/data/x"), ("${DATA:-d}/${DATA}", "/data//data"), ("${NONE:-my data}/x", "my data/x"),
        ("${EMPTY:-d}/x", "d/x"), ("${NONE:-}x", "x"), ("$$x$", "$x$"), ("$${DATA}", "${DATA}"), ("$DATA", "$DATA"),
        ("${NONE:-~}/x", "~/x"),
    ])
    func expand(text: String, path: String) throws {
        let found = try read("data: {labels: '\(text)'}", environment: environment)
        #expect(found.data.labels == path)
        #expect(try read("data: {attributes: '\(text)'}", environment: environment).data.attributes == path)
        guard !path.hasPrefix("~/") else { return }
        #expect(try read(ConfigurationWriter.yaml(found), environment: environment) == found)
    }

    @Test func whatCannotBeExpandedIsNamed() throws {
        let texts = ["${NONE}/x", "${EMPTY}/x", "a/${DATA", "${}", "${1A}", "${A-b}", "${A:-${B}}", "${EMPTY:-}"]
        let errors = texts.map { ($0, refusal("name: x\ndata:\n  labels: '\($0)'", environment: environment)) }
        for (_, error) in errors {
            #expect(error?.kind == .configuration && error?.place == FilePlace("a.yaml", line: 3, key: "data.labels"))
        }
        #expect(try MessageSnapshot.differences("paths", errors) == [])
    }

    @Test func leadingTildeIsWrittenSoThatItStays() throws {
        var example = Example()
        example.data.labels = "~/x"
        #expect(try read(ConfigurationWriter.yaml(example), environment: environment).data.labels == "./~/x")
    }

    @Test func onlyPathsAreExpanded() throws {
        #expect(try read("name: ${DATA}", environment: environment).name == "${DATA}")
    }
}
