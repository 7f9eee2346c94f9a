import Diagnostics
import Testing
import Torch

@Suite struct StepBenchmarkTests {
    /// As many images per step as requested, and the rate that follows.
    @Test func theBatchIsThatAskedFor() throws {
        let result = try StepBenchmark.run(
            model: "mobilenetv1", isChannelsLast: true, precision: .float32, batch: 3, steps: 1, warmUp: 0, device: .cpu
        )
        #expect(result.batch == 3 && result.size == 128)
        #expect(result.imagesPerSecond == 3 / result.medianStep)
    }
}
