import Configuration
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

    @Test(arguments: [
        ("${NONE}/x", "the environment variable NONE is not set; set it or write ${NONE:-default}"),
        ("${EMPTY}/x", "the environment variable EMPTY is not set; set it or write ${EMPTY:-default}"),
        ("a/${DATA", "a \"${\" is not closed"),
        ("${}", "${} is not of the form ${NAME} or ${NAME:-default}"),
        ("${1A}", "${1A} is not of the form ${NAME} or ${NAME:-default}"),
        ("${A-b}", "${A-b} is not of the form ${NAME} or ${NAME:-default}"),
        ("${A:-${B}}", "the default in ${A:-${B} must be plain text"),
        ("${EMPTY:-}", "nothing is left after expansion; a path is expected"),
    ])
    func messages(text: String, words: String) {
        let found = trouble("name: x\ndata:\n  labels: '\(text)'", environment: environment)
        #expect(found == "a.yaml:3: data.labels is \"\(text)\": \(words)")
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
