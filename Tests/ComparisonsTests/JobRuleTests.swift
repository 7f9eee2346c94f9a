import Comparisons
import Testing

/// What `--jobs auto` comes to.
@Suite struct JobRuleTests {
    private func jobs(_ units: Int, _ threads: Int, gigabytes: Int? = nil, onGPU: Bool = false) -> Int {
        let work = OpenWork(units: units, memory: 4_000_000_000)
        return JobRule.jobs(
            for: work, threads: threads, memory: gigabytes.map { $0 * 1_000_000_000 }, onGPU: onGPU)
    }

    @Test func thereIsAtMostOneForEachThreadAndUnit() {
        for (units, threads) in [(0, 8), (1, 8), (3, 8), (8, 1), (30, 4), (500, 200)] {
            let count = jobs(units, threads)
            #expect((1...max(1, min(units, threads, 64))).contains(count), "\(units), \(threads): \(count)")
        }
    }

    @Test func memoryIsEnoughForEach() {
        #expect(jobs(8, 8, gigabytes: 9) == 2)
        #expect(jobs(8, 8, gigabytes: 1) == 1)
    }

    @Test func aGPUHasOne() { #expect(jobs(8, 8, onGPU: true) == 1) }

    /// 5 units on 4 threads: three rounds of two with two threads each end before two rounds of which the second leaves three idle.
    @Test func aLastRoundThatLeavesThreadsIdleCounts() {
        #expect(jobs(4, 4) == 4)
        #expect(jobs(5, 4) == 2)
        #expect(jobs(3, 2) == 1)
    }
}
