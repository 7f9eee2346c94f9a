import Basics
import Diagnostics
import Models
import TestSupport
import Testing
import Torch

@Suite struct InferenceBenchmarkTests {
    /// A network whose signals neither vanish nor grow, of the requested size.
    @Test func arbitraryNetworksAreTimed() throws {
        let bundle = try InferenceBenchmark.bundle("mobilenetv1_100", size: 64)
        let result = try InferenceBenchmark.run(
            bundle, precision: .float32, batch: 3, steps: 1, warmUp: 0, device: .cpu)
        #expect(result.batch == 3 && result.size == 64)
        #expect(result.imagesPerSecond == 3 / result.medianStep)
        let logits = try bundle.predictor(device: .cpu).logits(
            [UInt8](repeating: 200, count: 64 * 64 * 3), count: 1, resolution: 64)
        #expect(0.001...1000 ~= logits.map(abs).max() ?? 0, "\(logits)")
    }

    @Test func anUnknownNetworkIsRefused() throws {
        let error = try #require(throws: FoveaError.self) { try InferenceBenchmark.bundle("resnet5", size: 64) }
        #expect(error.description.contains("resnet50"))
    }
}
