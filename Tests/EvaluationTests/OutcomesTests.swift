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
