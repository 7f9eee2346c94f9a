import Basics
import Configuration
import Testing

@Suite struct YAMLTests {
    @Test(arguments: [
        ("seed: 1\nname: a\nseed: 2\n", "a.yaml:1: the key \"seed\" is given twice in the same section"),
        ("training:\n  rate: 1\n  'rate': 1\n", "a.yaml:2: the key \"rate\" is given twice in the same section"),
        (
            "training:\n\tepochs: 3\n",
            "a.yaml:2: not YAML: while scanning for the next token, found character that cannot start any token "
                + "(column 1: a tab; YAML is indented with spaces)"
        ),
        (
            "training: {epochs: 3\nname: x\n",
            "a.yaml:2: not YAML: while parsing a flow mapping begun in line 1, did not find expected ',' or '}' "
                + "(column 5)"
        ),
        (
            "name: a\n--- \nname: b\n",
            "a.yaml:2: not YAML: expected a single document in the stream begun in line 1, but found another document "
                + "(column 1)"
        ),
        ("- 1\n- 2\n", "a.yaml:1: a configuration is a list of \"key: value\", and this is a list of 2"),
        ("seed\n", "a.yaml:1: a configuration is a list of \"key: value\", and this is \"seed\""),
        ("name: x\nseed: !!int 3\n", "a.yaml:2: the tag tag:yaml.org,2002:int is not allowed here"),
        ("? [a]\n: 1\n", "a.yaml:1: a key must be a word"),
        ("name: x\nseed: \u{1}\n", "a.yaml:2: not YAML: control characters are not allowed (column 7)"),
        (
            "name: &big x\ndata:\n  labels: *big\n",
            "a.yaml:3: the alias *big is not allowed here; write the value itself"
        ),
        ("name: *big", "a.yaml:1: not YAML: found undefined alias (column 7)"),
    ])
    func whatIsNotPlainYAML(yaml: String, expected: String) {
        #expect(trouble(yaml) == expected)
    }

    @Test func bombsAreRefused() {
        var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for k in 1...12 { laughs += "a\(k): &a\(k) [" + repeated("*a\(k - 1)", 9) + "]\n" }
        #expect(trouble(laughs) == "a.yaml:2: the alias *a0 is not allowed here; write the value itself")
        // As a key, the same would explode while the parser looks for doubles.
        #expect(trouble(laughs + "? *a12\n: 1\n").contains("the alias *a0 is not allowed"))
        #expect(trouble("a: " + String(repeating: "[", count: 50_000)).contains("not YAML"))
        #expect(trouble("a: " + repeated("[", 900, "") + repeated("]", 900, "")).contains("deeper than 16 levels"))
        #expect(trouble(repeated("- ", 900, "") + "x").contains("deeper than 16 levels"))
        #expect(trouble(repeated("? ", 900, "") + "x").contains("a key must be a word"))
        #expect(trouble("name: " + repeated("x", 300_000, "")) == "a.yaml: longer than the 262144 bytes allowed")
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
            let found = trouble(String(decoding: bytes, as: UTF8.self))
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
