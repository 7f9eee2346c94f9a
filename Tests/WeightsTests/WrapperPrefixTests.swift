import Testing
import Weights

@Suite struct WrapperPrefixTests {
    static let expected: Set<String> = ["conv1.weight", "bn1.weight", "head.weight"]

    @Test(arguments: [
        "", "module.", "backbone.", "encoder.", "model.", "_orig_mod.", "state_dict.", "teacher.backbone.",
        "module.encoder.", "module._orig_mod.model.backbone.",
    ])
    func isFoundAndTakenOff(_ prefix: String) {
        let found = WrapperPrefix(stored: Self.expected.sorted().map { prefix + $0 }, expected: Self.expected)
        #expect(found.prefix == prefix)
        #expect(found.storedNames == Dictionary(uniqueKeysWithValues: Self.expected.map { ($0, prefix + $0) }))
        #expect(found.outside.isEmpty)
    }

    @Test func oneNetworkIsNotMixedWithAnother() {
        let stored = ["backbone.conv1.weight", "backbone.bn1.weight", "head.weight", "backbone.fc.bias"]
        let found = WrapperPrefix(stored: stored, expected: Self.expected)
        #expect(found.prefix == "backbone.")
        #expect(
            found.storedNames == [
                "conv1.weight": "backbone.conv1.weight", "bn1.weight": "backbone.bn1.weight",
                "fc.bias": "backbone.fc.bias",
            ])
        #expect(found.outside == ["head.weight"])
    }

    @Test func ofTeacherAndStudentTheTeacherIsTaken() {
        let stored = ["student.conv1.weight", "teacher.conv1.weight"]
        #expect(WrapperPrefix(stored: stored, expected: Self.expected).prefix == "teacher.")
    }

    /// Nobody can list what training programs put in front of names: where all names fit, it is the prefix.
    @Test(arguments: ["module.encoder_q.", "trunk.", "0.", "my.own.wrapper.of.five.parts.", "visual.trunk."])
    func anyPrefixIsTakenUnderWhichAllNamesFit(_ prefix: String) {
        let stored = Self.expected.sorted().map { prefix + $0 } + ["queue", "projector.weight"]
        let found = WrapperPrefix(stored: stored, expected: Self.expected)
        #expect(found.prefix == prefix && found.rivals.isEmpty)
        #expect(found.storedNames == Dictionary(uniqueKeysWithValues: Self.expected.map { ($0, prefix + $0) }))
        #expect(found.outside == ["queue", "projector.weight"])
    }

    @Test func anUnknownPrefixMustHaveAllNeededNames() {
        let stored = ["trunk.conv1.weight", "trunk.bn1.weight"]
        #expect(WrapperPrefix(stored: stored, expected: Self.expected).prefix == "")
        let needed: Set<String> = ["conv1.weight", "bn1.weight"]
        #expect(WrapperPrefix(stored: stored, expected: Self.expected, needed: needed).prefix == "trunk.")
    }

    @Test func severalNetworksUnderUnknownPrefixesAreRivals() {
        let stored = ["module.encoder_q.", "module.encoder_k."].flatMap { prefix in
            Self.expected.sorted().map { prefix + $0 }
        }
        let found = WrapperPrefix(stored: stored, expected: Self.expected)
        #expect([found.prefix] + found.rivals == ["module.encoder_k.", "module.encoder_q."])
        #expect(WrapperPrefix(stored: stored, prefix: "module.encoder_q.").outside.count == 3)
    }

    @Test func aModelsOwnEncoderStays() {
        let expected: Set<String> = ["encoder.layer.0.weight", "head.weight"]
        let found = WrapperPrefix(stored: expected.sorted(), expected: expected)
        #expect(found.prefix == "")
        #expect(Set(found.storedNames.keys) == expected)
    }

    @Test func namesOfAnotherArchitectureAreLeftAlone() {
        let found = WrapperPrefix(stored: ["module.a", "module.b"], expected: Self.expected)
        #expect(found.prefix == "")
        #expect(found.storedNames == ["module.a": "module.a", "module.b": "module.b"])
    }
}
