import Basics
import Testing
import Torch

@Suite struct TensorTests {
    @Test func bytesRoundTrip() throws {
        let tensor = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(tensor.shape == [2, 3])
        #expect(try tensor.transposed(0, 1).array() == [1, 4, 2, 5, 3, 6] as [Float])
        #expect(try tensor.array(as: Int.self) == [1, 2, 3, 4, 5, 6])
    }

    @Test func arithmeticIsPythons() throws {
        let x = try Tensor([-2, 0, 3] as [Float])
        #expect(try (2 * x + x * x - 1).array() == [-1, -1, 14] as [Float])
        #expect(try (1 - x).array() == [3, 1, -2] as [Float])
        #expect(try x.relu().sum().item() == 3)
    }

    @Test func gradientOfASquare() throws {
        let x = try Tensor([1, -4] as [Double]).requiringGrad()
        try (x * x).sum().backward()
        #expect(try x.grad?.array(as: Double.self) == [2, -8])
        try x.setGrad(nil)
        #expect(x.grad == nil)
    }

    @Test func anErrorNamesOperatorAndShapes() throws {
        let a = try Tensor.zeros([2, 3])
        let b = try Tensor.zeros([4, 5])
        let error = #expect(throws: FoveaError.self) { try a.matmul(b) }
        let text = error?.description ?? ""
        #expect(text.contains("aten::matmul"))
        #expect(text.contains("float32[2, 3]"))
        #expect(text.contains("float32[4, 5]"))
        #expect(!text.contains("frame #"))
    }

    @Test func anUnknownOperatorIsAnError() {
        let missing = Operator("aten::no_such_thing")
        #expect(throws: FoveaError.self) { try missing(.none) }
    }

    @Test func aTensorWithTheWrongNumberOfBytesIsAnError() {
        #expect(throws: FoveaError.self) { try Tensor([1, 2, 3] as [Float], shape: [2, 2]) }
    }

    @Test func modesAreRestoredAfterAnError() throws {
        struct Stop: Error {}
        let x = try Tensor([1] as [Float]).requiringGrad()
        #expect(throws: Stop.self) { try Autograd.withoutGrad { throw Stop() } }
        #expect(try (x * 2).requiresGrad)
        #expect(try Autograd.withoutGrad { try (x * 2).requiresGrad } == false)
    }

    @Test func autocastComputesProductsInBFloat16() throws {
        let x = try Tensor.ones([4, 4])
        let product = try Autocast.run(.bfloat16, on: .cpu) { try x.matmul(x) }
        #expect(product.dtype == .bfloat16)
        #expect(try x.matmul(x).dtype == .float32)
    }

    @Test func theRandomStateContinuesTheStream() throws {
        try Engine.seed(3)
        let state = try Engine.randomState()
        let first = try Tensor.normal([5]).array()
        try Engine.setRandomState(state)
        #expect(try Tensor.normal([5]).array() == first)
    }

    @Test func unknownDevicesAreErrors() {
        #expect(throws: FoveaError.self) { try Device("gpu") }
        #expect(throws: FoveaError.self) { try Device("cuda:9999") }
        #expect(throws: FoveaError.self) { try Device("cuda:-1") }
    }
}
