import Basics

/// Counters in the text format of Prometheus (version 0.0.4).
public struct ServiceMetrics: Sendable {
    /// Upper bounds of the latency histogram in seconds.
    static let latencies = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
    /// Upper bounds of the histogram of batch sizes.
    static let batches = [1.0, 2, 4, 8, 16, 32, 64]

    private struct Histogram: Sendable {
        let bounds: [Double]
        var counts: [Int]
        var sum = 0.0

        init(_ bounds: [Double]) {
            self.bounds = bounds
            counts = [Int](repeating: 0, count: bounds.count + 1)
        }

        mutating func add(_ value: Double) {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
        }

        func lines(_ name: String, labels: String = "") -> [String] {
            var total = 0
            let separator = labels.isEmpty ? "" : ","
            var lines = zip(bounds.map { "\($0)" } + ["+Inf"], counts).map { bound, count in
                total += count
                return "\(name)_bucket{\(labels)\(separator)le=\"\(bound)\"} \(total)"
            }
            let braces = labels.isEmpty ? "" : "{\(labels)}"
            lines += ["\(name)_sum\(braces) \(sum)", "\(name)_count\(braces) \(total)"]
            return lines
        }
    }

    private struct Key: Hashable, Comparable {
        let route: String
        let status: Int

        static func < (a: Key, b: Key) -> Bool { (a.route, a.status) < (b.route, b.status) }
    }

    private var requests: [Key: Int] = [:]
    private var latency: [String: Histogram] = [:]
    private var refusals: [ServiceError.Reason: Int] = [:]
    private var batchSizes = Histogram(Self.batches)
    private var images: [String: Int] = [:]
    private var computing = 0.0

    /// Counts nothing yet.
    public init() {}

    /// Counts an answered request.
    ///
    /// - Parameter route: nil for a path that is not there.
    public mutating func answered(_ route: Route?, status: Int, seconds: Double) {
        let label = route?.label ?? "other"
        requests[Key(route: label, status: status), default: 0] += 1
        latency[label, default: Histogram(Self.latencies)].add(seconds)
    }

    /// Counts a refusal.
    public mutating func refused(_ reason: ServiceError.Reason) { refusals[reason, default: 0] += 1 }

    /// Counts a batch that a network computed.
    public mutating func computed(_ count: Int, model: String, seconds: Double) {
        batchSizes.add(Double(count))
        images[model, default: 0] += count
        computing += seconds
    }

    /// The text, with what is known only now.
    ///
    /// - Parameters:
    ///   - inProgress: requests that are being answered.
    ///   - waiting: images that wait for the network.
    ///   - residentBytes: memory of the process.
    ///   - start: when the process began, in seconds since 1970.
    public func text(
        _ catalog: ModelCatalog, isReady: Bool, inProgress: Int, waiting: Int, residentBytes: Int, start: Double
    ) -> String {
        var lines: [String] = []
        func add(_ name: String, _ type: String, _ help: String, _ values: [String]) {
            lines += ["# HELP \(name) \(help)", "# TYPE \(name) \(type)"] + values
        }
        func number(_ name: String, _ type: String, _ help: String, _ value: String) {
            add(name, type, help, ["\(name) \(value)"])
        }
        add(
            "fovea_requests_total", "counter", "Requests answered, by route and status.",
            requests.sorted { $0.key < $1.key }.map {
                "fovea_requests_total{route=\"\($0.key.route)\",status=\"\($0.key.status)\"} \($0.value)"
            })
        add(
            "fovea_request_seconds", "histogram", "Time from a request's head to its answer.",
            latency.sorted { $0.key < $1.key }.flatMap {
                $0.value.lines("fovea_request_seconds", labels: "route=\"\($0.key)\"")
            })
        add(
            "fovea_refusals_total", "counter", "Requests refused, by reason.",
            ServiceError.Reason.allCases.map {
                "fovea_refusals_total{reason=\"\($0.rawValue)\"} \(refusals[$0, default: 0])"
            })
        add(
            "fovea_batch_size", "histogram", "Images that the network computed at once.",
            batchSizes.lines("fovea_batch_size"))
        add(
            "fovea_images_total", "counter", "Images computed; its rate is images per second.",
            catalog.models.map {
                "fovea_images_total{model=\"\($0.name)\"} \(images[$0.name, default: 0])"
            })
        number("fovea_compute_seconds_total", "counter", "Time for which the network computed.", "\(computing)")
        number("fovea_requests_in_progress", "gauge", "Requests being answered.", "\(inProgress)")
        number("fovea_images_waiting", "gauge", "Images that wait for the network.", "\(waiting)")
        number("fovea_ready", "gauge", "1 while requests are answered.", isReady ? "1" : "0")
        add("fovea_build_info", "gauge", "The program.", ["fovea_build_info{version=\"\(Program.version)\"} 1"])
        add(
            "fovea_model_info", "gauge", "The models.",
            catalog.models.map {
                "fovea_model_info{model=\"\($0.name)\",version=\"\($0.version)\",architecture=\"\($0.architecture)\",precision=\"\($0.precision)\"} 1"
            })
        number("process_resident_memory_bytes", "gauge", "Resident memory in bytes.", "\(residentBytes)")
        number("process_start_time_seconds", "gauge", "Start of the process, in seconds since 1970.", "\(start)")
        return lines.joined(separator: "\n") + "\n"
    }
}
