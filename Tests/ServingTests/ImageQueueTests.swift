import Serving
import Testing

struct ImageQueueTests {
    /// The images of the next batch as "request number".
    private func next(_ queue: inout ImageQueue<String>, of size: Int) -> [String] {
        queue.nextBatch(of: size)?.items.map { "\($0.request)\($0.number)" } ?? []
    }

    @Test func aRequestOfOneImageDoesNotWaitForOneOfMany() {
        var queue = ImageQueue<String>()
        queue.append("a", model: 0, count: 256)
        #expect(next(&queue, of: 2) == ["a0", "a1"])
        queue.append("b", model: 0, count: 1)
        #expect(next(&queue, of: 2) == ["a2", "b0"])
        #expect(queue.count == 253)
    }

    /// Also where a batch has one image: who was served goes to the end.
    @Test func requestsTakeTurns() {
        var queue = ImageQueue<String>()
        for request in ["a", "b", "c"] { queue.append(request, model: 0, count: 2) }
        let order = (0..<6).map { _ in next(&queue, of: 1) }
        #expect(order == [["a0"], ["b0"], ["c0"], ["a1"], ["b1"], ["c1"]])
        #expect(queue.nextBatch(of: 1) == nil)
        #expect(queue.count == 0)
    }

    @Test func modelsTakeTurnsAndShareNoBatch() {
        var queue = ImageQueue<String>()
        queue.append("a", model: 0, count: 3)
        queue.append("b", model: 1, count: 3)
        queue.append("c", model: 0, count: 1)
        var batches: [[String]] = []
        while let batch = queue.nextBatch(of: 2) {
            batches.append(["model \(batch.model)"] + batch.items.map { "\($0.request)\($0.number)" })
        }
        let expected = [
            ["model 0", "a0", "c0"], ["model 1", "b0", "b1"], ["model 0", "a1", "a2"], ["model 1", "b2"],
        ]
        #expect(batches == expected)
    }

    @Test func whatNobodyWaitsForIsNotComputed() {
        var queue = ImageQueue<String>()
        queue.append("a", model: 0, count: 2)
        queue.append("b", model: 0, count: 2)
        queue.removeAll { $0 == "a" }
        #expect(queue.count == 2)
        #expect(next(&queue, of: 4) == ["b0", "b1"])
    }
}
