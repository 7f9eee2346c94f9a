import Basics
import ConfigurationFile
import Testing

@Suite struct WritingTests {
    @Test func defaults() {
        #expect(
            ConfigurationWriter.yaml(Example(), commented: false) == """
                name: run
                seed: 1
                data:
                  labels: labels.csv
                  attributes: null
                  classes: []
                training:
                  epochs: 10
                  warm_up: 0
                  rate: 0.001
                  decay: 0.01
                  flips: true
                  optimiser: adamw
                  milestones: []
                  clip: 1
                  device: "gpu:0"
                distillation: null
                techniques: []

                """)
    }

    @Test func comments() throws {
        let yaml = ConfigurationWriter.yaml(try read("techniques: [{id: bce}, {id: \"no\"}]"))
        #expect(
            yaml.hasPrefix(
                """
                # What the run is called [a text]
                name: run

                # Decides every draw [a whole number of at least 0]
                seed: 1

                # The photographs
                data:
                  # The label table [a path]
                  labels: labels.csv

                """))
        #expect(
            yaml.hasSuffix(
                """
                # Teachers and their student; null for none
                distillation: null

                # What is compared
                techniques:
                  - # Its name [a text]
                    id: bce
                    # Exponent [a number]
                    power: 0.5
                  - id: "no"
                    power: 0.5

                """))
        #expect(yaml.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test(arguments: [true, false])
    func whatIsWrittenReadsTheSame(commented: Bool) throws {
        var random = SeededRandom(seed: 7)
        let words = [
            "", "a", "on", "NULL", "~", "1e5", "-", "- a", "a: b", "# x", "a #b", "\"", "\\", "'", "a\nb", "\t", " a ",
            "é", "日本", "\u{200B}", "a\u{FEFF}", "\u{85}", "\u{2028}", "\u{7F}", "👁️", "[a]", "{b}", "&a", "*a", "!x",
            "%y", "@", "`", "---", "...", "a,b", "$x", "${A}", "=", "<<", "nan", "0x1", "/", "_1", "\r\n", "\u{E000}",
        ]
        func word() -> String { words[random.index(below: words.count)] }
        for _ in 0..<200 {
            var example = Example()
            example.name = word() + word()
            example.seed = random.next()
            example.data.labels = "d" + word()
            example.data.attributes = random.uniform() < 0.5 ? nil : "x" + word()
            example.data.classes = (0..<random.index(below: 30)).map { _ in word() }
            example.training.rate = random.uniform(1e-12, 1)
            example.training.decay = Float(random.uniform())
            example.training.clip = random.uniform() < 0.5 ? nil : Double.greatestFiniteMagnitude * random.uniform()
            example.training.milestones = (0..<random.index(below: 60)).map { $0 + 1 }
            example.training.optimiser = random.uniform() < 0.5 ? .sgd : .adamW
            if random.uniform() < 0.5 {
                example.distillation = Distillation()
                example.distillation?.weight = .leastNonzeroMagnitude
                example.distillation?.training.flips = false
            }
            example.techniques = (0..<random.index(below: 4)).map { _ in
                var technique = Technique()
                technique.id = word()
                technique.power = random.uniform(-1e9, 1e9)
                return technique
            }
            let yaml = ConfigurationWriter.yaml(example, commented: commented)
            let found = try read(yaml)
            #expect(found == example, "\(yaml)\n\(found)")
        }
    }
}
