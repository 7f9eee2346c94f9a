import Serving
import Synchronization

/// How many requests are being answered and how many bytes they hold, each up to its limit; nothing new when the server stops.
final class Admission: Sendable {
    private struct State {
        /// Requests that were let in: their bodies arrive, or they are being answered.
        var requests = 0
        /// Those of them that are being answered.
        var answering = 0
        var bytes = 0
        var isOpen = true
        var isOver = false
    }

    private let limits: ServiceLimits
    private let state = Mutex(State())

    init(_ limits: ServiceLimits) { self.limits = limits }

    /// Requests that were let in and are not answered.
    var inProgress: Int { state.withLock(\.requests) }

    /// Whether new requests are taken.
    var isOpen: Bool { state.withLock(\.isOpen) }

    /// Takes no new requests any more.
    func close() { state.withLock { $0.isOpen = false } }

    /// Why nothing is waited for any more; nil while it is.
    var end: ServiceError? { state.withLock(\.isOver) ? ServiceError(.unavailable, "the server has stopped") : nil }

    /// Ends what is not answered yet.
    func finish() { state.withLock { $0.isOver = true } }

    /// Lets a request in, for as long as the place that it gets is held; its body may arrive.
    ///
    /// - Throws: `ServiceError` where as many as allowed are being answered, or the server stops.
    func enter() throws(ServiceError) -> Place {
        try state.withLock { state throws(ServiceError) in
            guard state.isOpen else { throw ServiceError(.unavailable, "the server is stopping") }
            try checkQueue(state)
            state.requests += 1
        }
        return Place(self)
    }

    /// The place of one request. Whoever works for it holds it, also when its answer came too late.
    final class Place: Sendable {
        private let admission: Admission
        private let holding = Mutex((bytes: 0, isAnswering: false, isOver: false))

        fileprivate init(_ admission: Admission) { self.admission = admission }

        deinit { leave() }

        /// Counts bytes of the body.
        ///
        /// - Throws: `ServiceError` where all bodies together have more than allowed.
        func hold(_ count: Int) throws(ServiceError) {
            try admission.hold(count)
            holding.withLock { $0.bytes += count }
        }

        /// Counts the request among those that are being answered, now that its body is here. Those whose bodies never come
        /// keep no others from being answered.
        ///
        /// - Throws: `ServiceError` where there are as many as allowed.
        func beginAnswer() throws(ServiceError) {
            try admission.beginAnswer()
            holding.withLock { $0.isAnswering = true }
        }

        /// Makes room for another request; once is enough.
        func leave() {
            let held = holding.withLock { holding in
                defer { holding.isOver = true }
                return holding
            }
            if !held.isOver { admission.leave(held.bytes, wasAnswering: held.isAnswering) }
        }
    }

    private func hold(_ bytes: Int) throws(ServiceError) {
        try state.withLock { state throws(ServiceError) in
            guard state.bytes + bytes <= limits.totalBytes else {
                throw ServiceError(.busy, "other requests hold the memory for bodies: try again after a second")
            }
            state.bytes += bytes
        }
    }

    private func beginAnswer() throws(ServiceError) {
        try state.withLock { state throws(ServiceError) in
            try checkQueue(state)
            state.answering += 1
        }
    }

    private func checkQueue(_ state: State) throws(ServiceError) {
        guard state.answering < limits.queue else {
            throw ServiceError(
                .busy, "\(limits.queue) requests are waiting, which is the limit: try again after a second")
        }
    }

    private func leave(_ bytes: Int, wasAnswering: Bool) {
        state.withLock { state in
            state.requests -= 1
            if wasAnswering { state.answering -= 1 }
            state.bytes -= bytes
        }
    }
}
