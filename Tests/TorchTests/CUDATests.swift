import Testing
import Torch

/// What a GPU computes is what the processor computes.
@Suite(.enabled(if: Device.cudaCount > 0, "skipped: there is no GPU, or no engine for it"))
struct CUDATests {
    private let device = Device.cuda(0)

    @Test func productsAndTheirGradientsAreThoseOfTheProcessor() throws {
        func compute(on device: Device) throws -> (value: Float, gradient: [Float]) {
            let numbers = (0..<12).map { Float($0) / 8 - 0.6 }
            let weights = try Tensor(numbers, shape: [3, 4]).to(device: device).requiringGrad()
            let x = try Tensor(numbers.map { 1 - $0 * $0 }, shape: [4, 3]).to(device: device)
            let value = try weights.matmul(x).relu().mean()
            try value.backward()
            return (Float(try value.item()), try #require(weights.grad).array())
        }
        let (here, there) = (try compute(on: .cpu), try compute(on: device))
        #expect(abs(here.value - there.value) < 1e-5)
        #expect(here.gradient.count == 12 && there.gradient.count == 12)
        for (a, b) in zip(here.gradient, there.gradient) { #expect(abs(a - b) < 1e-5) }
    }

    @Test func whatIsMovedComesBack() throws {
        let numbers = (0..<1000).map { Float($0).squareRoot() }
        let there = try Tensor(numbers, shape: [10, 100]).to(device: device)
        #expect(there.device == device)
        #expect(try there.array() == numbers)
    }
}
