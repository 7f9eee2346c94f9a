import Evaluation
import Foundation
import Testing

/// Curves, net benefit and subgroups against scikit-learn and numpy; `Golden/decisions.py` makes the file.
@Suite struct DecisionTests {
    struct File: Decodable {
        struct Curve: Decodable {
            var falsePositiveRate: [Double]
            var recall: [Double]
            var precision: [Double]
        }
        struct Benefit: Decodable {
            var model: [Double]
            var all: [Double]
        }
        var rows: Int
        var classes: Int
        var labels: [Int8]
        var scores: [Double]
        var thresholds: [Double]
        var curves: [Curve]
        var benefits: [Benefit]
        var part: [Int]
        var partArea: Double
        var restArea: Double
    }

    let file: File
    let outcomes: Outcomes

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/decisions.json")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let file = try decoder.decode(File.self, from: Data(contentsOf: path))
        self.file = file
        outcomes = try Outcomes(
            classes: (0..<file.classes).map { "class \($0)" }, images: (0..<file.rows).map { "image \($0)" },
            labels: file.labels, scores: file.scores, patients: (0..<file.rows).map { "patient \($0 / 2)" })
    }

    private func isNear(_ a: [Double], _ b: [Double]) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-12 }
    }

    @Test func curvesAreThoseOfScikitLearn() throws {
        for (column, expected) in file.curves.enumerated() {
            let points = try #require(RankingCurves(outcomes, class: column)).points
            #expect(isNear(points.map(\.falsePositiveRate), expected.falsePositiveRate))
            #expect(isNear(points.map(\.recall), expected.recall))
            #expect(isNear(points.map(\.precision), expected.precision))
        }
    }

    @Test func fewerPointsAreSomeOfThemWithBothEnds() throws {
        let curves = try #require(RankingCurves(outcomes, class: 0))
        let fewer = curves.thinned(step: 0.1)
        #expect(fewer.points.count < curves.points.count)
        #expect(fewer.points.allSatisfy(curves.points.contains))
        #expect(fewer.points.first == curves.points.first && fewer.points.last == curves.points.last)
        #expect(curves.thinned(step: 0) == curves)
    }

    @Test func aClassOfOneKindHasNoCurve() throws {
        let positive = try Outcomes(classes: ["a"], images: ["1", "2"], labels: [1, -1], scores: [0.1, 0.2])
        #expect(RankingCurves(positive, class: 0) == nil)
        #expect(
            try RankingCurves(Outcomes(classes: ["a"], images: [], labels: [], scores: [Double]()), class: 0) == nil)
    }

    @Test func netBenefitIsThatOfTheFormula() throws {
        for (column, expected) in file.benefits.enumerated() {
            let found = try #require(NetBenefit(outcomes, class: column, thresholds: file.thresholds))
            #expect(isNear(found.model, expected.model))
            #expect(isNear(found.all, expected.all))
        }
        let unknown = try Outcomes(classes: ["a"], images: ["1"], labels: [-1], scores: [0.1])
        #expect(NetBenefit(unknown, class: 0) == nil)
    }

    @Test func aSubgroupIsComparedWithTheRest() throws {
        var options = EvaluationOptions()
        options.bootstrap?.rounds = 200
        options.bootstrap?.minimumPositivePatients = 3
        let found = try SubgroupDifference(outcomes, rows: Set(file.part), options)
        #expect(found.classes == 3 && found.images == 50)
        #expect(found.patients == Set(file.part.map { $0 / 2 }).count)
        #expect(abs(try #require(found.rocAUC) - file.partArea) < 1e-12)
        #expect(abs(try #require(found.rest) - file.restArea) < 1e-12)
        let (difference, interval) = (try #require(found.difference), try #require(found.interval))
        #expect(abs(difference - (file.partArea - file.restArea)) < 1e-12)
        #expect(interval.low < difference && difference < interval.high)
        // The rest against the part is the same with the other sign, in every round.
        let others = Set(0..<file.rows).subtracting(file.part)
        let mirrored = try SubgroupDifference(outcomes, rows: others, options)
        #expect(mirrored.interval.map { abs($0.low + interval.high) < 1e-12 } == true)
    }

    @Test func aSubgroupWithoutEnoughPatientsHasNoFigure() throws {
        let found = try SubgroupDifference(outcomes, rows: [0, 1], EvaluationOptions())
        #expect(found.classes == 0 && found.rocAUC == nil && found.difference == nil && found.interval == nil)
    }
}
