import Basics
import ConfigurationFile
import Foundation
import TestSupport
import Testing

@Suite struct FailureTests {
    static let values: [(String, Int?, String?)] = [
        ("training:\n  epochs: ten", 2, "training.epochs"),
        ("training:\n  epochs: '10'", 2, "training.epochs"),
        ("training: {clip: 0}", 1, "training.clip"),
        ("training: {clip: soft}", 1, "training.clip"),
        ("training: {flips: on}", 1, "training.flips"),
        ("training: {flips: 'true'}", 1, "training.flips"),
        ("training: {epoch: 3}", 1, "training.epoch"),
        ("nonsense: 3", 1, "nonsense"),
        ("training: {optimiser: adam}", 1, "training.optimiser"),
        ("training: {optimiser: [sgd]}", 1, "training.optimiser"),
        ("training: {milestones: 3}", 1, "training.milestones"),
        ("training:\n  milestones:\n  - 3\n  - x", 4, "training.milestones[1]"),
        ("training:\n  warm_up: 10", 1, "training"),
        ("data: {labels: ''}", 1, "data.labels"),
        ("name:", 1, "name"),
        ("name: null", 1, "name"),
        ("name: \"a\\0b\"", 1, "name"),
        ("distillation: true", 1, "distillation"),
        ("distillation:\n  # weight: 1\n", 1, "distillation"),
        ("training: null", 1, "training"),
        ("techniques: [{power: 1}]", 1, "techniques[0].id"),
        ("techniques: [{id: a}, {id: b}, {id: c}, {id: d}]", 1, "techniques"),
    ]

    @Test(arguments: values) func aWrongValueIsNamedWithLineAndKey(yaml: String, line: Int?, key: String?) {
        let error = refusal(yaml)
        #expect(error?.kind == .configuration && error?.place == FilePlace("a.yaml", line: line, key: key))
    }

    @Test func wording() throws {
        #expect(try MessageSnapshot.differences("values", Self.values.map { ($0.0, refusal($0.0)) }) == [])
    }

    @Test func reportsAllProblems() {
        let found = message("seed: -1\ntraining:\n  epochs: 0\n  rate: x\nnam: a", "data.labels=[]")
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
        let many = message((1...14).map { "k\($0): 0" }.joined(separator: "\n"))
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
            let error = foveaError { _ = try ConfigurationReader.read(Example.self, file: path) }
            #expect(error?.place?.path == path)
            return error?.message ?? "none"
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
