import Serving
import Synchronization

/// The counters of a server, which its connections and its network thread change.
final class MetricsRecorder: Sendable {
    private let metrics = Mutex(ServiceMetrics())

    /// The counters as they are now.
    var current: ServiceMetrics { metrics.withLock { $0 } }

    /// Changes the counters.
    func record(_ change: (inout ServiceMetrics) -> Void) { metrics.withLock { change(&$0) } }
}
