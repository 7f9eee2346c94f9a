import Basics
import Dispatch
import Synchronization
import Testing

struct WorkerThreadsTests {
    @Test func eachThreadRunsTheBodyOnce() throws {
        let runs = Atomic(0)
        let end = DispatchSemaphore(value: 0)
        let started = try WorkerThreads.start(5) {
            runs.add(1, ordering: .relaxed)
            end.signal()
        }
        for _ in 0..<started { end.wait() }
        #expect(started == 5 && runs.load(ordering: .relaxed) == 5)
    }

    @Test func theSystemIsAskedForThreads() {
        #expect(WorkerThreads.available(upTo: 3) == 3)
        #expect(WorkerThreads.available(upTo: 0) == 0)
        #expect(Processors.count >= 1 && Processors.threadLimit >= 16)
    }
}
