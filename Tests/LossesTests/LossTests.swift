import Basics
import Foundation
import Losses
import Testing
import Torch

@Suite struct LossTests {
    private static let context = LossContext(classCounts: [120, 40, 25, 8, 0, 3], imageCount: 200)

    /// Every loss that configurations can name, and the one of single-label data.
    private static func all() throws -> [(name: String, loss: any Loss)] {
        var smoothed = LossParameters()
        smoothed[default: BinaryCrossEntropy()].labelSmoothing = 0.1
        return try LossRegistry.names.map { ($0, try LossRegistry.make($0, LossParameters(), context)) } + [
            ("bce smoothed", LossRegistry.make("bce", smoothed, context)),
            // log(1 - p) of a p that rounds to 1.
            ("asymmetric without a margin", asymmetric(margin: 0)),
            ("asymmetric with a tiny margin", asymmetric(margin: 1e-9)),
            ("asymmetric with a margin below float32", asymmetric(margin: 1e-300)),
            ("softmax", SoftmaxCrossEntropy(context)),
        ]
    }

    private static func asymmetric(margin: Double) -> AsymmetricLoss {
        var parameters = LossParameters()
        parameters[default: AsymmetricLoss()].margin = margin
        return AsymmetricLoss(context, parameters)
    }

    private static let logits: [[Double]] = [[1.1, -0.4, 0.3, -1.7, 0.9, -0.6], [-0.8, 1.2, -1.1, 0.6, -0.2, 0.05]]
    private static let labels: [[Double]] = [[1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]]

    /// In float64, so that central differences are exact enough to find a wrong factor.
    @Test func gradientsAreThoseOfCentralDifferences() throws {
        for (name, loss) in try Self.all() {
            let flat = Self.logits.flatMap { $0 }
            let labels = try matrix(Self.labels).to(dtype: .float64)
            func value(_ z: Tensor) throws -> Tensor { try loss.terms(logits: z, labels: labels, progress: 0).sum() }
            func at(_ i: Int, _ step: Double) throws -> Double {
                var moved = flat
                moved[i] += step
                return try value(Tensor(moved, shape: [2, 6])).item()
            }
            let z = try Tensor(flat, shape: [2, 6]).requiringGrad()
            try value(z).backward()
            let gradient = try #require(z.grad).array(as: Double.self)
            let step = 1e-5
            let numerical = try flat.indices.map { try (at($0, step) - at($0, -step)) / (2 * step) }
            #expect(distance(gradient, numerical) < 1e-8, "\(name)")
        }
    }

    @Test func extremeLogitsStayFinite() throws {
        for (name, loss) in try Self.all() {
            for size in [60.0, 1000] {
                let logits = [[size, -size, size, -size, size, -size], [-size, size, -size, size, -size, size]]
                let found = try graded(loss, logits: logits, labels: Self.labels, mask: nil)
                #expect(found.value.isFinite && found.gradient.allSatisfy(\.isFinite), "\(name) at ±\(size)")
            }
        }
    }

    /// x^gamma rises without bound at x = 0 where gamma is below 1.
    @Test(arguments: [0.01, 0.5, 0.99]) func exponentsBelowOneStayFiniteToo(gamma: Double) throws {
        var parameters = LossParameters()
        parameters[default: FocalLoss()].gamma = gamma
        parameters[default: AsymmetricLoss()].positiveGamma = gamma
        parameters[default: AsymmetricLoss()].negativeGamma = gamma
        parameters[default: DistributionBalancedLoss.Parameters()].gamma = gamma
        let context = LossContext(classCounts: [50, 20, 10, 5, 2, 1], imageCount: 100)
        for name in ["focal", "class_balanced_focal", "asymmetric", "distribution_balanced"] {
            let loss = try LossRegistry.make(name, parameters, context)
            for size in [9.0, 60, 1000] {
                let logits = [[size, -size, size, -size, size, -size], [-size, size, -size, size, -size, size]]
                let found = try graded(loss, logits: logits, labels: Self.labels, mask: nil)
                #expect(found.value.isFinite && found.gradient.allSatisfy(\.isFinite), "\(name) at ±\(size)")
            }
        }
    }

    @Test func confidentAndWrongCostsAsMuchAsTheLogit() throws {
        let found = try graded(BinaryCrossEntropy(), logits: [[60, -60]], labels: [[0, 1]], mask: nil)
        #expect(abs(found.value - 120) < 1e-4)
        #expect(distance(found.gradient, [1, -1]) < 1e-6)
    }

    @Test func anImageWithoutAnyLabelTeachesToo() throws {
        let none = [[Double](repeating: 0, count: 6)]
        for name in LossRegistry.names {
            let loss = try LossRegistry.make(name, LossParameters(), Self.context)
            let found = try graded(loss, logits: [Self.logits[0]], labels: none, mask: nil)
            // Focal and asymmetric losses let go of what is known already, but of nothing wholly.
            #expect(found.gradient.allSatisfy { $0 > 1e-7 }, "\(name)")
            #expect((found.gradient.max() ?? 0) > 0.05, "\(name)")
        }
    }

    @Test func marginsAreLargerForRarerClassesAndOnlyOnPositives() throws {
        let margins = LDAMLoss.margins(counts: Self.context.classCounts, largest: 0.5)
        #expect(margins[5] == 0.5 && margins[4] == 0)
        #expect(zip(margins[..<3], margins[1..<4]).allSatisfy { $0 < $1 })
        let ldam = try LossRegistry.make("ldam", LossParameters(), Self.context)
        let logits = try matrix(Self.logits)
        for (labels, isMoved) in [(Self.labels.map { $0.map { _ in 0.0 } }, false), (Self.labels, true)] {
            let y = try matrix(labels)
            let found = try ldam.terms(logits: logits, labels: y, progress: 0).array(as: Double.self)
            let plain = try BinaryCrossEntropy().terms(logits: logits, labels: y, progress: 0).array(as: Double.self)
            let more = zip(found, plain).map { $0 - $1 }
            for (at, label) in labels.flatMap({ $0 }).enumerated() {
                #expect(label == 1 ? more[at] > 0.01 : abs(more[at]) < 1e-6)
            }
            #expect((more.max() ?? 0 > 0.01) == isMoved)
        }
    }

    @Test func reweightingIsDeferred() throws {
        let loss = try LossRegistry.make("ldam", LossParameters(), Self.context)
        let (logits, labels) = (try matrix(Self.logits), try matrix(Self.labels))
        func at(_ progress: Double) throws -> [Double] {
            try loss.terms(logits: logits, labels: labels, progress: progress).array(as: Double.self)
        }
        let weights = ClassWeights().weights(counts: Self.context.classCounts)
        let before = try at(0.79)
        #expect(try at(0) == before)
        #expect(try distance(at(0.8), before.enumerated().map { $1 * weights[$0 % 6] }) < 1e-5)
    }

    /// In the distribution-balanced loss too an image without a finding has a weight: the mean of the others', or that of
    /// R = 1 where there are none.
    @Test func imagesWithoutAFindingHaveTheMeanWeight() throws {
        let loss = try DistributionBalancedLoss(Self.context, LossParameters())
        func weights(_ labels: [[Double]]) throws -> [Double] {
            try loss.weights(labels: matrix(labels)).array(as: Double.self)
        }
        func weight(_ r: Double) -> Double { 1 / (1 + exp(-10 * (r - 0.3))) + 0.1 }
        let none = [Double](repeating: 0, count: 6)
        #expect(try distance(weights([none]), [Double](repeating: weight(1), count: 6)) < 1e-5)
        // The other image shows class 1 of 40: R is 40 / n_c.
        let shares = [40.0 / 120, 1, 40.0 / 25, 40.0 / 8, 0, 40.0 / 3]
        let mean = shares.reduce(0, +) / 5
        let found = try weights([[0, 1, 0, 0, 0, 0], none])
        #expect(distance(Array(found.prefix(6)), shares.map(weight)) < 1e-5)
        #expect(distance(Array(found.suffix(6)), [Double](repeating: weight(mean), count: 6)) < 1e-5)
    }

    @Test func aMaskMayBelongToClassesOrToTerms() throws {
        let (logits, labels) = (try matrix(Self.logits), try matrix(Self.labels))
        let loss = BinaryCrossEntropy()
        let ofClasses = try Tensor([1, 1, 0, 1, 0, 1] as [Float])
        let ofTerms = try matrix([[1, 1, 0, 1, 0, 1], [1, 1, 0, 1, 0, 1]])
        let a = try loss(logits: logits, labels: labels, mask: ofClasses).item()
        #expect(try loss(logits: logits, labels: labels, mask: ofTerms).item() == a)
        let all = try loss(logits: logits, labels: labels, mask: nil).item()
        #expect(a < all)
        #expect(try loss(logits: logits, labels: labels, mask: Tensor.zeros([6])).item() == 0)
    }

    @Test func theBatchIsAveragedAndClassesAreSummed() throws {
        let one = try graded(BinaryCrossEntropy(), logits: [[0, 0, 0]], labels: [[1, 0, 0]], mask: nil)
        #expect(abs(one.value - 3 * 0.693_147_2) < 1e-6)
        let rows = [[Double]](repeating: [0, 0, 0], count: 4)
        let four = try graded(BinaryCrossEntropy(), logits: rows, labels: rows, mask: nil)
        #expect(abs(four.value - one.value) < 1e-6)
    }

    @Test func lossesAreComputedInFloat32() throws {
        for (name, loss) in try Self.all() {
            let logits = try matrix([[60, -60, 9, -9, 0, 1], [-60, 60, -9, 9, 0, -1]]).to(dtype: .bfloat16)
                .requiringGrad()
            let value = try loss(logits: logits, labels: matrix(Self.labels), mask: nil)
            try value.backward()
            #expect(value.dtype == .float32, "\(name)")
            #expect(try value.isAllFinite() && #require(logits.grad).to(dtype: .float32).isAllFinite(), "\(name)")
            // Numbers that bfloat16 holds exactly: what differs is the arithmetic.
            let exact = try matrix([[2.5, -0.75, 1.25, -3, 0.5, 4], [-2.5, 0.75, -1.25, 3, -0.5, -4]])
            let full = try loss(logits: exact, labels: matrix(Self.labels), mask: nil).item()
            let half = try loss(logits: exact.to(dtype: .bfloat16), labels: matrix(Self.labels), mask: nil).item()
            #expect(abs(full - half) <= 1e-6 * abs(full), "\(name)")
        }
    }

    /// A network that knows nothing, z = 0, pays for a positive what the prior says: -log pi_c.
    @Test func priorsAreShiftedInTheirDirection() throws {
        let labels = try matrix([[1, 1, 1, 1, 0, 1]])
        let priors = Self.context.classCounts.map { Double($0) / Double(Self.context.imageCount) }
        let adjusted = try LogitAdjustedBinaryCrossEntropy(Self.context, LossParameters())
            .terms(logits: labels * 0, labels: labels, progress: 0).array(as: Double.self)
        var parameters = LossParameters()
        parameters[default: DistributionBalancedLoss.Parameters()].kappa = 1
        let balanced = try DistributionBalancedLoss(Self.context, parameters)
        let terms = try
            (balanced.terms(logits: labels * 0, labels: labels, progress: 0)
            / balanced.weights(labels: labels)).array(as: Double.self)
        for (c, prior) in priors.enumerated() where prior > 0 {
            #expect(abs(adjusted[c] + log(prior)) < 1e-5 && abs(terms[c] + log(prior)) < 1e-5, "class \(c)")
        }
    }

    @Test func anUnknownNameIsAnErrorThatNamesTheNearest() {
        let error = #expect(throws: FoveaError.self) {
            try LossRegistry.make("weighted_bec", LossParameters(), Self.context)
        }
        #expect(error?.kind == .configuration)
        #expect(error?.remedy?.contains("did you mean \"weighted_bce\"?") == true)
    }
}
