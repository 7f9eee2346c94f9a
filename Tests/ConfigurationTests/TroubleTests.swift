import Basics
import Configuration
import Foundation
import Testing

@Suite struct TroubleTests {
    @Test(arguments: [
        (
            "training:\n  epochs: ten",
            "a.yaml:2: training.epochs is \"ten\"; a whole number from 1 to 10000 is expected"
        ),
        (
            "training:\n  epochs: '10'",
            "a.yaml:2: training.epochs is the text \"10\"; a whole number from 1 to 10000 is expected"
        ),
        ("training: {clip: 0}", "a.yaml:1: training.clip is 0; a number above 0 or null is expected"),
        ("training: {clip: soft}", "a.yaml:1: training.clip is \"soft\"; a number above 0 or null is expected"),
        ("training: {flips: on}", "a.yaml:1: training.flips is on; true or false is expected"),
        ("training: {flips: 'true'}", "a.yaml:1: training.flips is the text \"true\"; true or false is expected"),
        (
            "training: {epoch: 3}",
            "a.yaml:1: unknown key training.epoch; did you mean \"epochs\"? (allowed: epochs, warm_up, rate, decay, "
                + "flips, optimiser, milestones, clip, device)"
        ),
        (
            "nonsense: 3",
            "a.yaml:1: unknown key nonsense; allowed: name, seed, data, training, distillation, techniques"
        ),
        (
            "training: {optimiser: adam}",
            "a.yaml:1: training.optimiser is \"adam\"; did you mean \"adamw\"? (allowed: sgd, adamw)"
        ),
        ("training: {optimiser: [sgd]}", "a.yaml:1: training.optimiser is a list of 1; one of sgd, adamw is expected"),
        (
            "training: {milestones: 3}",
            "a.yaml:1: training.milestones is 3; a list (each a whole number of at least 1) is expected"
        ),
        (
            "training:\n  milestones:\n  - 3\n  - x",
            "a.yaml:4: training.milestones[1] is \"x\"; a whole number of at least 1 is expected"
        ),
        ("training:\n  warm_up: 10", "a.yaml:1: training: warm_up (10) must be less than epochs (10)"),
        ("data: {labels: ''}", "a.yaml:1: data.labels is \"\"; a path is expected"),
        ("name:", "a.yaml:1: name is empty; a text is expected"),
        ("name: null", "a.yaml:1: name is null; a text is expected"),
        ("name: \"a\\0b\"", "a.yaml:1: name is \"a\\U00000000b\"; a text is expected"),
        (
            "distillation: true",
            "a.yaml:1: distillation is true; a section or null (keys: weight, temperature, training) is expected"
        ),
        (
            "distillation:\n  # weight: 1\n",
            "a.yaml:1: distillation is empty; write null (off) or {} (on, with defaults)"
        ),
        (
            "training: null",
            "a.yaml:1: training is null; a section (keys: epochs, warm_up, rate, decay, flips, optimiser, "
                + "milestones, clip, device) is expected"
        ),
        ("techniques: [{power: 1}]", "a.yaml:1: techniques[0].id is missing; a text is expected"),
        (
            "techniques: [{id: a}, {id: b}, {id: c}, {id: d}]",
            "a.yaml:1: techniques is a list of 4; a list of 0 to 3 (each a section) is expected"
        ),
    ])
    func messages(yaml: String, expected: String) {
        #expect(trouble(yaml) == expected)
    }

    @Test func reportsAllTroubles() {
        let found = trouble("seed: -1\ntraining:\n  epochs: 0\n  rate: x\nnam: a", "data.labels=[]")
        #expect(
            found == """
                the configuration has 5 errors:
                  a.yaml:5: unknown key nam; did you mean "name"? \
                (allowed: name, seed, data, training, distillation, techniques)
                  a.yaml:1: seed is -1; a whole number of at least 0 is expected
                  --set data.labels=[]: data.labels is an empty list; a path is expected
                  a.yaml:3: training.epochs is 0; a whole number from 1 to 10000 is expected
                  a.yaml:4: training.rate is "x"; a number above 0 and at most 1 is expected
                """)
        let many = trouble((1...14).map { "k\($0): 0" }.joined(separator: "\n"))
        #expect(many.hasPrefix("the configuration has 14 errors:"))
        #expect(many.hasSuffix("\n  ... and 4 more"))
        #expect(many.split(separator: "\n").count == 12)
    }

    @Test func requiredKeysOfAbsentSectionsAreMissed() throws {
        struct Outer: ConfigurationSection {
            var inner = Technique()
            static let fields: [Field<Self>] = [Field("inner", \.inner, .section, "")]
        }
        let error = #expect(throws: FoveaError.self) {
            try ConfigurationReader.read(Outer.self, yaml: "", source: "a.yaml")
        }
        #expect(error?.message == "a.yaml: inner.id is missing; a text is expected")
        #expect(
            try ConfigurationReader.read(Outer.self, yaml: "", source: "", settings: ["inner.id=x"]).inner.id == "x")
    }

    @Test func filesThatCannotBeRead() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func message(_ path: String) -> String {
            do {
                _ = try ConfigurationReader.read(Example.self, file: path)
                return "none"
            } catch {
                return (error as? FoveaError)?.message ?? "\(error)"
            }
        }
        #expect(message(folder + "/x.yaml") == "cannot read the configuration \(folder)/x.yaml: no such file")
        #expect(message(folder) == "cannot read \(folder): it is a folder")
        #expect(message("/dev/zero") == "cannot read /dev/zero: it is a device")
        let path = folder + "/a.yaml"
        try Data([0x6E, 0xFF, 0xFE]).write(to: URL(fileURLWithPath: path))
        #expect(message(path) == "\(path): not a text in UTF-8")
        try Data("\u{FEFF}seed: 3\r\ntraining:\r\n  epochs: 0\r\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(message(path) == "\(path):3: training.epochs is 0; a whole number from 1 to 10000 is expected")
    }
}
