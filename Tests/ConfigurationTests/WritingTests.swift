import Basics
import Configuration
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

    @Test func reference() {
        #expect(
            ConfigurationReference.markdown(Example.self) == """
                | key | value | default | meaning |
                |---|---|---|---|
                | `name` | a text | `run` | What the run is called |
                | `seed` | a whole number of at least 0 | `1` | Decides every draw |
                | `data` | a section |  | The photographs |
                | `data.labels` | a path | `labels.csv` | The label table |
                | `data.attributes` | a path or null | `null` | The attributes of the classes |
                | `data.classes` | a list (each a text) | `[]` | The classes in use; [] for all |
                | `training` | a section |  | How the networks learn |
                | `training.epochs` | a whole number from 1 to 10000 | `10` | Passes over the training images |
                | `training.warm_up` | a whole number from 0 to 10000 | `0` | Epochs of rising rate |
                | `training.rate` | a number above 0 and at most 1 | `0.001` | Learning rate |
                | `training.decay` | a number from 0 to 1 | `0.01` | Weight decay |
                | `training.flips` | true or false | `true` | Flip photographs \\| half of them |
                | `training.optimiser` | one of sgd, adamw | `adamw` | Optimiser |
                | `training.milestones` | a list (each a whole number of at least 1) | `[]` | \
                Epochs after which the rate falls |
                | `training.clip` | a number above 0 or null | `1` | Largest gradient norm; null for any |
                | `training.device` | a device such as gpu:0 | `"gpu:0"` | Device |
                | `distillation` | a section or null | `null` | Teachers and their student; null for none |
                | `distillation.weight` | a number of at least 0 | `1` | Weight of the distillation loss |
                | `distillation.temperature` | a number of at least 1 and below 100 | `2` | Softens both sides |
                | `distillation.training` | a section |  | How the teachers learn |

                """
                + trainingRows("distillation.training") + """
                    | `techniques` | a list of 0 to 3 (each a section) | `[]` | What is compared |
                    | `techniques[].id` | a text | *must be given* | Its name |
                    | `techniques[].power` | a number | `0.5` | Exponent |

                    """)
    }

    /// The rows of `training` under another key.
    private func trainingRows(_ path: String) -> String {
        let rows = ConfigurationReference.markdown(Training.self).split(separator: "\n").dropFirst(2)
        return rows.map { "| `\(path)." + $0.dropFirst(3) + "\n" }.joined()
    }
}
