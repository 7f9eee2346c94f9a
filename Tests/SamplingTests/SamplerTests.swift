import Basics
import Foundation
import Sampling
import Testing

/// What `Golden/samplers.py` computed: for each kind of row its share of all draws, or its factor.
private struct Golden: Decodable {
    struct Progressive: Decodable {
        let epoch: Int
        let shares: [Double]
    }
    let classAware, squareRoot, repeatFactors: [Double]
    let progressive: [Progressive]

    static func read() throws -> Golden {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Golden.self, from: Data(contentsOf: folder.appendingPathComponent("Golden/samplers.json")))
    }
}

@Suite struct SamplerTests {
    // Rows 100 ... 1099: 800 of class 0 only, 20 of class 1 only, 10 of classes 0 and 1, 5 of classes 1 and 3, 165
    // without a label; class 2 has no positive. Rows below 100 exist but are not drawn from.
    let labels: [Int8]
    let rows = Array(100..<1100)

    init() {
        var labels = [Int8](repeating: 1, count: 100 * 4)
        for k in 0..<1000 {
            let row: [Int8] =
                switch k {
                case ..<800: [1, 0, 0, 0]
                case ..<820: [0, 1, -1, 0]
                case ..<830: [1, 1, 0, 0]
                case ..<835: [0, 1, 0, 1]
                default: [0, 0, -1, 0]
                }
            labels += row
        }
        self.labels = labels
    }

    private func data() throws -> LabelledRows {
        try LabelledRows(labels: labels, classCount: 4, rows: rows)
    }

    private func samplers() throws -> [(name: String, sampler: any Sampler)] {
        let data = try data()
        return [
            ("instance", InstanceSampler(rows: rows, seed: 1)), ("class-aware", ClassAwareSampler(data, seed: 1)),
            ("square-root", SquareRootSampler(data, seed: 1)),
            ("progressive", ProgressiveSampler(data, epochs: 10, seed: 1)),
            ("repeat-factor", try RepeatFactorSampler(data, threshold: 0.1, seed: 1)),
        ]
    }

    /// Share of draws of each kind: class 0 only, 1 only, 0 and 1, 1 and 3, label-free.
    private func shares(_ sampler: any Sampler, epochs: Range<Int>) -> [Double] {
        var counts = [0, 0, 0, 0, 0]
        var total = 0
        for epoch in epochs {
            for row in sampler.indices(epoch: epoch) {
                let k = row - 100
                counts[k < 800 ? 0 : k < 820 ? 1 : k < 830 ? 2 : k < 835 ? 3 : 4] += 1
                total += 1
            }
        }
        return counts.map { Double($0) / Double(total) }
    }

    @Test func everySamplerDrawsOnlyItsRowsAndAlsoTheLabelFree() throws {
        for (name, sampler) in try samplers() {
            let drawn = sampler.indices(epoch: 3)
            #expect(drawn.allSatisfy { 100..<1100 ~= $0 }, "\(name)")
            #expect(drawn.count >= 1000, "\(name)")
            #expect(drawn.filter { $0 >= 935 }.count > 50, "\(name)")
        }
    }

    @Test func streamsAreAFunctionOfSeedAndEpoch() throws {
        let again = try samplers()
        for (first, second) in zip(try samplers(), again) {
            let later = second.sampler.indices(epoch: 5)
            #expect(first.sampler.indices(epoch: 4) == second.sampler.indices(epoch: 4), "\(first.name)")
            #expect(first.sampler.indices(epoch: 5) == later, "\(first.name)")
            #expect(first.sampler.indices(epoch: 4) != later, "\(first.name)")
        }
        #expect(
            InstanceSampler(rows: rows, seed: 1).indices(epoch: 0)
                != InstanceSampler(rows: rows, seed: 2).indices(epoch: 0))
        #expect(
            ClassAwareSampler(try data(), seed: 1).indices(epoch: 0)
                != ClassAwareSampler(try data(), seed: 2).indices(epoch: 0))
    }

    @Test func instanceIsAPermutation() {
        #expect(InstanceSampler(rows: rows, seed: 1).indices(epoch: 0).sorted() == rows)
    }

    private func expectClose(_ found: [Double], _ expected: [Double], _ name: String) {
        // 100,000 draws: a standard deviation of at most 0.0016, so 0.008 is five of them.
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 0.008, "\(name): \(found), expected \(expected)") }
    }

    @Test func classesAreDrawnByTheirFormulas() throws {
        let (data, golden) = (try data(), try Golden.read())
        // Class 2 has no positive, so there are three classes and the label-free.
        expectClose(shares(ClassAwareSampler(data, seed: 1), epochs: 0..<100), golden.classAware, "class-aware")
        expectClose(shares(SquareRootSampler(data, seed: 1), epochs: 0..<100), golden.squareRoot, "square-root")
    }

    @Test func progressiveGoesFromFrequenciesToEqualShares() throws {
        // A training of 201 epochs: its first, its middle and its last, 100 draws of an epoch each time by seed.
        for golden in try Golden.read().progressive {
            var sums = [Double](repeating: 0, count: 5)
            for seed in 0..<100 as Range<UInt64> {
                let sampler = ProgressiveSampler(try data(), epochs: 201, seed: seed)
                let found = shares(sampler, epochs: golden.epoch..<golden.epoch + 1)
                for (k, value) in found.enumerated() { sums[k] += value / 100 }
            }
            expectClose(sums, golden.shares, "epoch \(golden.epoch)")
        }
    }

    @Test func aPhotographWithTwoFindingsIsInBothPools() throws {
        // Trap: a sampler that looks at one label only would never draw rows 930 ... 934 for class 3, or for class 1.
        let data = try data()
        #expect(data.positions[3] == [830, 831, 832, 833, 834])
        #expect(data.positions[1].count == 35 && data.positions[0].count == 810 && data.positions[2].isEmpty)
        #expect(data.labelFree == Array(835..<1000))
    }

    @Test func poolsAreUsedUpBeforeTheyRepeat() throws {
        // Two classes of 500: an epoch of 1,000 draws takes about 500 of each, so almost all rows come once or twice.
        let labels = (0..<1000).flatMap { $0 < 500 ? [1, 0] : [0, 1] as [Int8] }
        let data = try LabelledRows(labels: labels, classCount: 2, rows: Array(0..<1000))
        let drawn = ClassAwareSampler(data, seed: 9).indices(epoch: 0)
        #expect(drawn.count == 1000 && Set(drawn).count > 900)
    }

    @Test func repeatFactorsTakeTheRarestClass() throws {
        let sampler = try RepeatFactorSampler(try data(), threshold: 0.1, seed: 1)
        let golden = try Golden.read().repeatFactors
        for (k, expected) in zip([0, 810, 825, 832, 900], golden) {
            #expect(abs(sampler.factors[k] - expected) < 1e-12)
        }
        let (r1, r3) = (golden[1], golden[3])
        var times = [0.0, 0.0]
        for epoch in 0..<400 {
            let drawn = sampler.indices(epoch: epoch)
            #expect(Set(drawn).count == 1000)
            for row in drawn where 900..<935 ~= row { times[row < 930 ? 0 : 1] += 1 }
        }
        #expect(abs(times[0] / 400 / 30 - r1) < 0.03 && abs(times[1] / 400 / 5 - r3) < 0.07)
        // At the published threshold nothing here is rare.
        #expect(try RepeatFactorSampler(try data(), seed: 1).indices(epoch: 0).sorted() == rows)
    }

    @Test func onlyLabelFreeRowsCanBeDrawnToo() throws {
        let data = try LabelledRows(labels: [0, 0, -1, 0], classCount: 2, rows: [0, 1])
        #expect(ClassAwareSampler(data, seed: 1).indices(epoch: 0).sorted() == [0, 1])
        #expect(try RepeatFactorSampler(data, seed: 1).indices(epoch: 0).sorted() == [0, 1])
    }

    @Test func badArgumentsAreRefused() throws {
        #expect { try LabelledRows(labels: [1], classCount: 1, rows: []) } throws: {
            "\($0)".contains("no photographs to draw from")
        }
        #expect(throws: FoveaError.self) { try LabelledRows(labels: [1], classCount: 1, rows: [1]) }
        #expect(throws: FoveaError.self) { try LabelledRows(labels: [1], classCount: 0, rows: [0]) }
        #expect { try RepeatFactorSampler(try data(), threshold: 2, seed: 1) } throws: {
            "\($0)".contains("threshold 2.0 must be between 0 and 1")
        }
    }
}
