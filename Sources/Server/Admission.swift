import Serving
import Synchronization

/// How many requests are being answered and how many bytes they hold, each up to its limit; nothing new when the server stops.
final class Admission: Sendable {
    private struct State {
        var requests = 0
        var bytes = 0
        var isOpen = true
        var isOver = false
    }

    private let limits: ServiceLimits
    private let state = Mutex(State())

    init(_ limits: ServiceLimits) { self.limits = limits }

    /// Requests that are being answered.
    var inProgress: Int { state.withLock(\.requests) }

    /// Whether new requests are taken.
    var isOpen: Bool { state.withLock(\.isOpen) }

    /// Takes no new requests any more.
    func close() { state.withLock { $0.isOpen = false } }

    /// Why nothing is waited for any more; nil while it is.
    var end: ServiceError? { state.withLock(\.isOver) ? ServiceError(.unavailable, "the server has stopped") : nil }

    /// Ends what is not answered yet.
    func finish() { state.withLock { $0.isOver = true } }

    /// Lets a request in, for as long as the place that it gets is held.
    ///
    /// - Throws: `ServiceError` where there are as many as allowed, or the server stops.
    func enter() throws(ServiceError) -> Place {
        let refusal = state.withLock { state -> ServiceError? in
            guard state.isOpen else { return ServiceError(.unavailable, "the server is stopping") }
            guard state.requests < limits.queue else {
                return ServiceError(
                    .busy, "\(limits.queue) requests are waiting, which is the limit: try again after a second")
            }
            state.requests += 1
            return nil
        }
        if let refusal { throw refusal }
        return Place(self)
    }

    /// The place of one request. Whoever works for it holds it, also when its answer came too late.
    final class Place: Sendable {
        private let admission: Admission
        private let bytes = Mutex(0)

        fileprivate init(_ admission: Admission) { self.admission = admission }

        deinit { admission.leave(bytes.withLock { $0 }) }

        /// Counts bytes of the body.
        ///
        /// - Throws: `ServiceError` where all bodies together have more than allowed.
        func hold(_ count: Int) throws(ServiceError) {
            try admission.hold(count)
            bytes.withLock { $0 += count }
        }
    }

    private func hold(_ bytes: Int) throws(ServiceError) {
        let fits = state.withLock { state in
            guard state.bytes + bytes <= limits.totalBytes else { return false }
            state.bytes += bytes
            return true
        }
        guard fits else {
            throw ServiceError(.busy, "other requests hold the memory for bodies: try again after a second")
        }
    }

    private func leave(_ bytes: Int) {
        state.withLock { state in
            state.requests -= 1
            state.bytes -= bytes
        }
    }
}
