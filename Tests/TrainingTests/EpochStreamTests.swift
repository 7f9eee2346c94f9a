import FundusImaging
import Sampling
import Testing
import Training

@Suite struct EpochStreamTests {
    @Test func viewsAreTakenModuloTheirNumber() throws {
        let stream = EpochStream(InOrder(rows: [4, 2]), views: 3)
        for epoch in 0..<7 {
            #expect(try stream.items(epoch: epoch) == [4, 2].map { BatchItem(row: $0, view: epoch % 3) })
        }
        let free = EpochStream(InOrder(rows: [4]), views: nil)
        #expect(try free.items(epoch: 700) == [BatchItem(row: 4, view: 700)])
    }

    @Test(arguments: [nil, 5] as [Int?]) func anImageDrawnSeveralTimesIsSeenInDifferentViews(_ views: Int?) throws {
        let stream = EpochStream(InOrder(rows: [1, 0, 1, 1, 1, 1]), views: views)
        for epoch in [0, 3, 40] {
            let ofOne = try stream.items(epoch: epoch).filter { $0.row == 1 }.map(\.view)
            #expect(Set(ofOne).count == 5)
            if let views { #expect(ofOne.allSatisfy { 0..<views ~= $0 }) }
        }
    }

    @Test func unlimitedViewsAreNeverSeenTwice() throws {
        let stream = EpochStream(InOrder(rows: [0, 0, 0]), views: nil)
        let views = try (0..<100).flatMap { try stream.items(epoch: $0).map(\.view) }
        #expect(Set(views).count == 300)
    }

    @Test func rowsMayChangeFromEpochToEpoch() throws {
        let stream = EpochStream(views: 2) { InOrder(rows: [$0, $0 + 1]) }
        #expect(try stream.items(epoch: 3) == [BatchItem(row: 3, view: 1), BatchItem(row: 4, view: 1)])
    }
}
