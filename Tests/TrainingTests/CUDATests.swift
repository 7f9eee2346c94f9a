import Backbones
import Basics
import Cohorts
import FundusImaging
import Losses
import Models
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

/// What is trained and predicted on a GPU is what the processor would train and predict.
@Suite(.enabled(if: Device.cudaCount > 0, "skipped: there is no GPU, or no engine for it"))
struct CUDATests {
    private static let rows = ["100", "010", "001", "110", "011", "101", "000", "111"]

    private func trainer(_ data: TrainingData, _ device: Device, _ precision: Precision) -> Trainer {
        var plan = plainPlan(epochs: 3, batchSize: 4, rate: 0.01)
        plan.optimizer = .adamw
        plan.averageDecay = 0.5
        plan.augmentation = AugmentationSettings()
        plan.precision = precision
        return Trainer(
            title: "test", plan: plan, data: data, columns: [0, 1, 2], trained: [true, true, true], device: device)
    }

    private func losses(_ device: Device, _ precision: Precision) throws -> [Double] {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        return try trainer(data, device, precision).run(tinyNetwork(classes: 3, norm: true)).map(\.loss)
    }

    /// A GPU multiplies the numbers of convolutions with ten bits behind the point (TF32), or as bfloat16 with seven.
    @Test(arguments: zip(Precision.allCases, [0.01, 0.05]))
    func aFewStepsHaveTheLossesOfTheProcessor(_ precision: Precision, _ tolerance: Double) throws {
        let (here, there) = (try losses(.cpu, .float32), try losses(.cuda(0), precision))
        #expect(here.count == 3 && there.count == 3 && here[2] < here[0])
        for (a, b) in zip(here, there) { #expect(abs(a - b) < tolerance * a, "\(here), \(there)") }
    }

    @Test func predictionsAreThoseOfTheProcessor() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        let items = (0..<8).map { BatchItem(row: $0, view: 0) }
        func predict(_ device: Device) throws -> [Float] {
            try Predictor(tinyNetwork(classes: 3, norm: true), .symmetric, device: device, precision: .float32)
                .logits(cache: data.cache, items: items, batchSize: 3)
        }
        let (here, there) = (try predict(.cpu), try predict(.cuda(0)))
        #expect(here.count == 24 && distance(here, there) < 0.01 * (here.map(abs).max() ?? 0))
    }
}
