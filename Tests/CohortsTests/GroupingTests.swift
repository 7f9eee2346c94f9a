import Basics
import Cohorts
import TestSupport
import Testing

@Suite struct GroupingTests {
    let classes = ["a", "b", "c", "d", "e", "f", "g"]
    // f has no positives.
    let counts = [500, 100, 99, 20, 19, 0, 1]
    let attributes: ClassAttributes

    init() throws {
        let yaml = """
            classes:
              - {id: a, region: []}
              - {id: b, region: [disc, macula]}
              - {id: c, region: [disc]}
              - {id: d, region: [macula]}
              - {id: e, region: [macula]}
              - {id: f, region: [disc, media]}
              - {id: g, region: [vessels]}
            """
        attributes = try ClassAttributes(yaml: yaml, source: "a.yaml")
    }

    private func make(_ text: String, seed: UInt64 = 0) throws -> Grouping {
        try Grouping.make(text, classes: classes, counts: counts, attributes: attributes, seed: seed)
    }

    @Test func shotDividesAtTheThresholds() throws {
        let grouping = try make("shot")
        #expect(grouping.subsets.map(\.name) == ["shot-many", "shot-medium", "shot-few"])
        #expect(grouping.subsets.map(\.classes) == [[0, 1], [2, 3], [4, 6]])
        #expect(grouping.notes == ["without a positive training photograph, so in no subset: f"])
        let other = try Grouping.make(
            "shot", classes: classes, counts: counts, bounds: ShotBounds(many: 500, medium: 1))
        #expect(other.subsets.map(\.classes) == [[0], [1, 2, 3, 4, 6]])
        #expect(
            other.notes.first == "the subset shot-few is left out: no class of it has a positive training photograph")
    }

    @Test func attributesMayOverlapAndLeaveClassesOut() throws {
        let grouping = try make("region")
        // Media holds only f, which has no positives; vessels has one class.
        #expect(grouping.subsets.map(\.name) == ["region-disc", "region-macula", "region-vessels"])
        #expect(grouping.subsets.map(\.classes) == [[1, 2], [1, 3, 4], [6]])
        #expect(grouping.teachersPerClass(classCount: 7) == [0, 2, 1, 1, 1, 0, 1])
        #expect(grouping.notes.first?.hasPrefix("the subset region-media is left out") == true)
    }

    @Test func singleAndItsCopies() throws {
        #expect(try make("single").subsets == [ClassSubset(name: "single", classes: [0, 1, 2, 3, 4, 6])])
        let copies = try make("single*3")
        #expect(copies.subsets.map(\.name) == ["single-1", "single-2", "single-3"])
        #expect(copies.teachersPerClass(classCount: 7) == [3, 3, 3, 3, 3, 0, 3])
    }

    @Test func learnedSubsetsAreTheClustersThatAreGiven() throws {
        // f has no positives, and e is in no cluster.
        let clusters = ClassClusters([[6], [0, 2], [1, 3, 5]])
        func make(_ text: String) throws -> Grouping {
            try Grouping.make(text, classes: classes, counts: counts, attributes: attributes, clusters: clusters)
        }
        let grouping = try make("learned + shot")
        #expect(grouping.subsets.prefix(3).map(\.name) == ["learned-1", "learned-2", "learned-3"])
        #expect(grouping.subsets.prefix(3).map(\.classes) == [[0, 2], [1, 3], [6]])
        #expect(grouping.subsets.count == 6)
        #expect(grouping.notes.prefix(3) == ["learned-1 is a, c", "learned-2 is b, d", "learned-3 is g"])
        let shuffled = try make("random:learned")
        #expect(shuffled.subsets.map(\.name) == ["random-learned-1", "random-learned-2", "random-learned-3"])
        #expect(shuffled.subsets.map(\.classes.count) == [2, 2, 1])
        // The notes say what the subsets are after the shuffle.
        let first = shuffled.subsets[0].classes.map { classes[$0] }.joined(separator: ", ")
        #expect(shuffled.notes.contains("random-learned-1 is \(first)"))
        #expect(try make("learned+random:learned").subsets.count == 6)
    }

    /// Clusters are exchanged when it is too late to stop for one that cannot be taught.
    @Test func anExchangedClusterThatCannotBeTaughtIsLeftOut() throws {
        let grouping = try Grouping.make(
            "random:learned", classes: ["a", "b", "c"], counts: [200, 200, 200],
            clusters: ClassClusters([[0], [1, 2]]),
            seed: 1, unlearnable: { $0.count == 1 ? "it has one class" : nil })
        #expect(grouping.subsets.map(\.name) == ["random-learned-2"] && grouping.subsets[0].classes.count == 2)
        #expect(grouping.notes.contains("the subset random-learned-1 is left out: it has one class"))
        // Others are reported to the caller, who can stop in time.
        let attribute = try Grouping.make(
            "single", classes: ["a", "b"], counts: [1, 1], unlearnable: { _ in "never" })
        #expect(attribute.subsets.count == 1)
    }

    @Test func learnedTermsAreCounted() throws {
        #expect(try Grouping.learnedTerms("shot+learned") == 1 && Grouping.learnedTerms("random:learned+learned") == 2)
        #expect(try Grouping.learnedTerms("shot+random:region", attributes: attributes) == 0)
    }

    @Test func unionsKeepTheirOrder() throws {
        let grouping = try make("shot + region+random:region")
        #expect(grouping.name == "shot+region+random:region")
        #expect(grouping.subsets.count == 9)
        #expect(grouping.subsets[3].name == "region-disc" && grouping.subsets[6].name == "random-region-disc")
    }

    @Test func randomKeepsSizesShotsAndOverlaps() throws {
        // 60 classes: 20 of each shot group, dealt over 5 regions; every seventh sits in two.
        let names = (0..<60).map { "k\($0)" }
        let counts = (0..<60).map { [400, 50, 5][$0 / 20] }
        let regions = ["r0", "r1", "r2", "r3", "r4"]
        let entries = names.enumerated().map { k, id in
            let values = [regions[k * k % 5]] + (k % 7 == 0 ? [regions[(k * k + 1) % 5]] : [])
            return ClassAttributes.Entry(id: id, values: ["region": k % 10 == 9 ? [] : values])
        }
        let attributes = try ClassAttributes(entries: entries, axes: ["region"])
        func make(_ text: String, _ seed: UInt64) throws -> Grouping {
            try Grouping.make(text, classes: names, counts: counts, attributes: attributes, seed: seed)
        }
        let original = try make("region", 0)
        var distinct = Set<[ClassSubset]>()
        for seed in 0..<20 as Range<UInt64> {
            let random = try make("random:region", seed)
            #expect(try random == make("random:region", seed))
            for (a, b) in zip(original.subsets, random.subsets) {
                #expect(b.name == "random-" + a.name)
                #expect(a.classes.map { $0 / 20 }.sorted() == b.classes.map { $0 / 20 }.sorted())
            }
            // Classes outside every region stay outside, and as many as before sit in two.
            let before = original.teachersPerClass(classCount: 60)
            let after = random.teachersPerClass(classCount: 60)
            #expect(before.indices.allSatisfy { (before[$0] == 0) == (after[$0] == 0) })
            #expect(before.sorted() == after.sorted())
            #expect(random.subsets.map(\.classes) != original.subsets.map(\.classes))
            distinct.insert(random.subsets)
        }
        #expect(distinct.count == 20)
    }

    @Test func aRandomGroupingThatChangesNothingIsNoted() throws {
        let attributes = try ClassAttributes(
            yaml: "classes: [{id: a, region: [x]}, {id: b, region: [y]}]", source: "a.yaml")
        let grouping = try Grouping.make(
            "random:region", classes: ["a", "b"], counts: [500, 1], attributes: attributes)
        #expect(grouping.notes == ["random:region came out equal to its original, so it is not a control"])
    }

    @Test func wording() throws {
        let terms = [
            "regoin", "", "shot++region", "shot+shot", "random", "random:shot", "random:regio", "single*0", "single*x",
            "Region", "shot+learned",
        ]
        var found = terms.map { text in (cause: text, error: foveaError { _ = try make(text) }) }
        found.append(("lerned, counted", foveaError { _ = try Grouping.learnedTerms("lerned") }))
        found.append(
            ("region without attributes", foveaError { _ = try Grouping.make("region", classes: ["a"], counts: [1]) }))
        found.append(("bounds in the wrong order", foveaError { _ = try ShotBounds(many: 10, medium: 20) }))
        for text in ["shot", "region", "single", "random:region"] {
            let none = [Int](repeating: 0, count: classes.count)
            let error = foveaError {
                _ = try Grouping.make(text, classes: classes, counts: none, attributes: attributes)
            }
            found.append((text + " of nothing positive", error))
        }
        #expect(try MessageSnapshot.differences("groupings", found) == [])
    }
}
