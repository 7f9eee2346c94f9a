import Basics
import Dispatch
import Foundation
import Synchronization
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

    /// Tests, too, run side by side: what one seeds and draws must not reach another.
    @Test func eachThreadDrawsFromAGeneratorOfItsOwn() throws {
        func draws(_ seed: UInt64, disturbing: Bool) throws -> [Float] {
            try Engine.seed(seed)
            var numbers: [Float] = []
            for _ in 0..<20 {
                numbers += try Tensor.normal([3]).array() as [Float]
                numbers += try Tensor.uniform([3], 0, 1).array() as [Float]
                numbers += try Tensor.ones([40]).dropped(0.5).array() as [Float]
                guard disturbing else { continue }
                try elsewhere {
                    try Engine.seed(99)
                    _ = try Tensor.normal([7])
                    _ = try Tensor.ones([7]).dropped(0.5)
                }
            }
            return numbers
        }
        #expect(try draws(3, disturbing: true) == draws(3, disturbing: false))
        #expect(try draws(4, disturbing: false) != draws(3, disturbing: false))
    }

    /// Runs a body on another thread and waits for it.
    private func elsewhere(_ body: @escaping @Sendable () throws -> Void) throws {
        let outcome = Mutex<(any Error)?>(nil)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            do { try body() } catch { outcome.withLock { $0 = error } }
            done.signal()
        }
        done.wait()
        if let error = outcome.withLock({ $0 }) { throw error }
    }

    @Test func droppedElementsAreZeroAndTheOthersScaled() throws {
        try Engine.seed(5)
        let x = try Tensor.ones([1000]).requiringGrad()
        let y = try x.dropped(0.25)
        let values = try y.array() as [Float]
        #expect(Set(values) == [0, 1 / 0.75])
        #expect((150...350).contains(values.count { $0 == 0 }))
        try y.sum().backward()
        #expect(try #require(x.grad).array() == values)
    }

    /// A view with gaps, a transpose and a repeated element have fewer or other bytes behind them than their shape says.
    @Test func bytesAreThoseOfTheElementsRowByRow() throws {
        let whole = try Tensor((0..<12).map { Float($0) }, shape: [3, 4])
        let views: [(Tensor, [Float])] = [
            (whole, (0..<12).map { Float($0) }), (try whole.transposed(0, 1), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]),
            (try whole.narrowed(1, from: 2, length: 2), [2, 3, 6, 7, 10, 11]),
            (try whole.narrowed(1, from: 3, length: 1).expanded([3, 3]), [3, 3, 3, 7, 7, 7, 11, 11, 11]),
        ]
        for (view, expected) in views {
            #expect(try view.withBytes { Array($0.bindMemory(to: Float.self)) } == expected)
        }
    }

    @Test func aTypeThatIsNotKnownIsAnErrorAndNotFloat32() throws {
        let complex = Operator("aten::view_as_complex")
        let error = #expect(throws: FoveaError.self) { try complex(.tensor(.ones([2, 2]))) }
        #expect(error?.kind == .engine && error?.message.contains("a type that is not known") == true)
    }

    @Test func aLackOfMemoryIsOfTheMachine() throws {
        // More than an address space.
        let error = #expect(throws: FoveaError.self) { try Tensor.ones([1 << 30, 1 << 20]) }
        #expect(error?.kind == .environment, "\(String(describing: error))")
        #expect(error?.message.hasPrefix("not enough memory: ") == true, "\(String(describing: error))")
    }

    @Test func unknownDevicesAreErrors() {
        #expect(throws: FoveaError.self) { try Device("gpu") }
        #expect(throws: FoveaError.self) { try Device("cuda:9999") }
        #expect(throws: FoveaError.self) { try Device("cuda:-1") }
    }
}
