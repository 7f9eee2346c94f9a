import Distillation
import Foundation
import Testing
import Torch

@Suite struct DistanceTests {
    private static func graded(_ d: Distance, z: [Double], t: [Double], temperature: Double) throws -> (
        values: [Double], gradients: [Double]
    ) {
        let x = try Tensor(z).requiringGrad()
        let terms = try d.terms(student: x, teacher: Tensor(t), temperature: temperature)
        try terms.sum().backward()
        return (try terms.array(as: Double.self), try #require(x.grad).array(as: Double.self))
    }

    @Test func valuesAndGradientsAreGolden() throws {
        let tables = try Golden.shared.get().distillation.distances
        #expect(Set(tables.map(\.distance)) == Set(Distance.allCases))
        for table in tables {
            let found = try Self.graded(table.distance, z: table.z, t: table.t, temperature: table.temperature)
            #expect(distance(found.values, table.values) < 1e-9, "\(table.distance), T \(table.temperature)")
            #expect(distance(found.gradients, table.gradients) < 1e-9, "\(table.distance), T \(table.temperature)")
        }
    }

    @Test(arguments: Distance.allCases, [Float(-60), -3, 0, 0.7, 60])
    func equalLogitsAreAtNoDistance(_ d: Distance, _ logit: Float) throws {
        let x = try Tensor([logit]).requiringGrad()
        let terms = try d.terms(student: x, teacher: Tensor([logit]), temperature: 2)
        try terms.sum().backward()
        #expect(try terms.item() == 0)
        #expect(try abs(#require(x.grad).item()) < 1e-6)
    }

    @Test func theGradientIsTheDifferenceOfProbabilities() throws {
        for (z, t, temperature) in [(1.5, -0.5, 1.0), (-2, 3, 2), (0, 4, 5)] {
            let found = try Self.graded(.bernoulliKL, z: [z], t: [t], temperature: temperature)
            func p(_ x: Double) -> Double { 1 / (1 + exp(-x / temperature)) }
            #expect(abs(found.gradients[0] - temperature * (p(z) - p(t))) < 1e-12)
            let divergence = p(t) * log(p(t) / p(z)) + (1 - p(t)) * log((1 - p(t)) / (1 - p(z)))
            #expect(abs(found.values[0] - temperature * temperature * divergence) < 1e-12)
        }
    }

    @Test func highTemperaturesTendToSquares() throws {
        let z = [-3.0, 0.2, 5]
        let t = [1.0, 0.1, 4]
        let found = try Self.graded(.bernoulliKL, z: z, t: t, temperature: 1000)
        #expect(distance(found.gradients, zip(z, t).map { ($0 - $1) / 4 }) < 1e-3)
        let squares = try Self.graded(.mse, z: z, t: t, temperature: 1)
        #expect(distance(found.values, squares.values) < 1e-3)
        #expect(distance(squares.gradients, zip(z, t).map { ($0 - $1) / 4 }) < 1e-12)
    }

    @Test func gradientsAreThoseOfCentralDifferences() throws {
        let (z, t, step) = ([-2.0, 0.3, 4], [1.0, -0.4, 3.5], 1e-5)
        for d in Distance.allCases {
            let found = try Self.graded(d, z: z, t: t, temperature: 2)
            for i in z.indices {
                func value(_ by: Double) throws -> Double {
                    var moved = z
                    moved[i] += by
                    return try Self.graded(d, z: moved, t: t, temperature: 2).values.reduce(0, +)
                }
                #expect(try abs((value(step) - value(-step)) / (2 * step) - found.gradients[i]) < 1e-8, "\(d)")
            }
        }
    }

    @Test func pearsonIsOneMinusTheCorrelation() throws {
        // Class 0 follows its teacher up to scale and place, class 1 does the contrary, class 2 is constant.
        let t = try Tensor([-2.0, 1, 0, 0, 2, 1, 4, 3, 2], shape: [3, 3])
        let z = try Tensor([-1.0, 8, 5, 1, 6, 5, 5, 4, 5], shape: [3, 3])
        let means = try Distance.pearson.terms(student: z, teacher: t, temperature: 2).mean([0])
        #expect(try distance(means.array(as: Double.self), [0, 2, 0.5]) < 1e-5)
    }

    @Test func standardisedIsBlindToScaleAndPlace() throws {
        let t = try Tensor([-2.0, 0, 4, 1])
        for d in [Distance.pearson, .standardised] {
            #expect(try d.terms(student: t * 30 - 7, teacher: t, temperature: 2).max().item() < 1e-10, "\(d)")
        }
    }

    @Test func extremeLogitsStayFinite() throws {
        for d in Distance.allCases {
            let z = try Tensor([60, -60, 60, -60, 1000] as [Float]).requiringGrad()
            let t = try Tensor([-60, 60, 60, -60, -1000] as [Float])
            let terms = try d.terms(student: z, teacher: t, temperature: 1)
            try terms.sum().backward()
            #expect(try terms.isAllFinite() && #require(z.grad).isAllFinite(), "\(d)")
        }
    }

    @Test func softmaxDivergenceFollowsItsFormula() throws {
        let (z, t) = ([0.5, -1, 2], [1.0, 1, -1])
        func softmax(_ x: [Double]) -> [Double] {
            let e = x.map { exp($0 / 2) }
            return e.map { $0 / e.reduce(0, +) }
        }
        let expected = 4 * zip(softmax(t), softmax(z)).reduce(0) { $0 + $1.0 * log($1.0 / $1.1) }
        let found = try Distance.softmaxKL(
            student: Tensor(z, shape: [1, 3]), teacher: Tensor(t, shape: [1, 3]), temperature: 2)
        #expect(found.shape == [1])
        #expect(try abs(found.item() - expected) < 1e-12)
    }
}
