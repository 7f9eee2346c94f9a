import Basics
import Foundation
import TestSupport
import Testing
import Torch

/// Several processes that compute together; here each is a thread.
@Suite struct ProcessGroupTests {
    @Test func sumsAreThoseOfAllProcesses() throws {
        let found = try together(3) { launch -> [[Float]] in
            let group = try ProcessGroup(launch)
            let one = try Tensor([Float(group.rank), 1, 2], shape: [3, 1])
            // Laid out with channels last, as weights and their gradients are.
            let image = try Tensor((0..<24).map { Float($0 * (group.rank + 1)) }, shape: [2, 3, 2, 2])
                .contiguous(.channelsLast)
            try group.allReduce([one, image])
            #expect(image.isChannelsLast)
            try group.barrier()
            return [try one.array(), try image.array()]
        }
        #expect(found == Array(repeating: [[3, 3, 6], (0..<24).map { Float($0 * 6) }], count: 3))
    }

    @Test func manyTensorsGoInSeveralPieces() throws {
        let found = try together(2) { launch -> [Float] in
            let group = try ProcessGroup(launch)
            let tensors = try (0..<5).map { try Tensor.full([1 << 20], Double($0 + group.rank)) }
            try group.allReduce(tensors)
            return try tensors.flatMap { try [$0.array()[0], $0.array()[(1 << 20) - 1]] }
        }
        #expect(found[0] == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9] && found[1] == found[0])
    }

    @Test func textsDecisionsAndPartsAreThoseOfTheProcesses() throws {
        let found = try together(3) { launch -> [String] in
            let group = try ProcessGroup(launch)
            let texts = try group.texts(["", "zwölf", "c"][group.rank])
            let decided = try group.decided { "by \(group.rank)" }
            return texts + [decided, "\(group.part(of: 8))", "\(group.part(of: 1))"]
        }
        #expect(found[0] == ["", "zwölf", "c", "by 0", "0..<2", "0..<0"])
        #expect(found[1] == ["", "zwölf", "c", "by 0", "2..<5", "0..<0"])
        #expect(found[2] == ["", "zwölf", "c", "by 0", "5..<8", "0..<1"])
    }

    @Test func theFirstProcessesTensorsAreTakenOver() throws {
        let found = try together(2) { launch -> [Float] in
            let group = try ProcessGroup(launch)
            let weight = try Tensor([Float(group.rank) + 0.5, .infinity]).requiringGrad()
            if group.rank == 1 { try Autograd.withoutGrad { try weight.fill(.nan) } }
            try group.broadcast([weight])
            return try weight.array()
        }
        #expect(found == [[0.5, .infinity], [0.5, .infinity]])
    }

    @Test func whatDiffersIsNamed() throws {
        let errors = try together(3) { launch -> FoveaError? in
            let group = try ProcessGroup(launch)
            try group.requireEqual("same", "the program is")
            do {
                try group.requireEqual(group.rank == 2 ? "1.1" : "1.0", "the program is")
                return nil
            } catch { return error as? FoveaError }
        }
        #expect(errors.count == 3)
        for error in errors {
            #expect(error?.kind == .configuration)
            #expect(
                error?.message
                    == "the processes do not do the same: the program is 1.0 in process 0, 1.1 in process 2")
        }
    }

    @Test func aProcessThatEndsIsNoticedAndNamed() throws {
        let started = Date()
        let messages = try together(3) { launch -> String in
            let group = try ProcessGroup(launch)
            try group.barrier()
            if group.rank == 1 { return "" }
            do {
                try group.allReduce([Tensor([1.0])])
                return "no error"
            } catch { return (error as? FoveaError).map { "\($0.kind): \($0.message)" } ?? "\(error)" }
        }
        #expect(messages[0].hasPrefix("peer: Process 1 of 3 has ended or does not answer, so process 0 ends too ("))
        #expect(messages[2].hasPrefix("peer: Process 1 of 3 has ended or does not answer, so process 2 ends too ("))
        #expect(Date().timeIntervalSince(started) < 30)
    }

    @Test func aTakenPortIsNamed() throws {
        let errors = try together(1) { launch -> [FoveaError?] in
            let first = try ProcessGroup(launch)
            return withExtendedLifetime(first) {
                do {
                    _ = try ProcessGroup(launch)
                    return [nil]
                } catch { return [error as? FoveaError] }
            }
        }
        let error = try #require(errors[0][0])
        #expect(error.kind == .environment)
        #expect(error.message.hasSuffix(": another program listens at that port"), "\(error)")
        #expect(error.remedy?.contains("MASTER_PORT") == true)
    }

    @Test func whoDoesNotComeIsNotAwaitedForEver() throws {
        let environment = launchVariables(0, of: 2, port: freePort())
        let launch = try #require(try Launch(environment))
        let error = try #require(throws: FoveaError.self) { try ProcessGroup(launch, patience: 2) }
        #expect(error.kind == .environment && error.message.hasPrefix("process 0 of 2 cannot meet the others at "))
        #expect(error.message.hasSuffix(": process 1 has not come within 2 seconds"), "\(error)")
        #expect(error.remedy?.contains("All 2 processes must be started") == true)
        let other = try #require(try Launch(launchVariables(1, of: 2, port: freePort())))
        let unmet = try #require(throws: FoveaError.self) { try ProcessGroup(other, patience: 2) }
        #expect(unmet.kind == .environment && !unmet.message.contains("\n"), "\(unmet)")
    }
}
