import Basics
import ConfigurationFile
import Testing

@Suite struct ReadingTests {
    @Test(arguments: ["", "# nothing\n", "---\n", "{}", "training:\n", "training: {}\ndata:\n"])
    func whatIsLeftOutKeepsItsDefault(yaml: String) throws {
        #expect(try read(yaml) == Example())
    }

    @Test func readsEveryKind() throws {
        let found = try read(
            """
            name: "two words"
            seed: 18446744073709551615
            data: {labels: a b.csv, attributes: null, classes: [DR, "no", 2024]}
            training:
              epochs: 1_000
              rate: 1e-3
              decay: .5
              flips: False
              optimiser: sgd
              milestones:
                - 3
                - 6
              clip: ~
              device: gpu:3
            distillation:
              temperature: 4
              training: {epochs: 5}
            techniques:
              - {id: bce}
              - id: focal
                power: -2
            """)
        var expected = Example()
        expected.name = "two words"
        expected.seed = .max
        expected.data = Table()
        expected.data.labels = "a b.csv"
        expected.data.classes = ["DR", "no", "2024"]
        expected.training.epochs = 1000
        expected.training.rate = 0.001
        expected.training.decay = 0.5
        expected.training.flips = false
        expected.training.optimiser = .sgd
        expected.training.milestones = [3, 6]
        expected.training.clip = nil
        expected.training.device = "gpu:3"
        var distillation = Distillation()
        distillation.temperature = 4
        distillation.training.epochs = 5
        expected.distillation = distillation
        expected.techniques = [Technique(), Technique()]
        expected.techniques[0].id = "bce"
        expected.techniques[1].id = "focal"
        expected.techniques[1].power = -2
        #expect(found == expected)
    }

    @Test(arguments: ["2024", "on", "no", "yes", "true", "1e5", "0x1F", "2024-05-01", ".inf", "010"])
    func textIsTakenAsWritten(word: String) throws {
        #expect(try read("name: \(word)").name == word)
        #expect(try read("name: !!str \(word)").name == word)
    }

    @Test(arguments: [
        ("1e-3", 1e-3), ("1E-3", 1e-3), (".5", 0.5), ("1", 1), ("1.", 1), ("+0.25", 0.25), ("0.000_1", 1e-4),
    ])
    func numbers(text: String, value: Double) throws {
        #expect(try read("training: {rate: \(text)}").training.rate == value)
    }

    @Test(arguments: ["0", "1.5", "-1", "nan", ".nan", ".inf", "1e999", "0x1", "1_", "_1", "1__0", "\"0.5\"", "", "１"])
    func impossibleNumbers(text: String) {
        let found = message("training:\n  rate: \(text)")
        #expect(found.hasPrefix("a.yaml:2: training.rate is "))
        #expect(found.hasSuffix("; a number above 0 and at most 1 is expected"))
    }

    @Test(arguments: ["010", "1.0", "1e3", "0", "10001", "99999999999999999999", "--1", "1 2", "true", "[1]", "{a: 1}"])
    func impossibleWholeNumbers(text: String) {
        let found = message("training:\n  epochs: \(text)")
        #expect(found.hasPrefix("a.yaml:2: training.epochs is "))
        #expect(found.hasSuffix("; a whole number from 1 to 10000 is expected"))
    }

    @Test func keepsBoundsApart() throws {
        #expect(try read("distillation: {temperature: 1}").distillation?.temperature == 1)
        #expect(
            message("distillation: {temperature: 100}")
                == "a.yaml:1: distillation.temperature is 100; a number of at least 1 and below 100 is expected")
        #expect(try read("training: {decay: 1}").training.decay == 1)
        #expect(message("training: {decay: 1.1}").hasSuffix("is 1.1; a number from 0 to 1 is expected"))
    }

    @Test func startsFromTheDefaultsOfTheSectionAround() throws {
        struct Quick: ConfigurationSection {
            var training = {
                var training = Training()
                training.epochs = 2
                return training
            }()
            static let fields: [Field<Self>] = [Field("training", \.training, .section, "")]
        }
        let quick = try ConfigurationReader.read(Quick.self, yaml: "training: {rate: 0.5}", source: "a.yaml")
        #expect(quick.training.epochs == 2)
        #expect(quick.training.rate == 0.5)
    }
}
