import Basics
import Evaluation
import Testing

@Suite struct OutcomesTests {
    private func make(
        classes: [String] = ["a", "b"], images: [String] = ["1", "2"], labels: [Int8] = [1, 0, -1, 1],
        scores: [Double] = [0.1, 0.2, 0.3, 0.4], patients: [String?] = [], folds: [Int] = []
    ) throws -> Outcomes {
        try Outcomes(
            classes: classes, images: images, labels: labels, scores: scores, patients: patients, folds: folds)
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let wrong: [(() throws -> Outcomes, String)] = [
            ({ try make(classes: [], labels: [], scores: []) }, "without classes"),
            ({ try make(classes: ["a", "a"]) }, "class \"a\" occurs twice"),
            ({ try make(images: ["1", "1"]) }, "image \"1\" occurs twice"),
            ({ try make(labels: [1]) }, "1 labels do not fit 2 images x 2 classes = 4"),
            ({ try make(scores: [1]) }, "1 scores"), ({ try make(patients: ["x"]) }, "1 patients"),
            ({ try make(folds: [1, 2, 3]) }, "3 folds"),
            ({ try make(labels: [1, 0, 2, 1]) }, "image \"2\", class \"a\": the label is 2"),
            ({ try make(scores: [0, .nan, 0, 0]) }, "image \"1\", class \"b\": the score is nan"),
            ({ try make(scores: [0, 0, 0, .infinity]) }, "image \"2\", class \"b\": the score is inf"),
        ]
        for (body, word) in wrong {
            let error = #expect(throws: FoveaError.self) { try body() }
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        #expect(throws: FoveaError.self) { try Evaluator.evaluate(make(images: [], labels: [], scores: [])) }
    }

    @Test func synonymsAreMerged() throws {
        let all = try Outcomes(
            classes: ["a", "b", "c"], images: ["1", "2", "3"], labels: [1, 0, -1, 0, 1, -1, 0, 0, 0],
            scores: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9, 0.8, 1], patients: ["x", "x", nil], folds: [1, 2, 3])
        let merged = try all.merging(ClassMerging([.init("ac", of: ["c", "a"])]))
        #expect(merged.classes == ["ac", "b"])
        // Any positive; else any unknown; else negative.
        #expect(merged.labels == [1, 0, -1, 1, 0, 0])
        let expected = [0.37, 0.2, 0.76, 0.5, 1, 0.8]
        #expect(zip(merged.scores, expected).allSatisfy { abs($0 - $1) < 1e-12 })
        #expect(merged.patients == all.patients && merged.folds == all.folds && merged.images == all.images)
        // A class may be given the name of a member, or just another name.
        #expect(try all.merging(ClassMerging([.init("a", of: ["a", "c"])])).classes == ["a", "b"])
        let renamed = try all.merging(ClassMerging([.init("x", of: ["b"])]))
        #expect(renamed.classes == ["a", "x", "c"] && renamed.scores == all.scores && renamed.labels == all.labels)
    }

    @Test func smallProbabilitiesKeepTheirOrderWhenMerged() throws {
        let outcomes = try Outcomes(
            classes: ["a", "b"], images: ["1", "2"], labels: [1, 0, 0, 0], scores: [2e-20, 1e-20, 1e-20, 1e-20])
        let merged = try outcomes.merging(ClassMerging([.init("ab", of: ["a", "b"])]))
        #expect(abs(merged.scores[0] - 3e-20) < 1e-32 && abs(merged.scores[1] - 2e-20) < 1e-32)
    }

    @Test(arguments: [
        ([ClassMerging.Group("x", of: ["d"])], "there is no such class"),
        ([.init("x", of: ["a"]), .init("y", of: ["a"])], "merged into \"x\" and again into \"y\""),
        ([.init("x", of: ["a", "a"])], "again into \"x\""), ([.init("b", of: ["a", "c"])], "would be called \"b\""),
        ([.init("x", of: ["a"]), .init("x", of: ["b"])], "would be called \"x\""),
        ([.init("x", of: [])], "merged from no class"),
    ])
    func whatCannotBeMergedIsNamed(groups: [ClassMerging.Group], message: String) throws {
        let error = #expect(throws: FoveaError.self) {
            try ClassMerging(groups).columns(of: ["a", "b", "c"])
        }
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    @Test func mergedClassesNeedProbabilities() throws {
        let error = #expect(throws: FoveaError.self) {
            try make(scores: [0.1, 0.2, 1.5, 0.4]).merging(ClassMerging([.init("ab", of: ["a", "b"])]))
        }
        #expect(error?.message.contains("its score of image \"2\" is 1.5") == true)
        #expect(throws: Never.self) {
            try make(scores: [0.1, 0.2, 1.5, 0.4]).merging(ClassMerging([.init("x", of: ["a"])]))
        }
    }

    @Test func partsAreSelected() throws {
        let all = try make(patients: ["x", nil], folds: [4, 5])
        let b = try all.selecting(classes: ["b"])
        #expect(b.labels == [0, 1] && b.scores == [0.2, 0.4] && b.patients == ["x", nil] && b.folds == [4, 5])
        let second = try all.selecting(folds: [5])
        #expect(second.images == ["2"] && second.labels == [-1, 1] && second.patients == [nil])
        #expect(throws: FoveaError.self) { try all.selecting(classes: ["c"]) }
        #expect(throws: FoveaError.self) { try all.selecting(images: [2]) }
        #expect(throws: FoveaError.self) { try make().selecting(folds: [0]) }
    }

    @Test func foldsComeTogether() throws {
        let first = try make(patients: ["x", nil])
        let second = try make(images: ["3", "4"], labels: [0, 0, 0, 1])
        let pooled = try Outcomes.outOfFold([2: second, 1: first])
        #expect(pooled.images == ["1", "2", "3", "4"] && pooled.folds == [1, 1, 2, 2])
        #expect(pooled.patients == ["x", nil, nil, nil])
        #expect(pooled.labels == [1, 0, -1, 1, 0, 0, 0, 1])
        let sharing = try make(images: ["5", "6"], patients: ["x", "y"])
        let error = #expect(throws: FoveaError.self) { try Outcomes.outOfFold([1: first, 3: sharing]) }
        #expect(error?.message == "patient \"x\" is in folds 1 and 3")
        #expect(throws: FoveaError.self) { try Outcomes.outOfFold([1: first, 2: first]) }
        #expect(throws: FoveaError.self) { try Outcomes.outOfFold([1: first, 2: make(classes: ["b", "a"])]) }
    }
}
