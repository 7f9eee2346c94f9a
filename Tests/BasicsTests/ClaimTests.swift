import Basics
import Foundation
import Synchronization
import TestSupport
import Testing

/// Claims in a folder that several processes, of several machines, share.
@Suite struct ClaimTests {
    private let folder: TemporaryFolder
    private var place: String { folder.path + "/.claim" }

    init() throws { folder = try TemporaryFolder() }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    }

    /// Leaves a claim as a process would that has ended since.
    private func leave(machine: String, process: String, began: String, age: Double, as name: String = ".claim-1")
        throws
    {
        try folder.write("\(machine)\n\(process)\n\(began)", to: name)
        try FileManager.default.setAttributes(
            [.modificationDate: Date().addingTimeInterval(-age)], ofItemAtPath: folder.path + "/" + name)
    }

    @Test func oneHoldsUntilItIsGivenBack() throws {
        var first = try Claim(place)
        #expect(first != nil)
        #expect(try Claim(place) == nil)
        #expect(try names() == [".claim-1"])
        withExtendedLifetime(first) {}
        first = nil
        #expect(try names() == [])
        let second = try Claim(place)
        withExtendedLifetime(second) { #expect(second != nil) }
    }

    @Test func ofManyAtOnceOneHolds() throws {
        let path = folder.path
        for round in 0..<20 {
            nonisolated(unsafe) var claims = [Claim?](repeating: nil, count: 8)
            let lock = NSLock()
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                let claim = try? Claim(path + "/.round-\(round)")
                lock.withLock { claims[index] = claim }
            }
            #expect(claims.compactMap { $0 }.count == 1)
        }
    }

    @Test func oneOfAnotherMachineIsTakenWhenItIsOld() throws {
        try leave(machine: "other", process: "1", began: "5", age: 100)
        #expect(try Claim(place) == nil)
        try leave(machine: "other", process: "1", began: "5", age: 130)
        let claim = try Claim(place)
        withExtendedLifetime(claim) { #expect(claim != nil) }
        #expect(try names() == [".claim-2"])
    }

    @Test func whatKilledProcessesLeaveIsRemoved() throws {
        let (old, new) = (".claim-" + UUID().uuidString, ".claim-" + UUID().uuidString)
        try leave(machine: "other", process: "1", began: "5", age: 130, as: old + ".1.2.partial")
        try leave(machine: "other", process: "1", began: "5", age: 130, as: old)
        try leave(machine: "other", process: "1", began: "5", age: 100, as: new)
        let claim = try Claim(place)
        #expect(try names() == [".claim-1", new])
        withExtendedLifetime(claim) {}
    }

    @Test func oneOfAProcessThatHasEndedIsTakenAtOnce() throws {
        let own = try #require(try Claim(place))
        let lines = try withExtendedLifetime(own) {
            try String(contentsOfFile: place + "-1", encoding: .utf8).split(separator: "\n").map(String.init)
        }
        #expect(lines[1] == "\(getpid())")
        // The same number was given to another process since, or to none.
        for (process, began) in [(lines[1], "1"), ("999999999", lines[2])] {
            let name = "other-" + process
            try leave(machine: lines[0], process: process, began: began, age: 0, as: name + "-1")
            let claim = try Claim(folder.path + "/" + name)
            withExtendedLifetime(claim) { #expect(claim != nil) }
        }
    }

    @Test(arguments: ["9223372036854775807", "9223372036854775806", "1234567890", "+1", "-1", "01", "0", "old", ""])
    func aNameThatNoClaimHasIsLeftAlone(_ ending: String) throws {
        try leave(machine: "other", process: "1", began: "5", age: 130, as: ".claim-" + ending)
        let claim = try Claim(place)
        withExtendedLifetime(claim) { #expect(claim != nil) }
        #expect(try Set(names()) == [".claim-1", ".claim-" + ending])
        #expect(Claim.file(of: place) == place + "-1")
    }

    @Test func oneWhoseTimeLiesAheadIsHeldWhileItIsRenewed() throws {
        let pace = Claim.Pace(renewal: 0.05, patience: 2)
        try leave(machine: "other", process: "1", began: "5", age: -86_400)
        let mark = place + "-1"
        let isDone = Atomic(false)
        let renewal = Thread {
            var ahead = 86_400.0
            while !isDone.load(ordering: .relaxed) {
                ahead += 1
                try? FileManager.default.setAttributes(
                    [.modificationDate: Date().addingTimeInterval(ahead)], ofItemAtPath: mark)
                usleep(300_000)
            }
        }
        renewal.start()
        #expect(try Claim(place, pace: pace) == nil)
        isDone.store(true, ordering: .relaxed)
        usleep(400_000)
        #expect(throws: CancellationError.self) { try Claim(place, pace: pace, shouldStop: { true }) }
        let started = ContinuousClock.now
        let claim = try Claim(place, pace: pace)
        withExtendedLifetime(claim) { #expect(claim != nil) }
        #expect(ContinuousClock.now - started >= .seconds(2))
        #expect(try names() == [".claim-2"])
    }

    @Test func theOneThatWasTakenFromNoticesIt() throws {
        let slow = try #require(try Claim(place, pace: .init(renewal: 0.05, patience: 1)))
        usleep(1_500_000)
        #expect(!slow.isLost, "it was renewed")
        #expect(try Claim(place, pace: .init(renewal: 10, patience: 1.5)) == nil)
        try folder.write("other\n1\n5", to: ".claim-2")
        for _ in 0..<200 where !slow.isLost { usleep(10_000) }
        #expect(slow.isLost)
    }
}
