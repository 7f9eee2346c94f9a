import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import NN
import TestSupport
import Testing
import Torch

/// Several networks as one model: each with an image of its own, their logits averaged class by class.
@Suite struct CommitteeTests {
    /// A network of some of three classes, on images of 24 px.
    private static func member(_ classes: [String], seed: Double, window: ImageWindow? = nil) throws -> ModelBundle {
        let description = ModelDescription(
            architecture: .mobilenetv1Short, classes: classes,
            image: ImageSettings(resolution: 24, window: window))
        let network = ModelBundle(description, try description.makeClassifier())
        for (name, parameter) in network.classifier.namedParameters where parameter.value.rank >= 2 {
            let inputs = parameter.value.shape.dropFirst().reduce(1, *)
            try parameter.replace(seeded("\(name) \(seed)", parameter.value.shape, 3 / Double(inputs).squareRoot()))
        }
        return network
    }

    private static func committee() throws -> (whole: ModelBundle, members: [ModelBundle], committee: ModelBundle) {
        let whole = try bundle()
        let members = try [
            member(["class 1"], seed: 1, window: ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25)),
            member(["class 2", "class 1"], seed: 2),
        ]
        let committee = try ModelBundle.committee(
            whole, [("region-disc", members[0]), ("region-macula", members[1])], shifts: [[0.5], [0, -2]])
        return (whole, members, committee)
    }

    /// The pixels of two photographs: an image of 32 px and two of 24 px of each.
    private static let large = pixels(2)
    private static let small = [pixels(2, resolution: 24), pixels(2, resolution: 24).reversed()]
    private static var stacked: [UInt8] {
        (0..<2).flatMap { number -> [UInt8] in
            func part(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
                bytes[number * bytes.count / 2..<(number + 1) * bytes.count / 2]
            }
            return part(large) + small.flatMap { part($0) }
        }
    }

    @Test func logitsAreTheMeansOfThoseWhoKnowTheClass() throws {
        let (whole, members, committee) = try Self.committee()
        #expect(committee.description.pixelCount == (32 * 32 + 2 * 24 * 24) * 3)
        #expect(committee.description.needsSides && !whole.description.needsSides)
        let own = try whole.predictor(device: .cpu).logits(Self.large, count: 2, resolution: 32)
        let first = try members[0].predictor(device: .cpu).logits(Self.small[0], count: 2, resolution: 24)
        let second = try members[1].predictor(device: .cpu).logits(Self.small[1], count: 2, resolution: 24)
        let expected = (0..<2).flatMap { n -> [Float] in
            [
                own[3 * n], (own[3 * n + 1] + first[n] - 0.5 + second[2 * n + 1] + 2) / 3,
                (own[3 * n + 2] + second[2 * n]) / 2,
            ]
        }
        let predictor = try committee.predictor(device: .cpu)
        let found = try predictor.outputs(Self.stacked, count: 2, resolution: 32, withFeatures: true)
        #expect(distance(found.logits, expected) < 1e-4 * (expected.map(abs).max() ?? 1))
        #expect(found.features.count == 2 * whole.classifier.backbone.featureCount)
        let one = try predictor.logits(Array(Self.stacked.prefix(Self.stacked.count / 2)), count: 1, resolution: 32)
        #expect(distance(one, Array(expected.prefix(3))) < 1e-4 * (expected.map(abs).max() ?? 1))
        #expect(throws: FoveaError.self) { try predictor.logits(Self.large, count: 2, resolution: 32) }
    }

    @Test func mapsAreThoseOfTheNetworkThatSeesAll() throws {
        let (whole, _, committee) = try Self.committee()
        let one = Array(Self.large.prefix(32 * 32 * 3))
        let expected = try #require(try whole.predictor(device: .cpu).maps(one, resolution: 32, classes: [1]))
        let found = try #require(
            try committee.predictor(device: .cpu).maps(
                Array(Self.stacked.prefix(Self.stacked.count / 2)), resolution: 32, classes: [1]))
        #expect(found.values == expected.values && expected.isExact && !found.isExact)
    }

    @Test func oneFolderHoldsAll() throws {
        let folder = try TemporaryFolder()
        let committee = try Self.committee().committee
        try committee.save(to: folder.path)
        let loaded = try ModelBundle.load(from: folder.path)
        #expect(loaded.description == committee.description)
        #expect(loaded.description.members?.map(\.name) == ["region-disc", "region-macula"])
        #expect(loaded.description.otherImages[0].window == ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25))
        let text = try String(contentsOfFile: folder.path + "/config.json", encoding: .utf8)
        #expect(text.contains("\"format\" : 3") && text.contains("\"half_side\" : 0.25"))
        let expected = try committee.predictor(device: .cpu).logits(Self.stacked, count: 2, resolution: 32)
        #expect(try loaded.predictor(device: .cpu).logits(Self.stacked, count: 2, resolution: 32) == expected)
        #expect(try loaded.copy().predictor(device: .cpu).logits(Self.stacked, count: 2, resolution: 32) == expected)
    }

    /// Saves a committee, changes its description and loads it.
    private func refusal(_ change: (inout [[String: Any]]) throws -> Void) throws -> FoveaError? {
        let folder = try TemporaryFolder()
        try Self.committee().committee.save(to: folder.path)
        let path = URL(fileURLWithPath: folder.path + "/config.json")
        var json = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: Any])
        var members = try #require(json["members"] as? [[String: Any]])
        try change(&members)
        json["members"] = members
        try JSONSerialization.data(withJSONObject: json).write(to: path)
        return #expect(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
    }

    @Test func aCommitteeHasAsManyMembersAsARunCanMake() throws {
        func many(_ count: Int) throws -> FoveaError? {
            try refusal { members in
                let first = members[0]
                members = (0..<count).map { number in first.merging(["name": "m\(number)"]) { $1 } }
            }
        }
        let error = try many(256)
        #expect(
            error?.kind == .data
                && error?.message.hasSuffix("257 images of a photograph; allowed are at most 256") == true)
        // As many as are allowed are sought in the file.
        #expect(try many(255)?.message.contains("members.m0.") == true)
    }

    @Test func aMemberHasNoMembers() throws {
        let error = try refusal { members in
            var model = try #require(members[0]["model"] as? [String: Any])
            model["members"] = [members[1]]
            members[0]["model"] = model
        }
        #expect(error?.message.contains("the member region-disc has members of its own") == true)
    }

    /// Three networks of 1.2 GB each.
    @Test func noNetworkIsMadeThatTheWeightsDoNotHave() throws {
        func peak() throws -> Int {
            let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
            let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
            return try #require(Int(line.filter(\.isNumber)))
        }
        let before = try peak()
        let error = try refusal { members in
            var model = try #require(members[0]["model"] as? [String: Any])
            model["architecture"] = "vit_large_patch16_224"
            model["image"] = try #require(model["image"] as? [String: Any]).merging(["resolution": 32]) { $1 }
            members = (0..<3).map { ["name": "m\($0)", "model": model] }
        }
        #expect(error?.kind == .data && error?.message.contains("does not fit the network") == true)
        #expect(try peak() - before < 2 << 20)
    }

    @Test(arguments: [
        ("\"name\" : \"region-macula\"", "\"name\" : \"region-disc\"", "has the name \"region-disc\" twice"),
        ("\"class 2\",\n", "\"class 9\",\n", "has the class \"class 9\", which the model does not have"),
        ("\"labels\" : \"multi\"", "\"labels\" : \"single\"", "labels is single"),
        ("\"half_side\" : 0.25", "\"half_side\" : 0.45", "the window lies outside the image"),
    ])
    func aDamagedDescriptionIsRefused(old: String, new: String, words: String) throws {
        let folder = try TemporaryFolder()
        try Self.committee().committee.save(to: folder.path)
        let path = folder.path + "/config.json"
        var text = try String(contentsOfFile: path, encoding: .utf8)
        // The last one is a member's, where there are several.
        let place = try #require(text.ranges(of: old).last)
        text.replaceSubrange(place, with: new)
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: FoveaError.self) { try ModelBundle.load(from: folder.path) }
        #expect(error.kind == .data && error.message.contains(words), "\(error.message)")
    }
}
