import Basics
import ConfigurationFile
import TestSupport
import Testing

@Suite struct YAMLTests {
    static let faults: [(String, Int)] = [
        ("seed: 1\nname: a\nseed: 2\n", 1),
        ("training:\n  rate: 1\n  'rate': 1\n", 2),
        ("training:\n\tepochs: 3\n", 2),
        ("training: {epochs: 3\nname: x\n", 2),
        ("name: a\n--- \nname: b\n", 2),
        ("- 1\n- 2\n", 1),
        ("seed\n", 1),
        ("name: x\nseed: !!int 3\n", 2),
        ("? [a]\n: 1\n", 1),
        ("name: x\nseed: \u{1}\n", 2),
        ("name: &big x\ndata:\n  labels: *big\n", 3),
        ("name: *big", 1),
    ]

    @Test(arguments: faults) func whatIsNotPlainYAMLIsNamedWithItsLine(yaml: String, line: Int) {
        let error = refusal(yaml)
        #expect(error?.kind == .configuration && error?.place == FilePlace("a.yaml", line: line))
    }

    @Test func wording() throws {
        #expect(try MessageSnapshot.differences("yaml", Self.faults.map { ($0.0, refusal($0.0)) }) == [])
    }

    @Test func bombsAreRefused() {
        var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for k in 1...12 { laughs += "a\(k): &a\(k) [" + repeated("*a\(k - 1)", 9) + "]\n" }
        #expect(message(laughs) == "a.yaml:2: the alias *a0 is not allowed here; write the value itself")
        // As a key, the same would explode while the parser looks for doubles.
        #expect(message(laughs + "? *a12\n: 1\n").contains("the alias *a0 is not allowed"))
        #expect(message("a: " + String(repeating: "[", count: 50_000)).contains("not YAML"))
        #expect(message("a: " + repeated("[", 900, "") + repeated("]", 900, "")).contains("deeper than 16 levels"))
        #expect(message(repeated("- ", 900, "") + "x").contains("deeper than 16 levels"))
        #expect(message(repeated("? ", 900, "") + "x").contains("a key must be a word"))
        #expect(message("name: " + repeated("x", 300_000, "")) == "a.yaml: longer than the 262144 bytes allowed")
    }

    @Test func starsAndAmpersandsAreText() throws {
        #expect(try read("name: \"many & few, 3 * x\" # &c\n").name == "many & few, 3 * x")
    }

    @Test func noFileTraps() throws {
        let seeds = [
            ConfigurationWriter.yaml(try read("distillation: {}\ntechniques: [{id: a}, {id: b, power: 1e-9}]")),
            "name: \"\\u00e9\\n\"\ndata: {labels: \"${A:-b}/$$c\", classes: [a, 'b', \"c\"]}\n"
                + "training:\n  rate: 1e-3\n",
        ]
        let pieces = [
            "\t", "\n", ": ", "- ", "[", "]", "{", "}", "\"", "'", "&a ", "*a", "!!str ", "|\n", "? ", "${", "}", "\\u",
            "%YAML", "---\n", "null", "~", "1e999", "-", "é", "\u{85}", "\u{FEFF}", "\0", "🏳️‍🌈",
            "99999999999999999999",
        ]
        var random = SeededRandom(seed: 5)
        var refused = 0
        for round in 0..<600 {
            var bytes = Array(seeds[round % 2].utf8)
            for _ in 0...random.index(below: 4) {
                let place = random.index(below: bytes.count)
                switch random.index(below: 4) {
                case 0: bytes[place] = UInt8(random.index(below: 256))
                case 1: bytes.removeSubrange(place..<min(bytes.count, place + random.index(below: 9)))
                case 2: bytes.insert(contentsOf: pieces[random.index(below: pieces.count)].utf8, at: place)
                default: bytes.insert(contentsOf: bytes[place...].prefix(random.index(below: 40)), at: place)
                }
            }
            let found = message(String(decoding: bytes, as: UTF8.self))
            #expect(!found.hasPrefix("another"))
            refused += found == "none" ? 0 : 1
        }
        #expect(refused > 200)
        #expect(refused < 600)
    }
}

private func repeated(_ text: String, _ count: Int, _ separator: String = ", ") -> String {
    Array(repeating: text, count: count).joined(separator: separator)
}
