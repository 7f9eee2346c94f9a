import Basics
import Cohorts
import Foundation
import Testing

/// Similarity of classes and their clusters: what the grouping `learned` is made of.
@Suite struct ClassClustersTests {
    /// What `Golden/linkage.py` writes.
    private struct Golden: Decodable {
        struct Case: Decodable {
            var similarity: [[Double]]
            /// By the number of clusters requested.
            var clusters: [String: [[Int]]]
        }
        var cases: [Case]
    }

    @Test func clustersAreThoseOfSciPysAverageLinkage() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Golden/linkage.json")
        let golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: url))
        #expect(golden.cases.count >= 8)
        for (number, example) in golden.cases.enumerated() {
            for (count, expected) in example.clusters {
                let found = ClassClusters(
                    averageLinkage: example.similarity, of: Array(example.similarity.indices),
                    count: try #require(Int(count)))
                #expect(found.clusters == expected, "case \(number), \(count) clusters")
            }
        }
    }

    @Test func tiesAreBrokenByTheOrderOfTheClasses() {
        let equal = (0..<5).map { a in (0..<5).map { a == $0 ? 1.0 : 0.5 } }
        #expect(ClassClusters(averageLinkage: equal, of: [0, 1, 2, 3, 4], count: 2).clusters == [[0, 1, 2, 3], [4]])
        #expect(ClassClusters(averageLinkage: equal, of: [4, 2, 1], count: 2).clusters == [[1, 2], [4]])
        #expect(ClassClusters(averageLinkage: equal, of: [1, 2], count: 5).clusters == [[1], [2]])
        #expect(ClassClusters(averageLinkage: equal, of: [], count: 5).clusters.isEmpty)
        #expect(ClassClusters(averageLinkage: equal, of: [0, 3, 4], count: 0).clusters == [[0, 3, 4]])
    }

    @Test func jaccardCountsWhatIsKnownOfBoth() throws {
        // a and b together twice, a alone once, once a with b unknown; c never.
        let cohort = try makeCohort(["110", "110", "100", "1?0", "000", "011"])
        let rows = [0, 1, 2, 3, 4]
        let jaccard = ClassSimilarity.jaccard(in: cohort, rows: rows)
        let expected: [[Double]] = [[1, 2 / 3, 0], [2 / 3, 1, 0], [0, 0, 0]]
        #expect(jaccard == expected)
        let one: [[Double]] = [[0, 0, 0], [0, 1, 1], [0, 1, 1]]
        #expect(ClassSimilarity.jaccard(in: cohort, rows: [5]) == one)
    }

    @Test func embeddingsAreMeansOfPositivesMinusTheMeanOfAll() throws {
        let cohort = try makeCohort(["100", "110", "000", "0?0", "001"])
        let features: [Float] = [4, 0, 0, 8, 2, 2, 2, 6]
        let embeddings = ClassSimilarity.embeddings(features, of: cohort, rows: [0, 1, 2, 3])
        // The mean of all is (2, 4).
        let expected: [[Double]] = [[0, 0], [-2, 4], [0, 0]]
        #expect(embeddings == expected)
        let vectors: [[Double]] = [[3, 0], [0, 5], [-1, 0], [3, 4], [0, 0]]
        let cosines: [Double] = [1, 0, -1, 0.6, 0]
        #expect(ClassSimilarity.cosine(vectors)[0] == cosines)
        let (a, b): ([[Double]], [[Double]]) = ([[1, -1], [-1, 1]], [[1, 1], [1, 0]])
        let mixed: [[Double]] = [[1, -0.5], [-0.5, 0.75]]
        #expect(ClassSimilarity.mixture(a, b, share: 0.25) == mixed)
    }

    @Test func clustersThatAreThereAreFound() throws {
        // 12 classes of three looks, in turn; class 11 has no image. Features are the look's direction plus noise.
        let looks = 3
        var random = SeededRandom(seed: 3)
        func noise() -> Double { (0..<12).reduce(-6) { sum, _ in sum + random.uniform() } }
        let directions = (0..<looks).map { _ in (0..<16).map { _ in noise() } }
        var rows: [String] = []
        var features: [Float] = []
        for image in 0..<330 {
            let c = image % 11
            rows.append(String((0..<12).map { $0 == c ? "1" : "0" }))
            features += directions[c % looks].map { Float($0 + noise()) }
        }
        let cohort = try makeCohort(rows)
        let all = Array(rows.indices)
        let counts = cohort.classCounts(rows: all)
        let clusters = ClassClusters(
            averageLinkage: ClassSimilarity.mixture(
                ClassSimilarity.cosine(ClassSimilarity.embeddings(features, of: cohort, rows: all)),
                ClassSimilarity.jaccard(in: cohort, rows: all), share: 0.5),
            of: counts.indices.filter { counts[$0] > 0 }, count: looks)
        #expect(clusters.clusters == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]])
    }

    @Test func aClusterThatNoTeacherCanLearnIsLeftOutWithANote() {
        let clusters = ClassClusters([[2], [1, 0]]).leavingOut(names: ["a", "b", "c"]) { $0.count == 1 ? "lone" : nil }
        #expect(clusters.clusters == [[0, 1]])
        #expect(clusters.notes == ["the cluster of c is left out: lone"])
    }
}
