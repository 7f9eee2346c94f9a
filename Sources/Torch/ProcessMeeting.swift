import Basics
import CTorch
import Foundation
import Synchronization

/// How the processes of a launch find each other. What waits inside libtorch does so on a thread of its own, so that a stop
/// is heard meanwhile.
final class ProcessMeeting {
    private let launch: Launch
    private let patience: Double
    private let shouldStop: () -> Bool
    private let tell: (String) -> Void
    private let started = Date()
    private var hasTold = false

    /// Seconds after which it says what it waits for.
    private static let quiet = 5.0

    /// What a call of libtorch gave: nil, and the reason, where it failed.
    private final class Outcome: Sendable {
        let value = Mutex<(address: UInt?, reason: String)?>(nil)
    }

    init(_ launch: Launch, _ patience: Double, _ shouldStop: @escaping () -> Bool, _ tell: @escaping (String) -> Void) {
        (self.launch, self.patience, self.shouldStop, self.tell) = (launch, patience, shouldStop, tell)
    }

    /// The group of all processes, once all have come.
    func group() throws -> OpaquePointer {
        let (launch, seconds) = (launch, Int64(patience))
        let address = try wait(for: "process 0") { error in
            ct_group_meet(
                launch.host, UInt16(launch.port), launch.rank == 0 && !launch.isServed, "fovea/\(launch.restarts)",
                seconds, &error
            ).map { UInt(bitPattern: $0) }
        }
        guard let group = OpaquePointer(bitPattern: address) else { throw failure("no connection") }
        do {
            try awaitOthers(group)
            _ = try wait(for: "connections to \(launch.size) processes") { error in
                let group = OpaquePointer(bitPattern: address)
                return ct_group_join(group, Int32(launch.rank), Int32(launch.size), seconds, &error) ? address : nil
            }
        } catch let error as FoveaError {
            ct_group_leave(group)
            throw error
        }
        // After a stop the group stays: the thread may still use it.
        return group
    }

    /// Waits until all processes have come. The first one says for which it waits.
    private func awaitOthers(_ group: OpaquePointer) throws {
        var error: UnsafeMutablePointer<CChar>?
        func key(_ rank: Int) -> String { "here \(rank)" }
        guard ct_group_note(group, key(launch.rank), &error) else { throw failure(takeText(&error)) }
        var missing = Array(0..<launch.size)
        while true {
            missing.removeAll { error == nil && ct_group_noted(group, key($0), &error) }
            guard error == nil else { throw failure(takeText(&error)) }
            guard !missing.isEmpty else { return }
            let names = Pluralization.listing(missing.map(String.init))
            guard Date().timeIntervalSince(started) < patience else {
                throw failure("process \(names) has not come within \(NumberFormat.shortest(patience)) seconds")
            }
            try pause("\(missing.count) of \(launch.size) processes", launch.rank == 0 ? " (number \(names))" : nil)
        }
    }

    /// Waits for a call of libtorch.
    private func wait(
        for what: String, _ call: @escaping @Sendable (inout UnsafeMutablePointer<CChar>?) -> UInt?
    ) throws -> UInt {
        let outcome = Outcome()
        try WorkerThreads.start(1) {
            var error: UnsafeMutablePointer<CChar>?
            let found = call(&error)
            let reason = found == nil ? takeText(&error) : ""
            outcome.value.withLock { $0 = (found, reason) }
        }
        while true {
            if let (address, reason) = outcome.value.withLock({ $0 }) {
                guard let address else { throw failure(reason) }
                return address
            }
            try pause(what, "")
        }
    }

    /// Waits a moment; after some seconds it says what for, unless `detail` is nil.
    private func pause(_ what: String, _ detail: String?) throws {
        if shouldStop() { throw CancellationError() }
        if !hasTold, let detail, Date().timeIntervalSince(started) > Self.quiet {
            hasTold = true
            tell("waiting for \(what) at \(launch.host):\(launch.port)\(detail)")
        }
        Thread.sleep(forTimeInterval: 0.01)
    }

    private func failure(_ reason: String) -> FoveaError {
        let isTaken = reason.contains("EADDRINUSE") || reason.contains("address already in use")
        let words = reason.split(separator: "\n").first.map(String.init) ?? reason
        return FoveaError(
            .environment,
            "process \(launch.rank) of \(launch.size) cannot meet the others at \(launch.host):\(launch.port): "
                + (isTaken ? "another program listens at that port" : words),
            remedy: isTaken
                ? "Choose another port: MASTER_PORT, or torchrun's --master-port."
                : "All \(launch.size) processes must be started, and process 0 must be reached from the others by that name."
        )
    }
}
