import Basics

/// What a path asks for.
public enum Route: Sendable, Equatable {
    /// A file of the page at "/".
    case page(PageFile)
    /// The description of this interface.
    case openAPI
    /// Counters for Prometheus.
    case metrics
    /// What is served, for the page.
    case models
    /// Photographs with words, thresholds and maps.
    case predict
    /// Open Inference Protocol: what the server is.
    case server
    /// Open Inference Protocol: whether the process lives.
    case live
    /// Open Inference Protocol: whether it answers.
    case ready
    /// Open Inference Protocol: inputs and outputs of a model.
    case model(ModelReference)
    /// Open Inference Protocol: whether a model answers.
    case modelReady(ModelReference)
    /// Open Inference Protocol: tensors in, tensors out.
    case infer(ModelReference)

    /// A file of the page.
    public enum PageFile: String, Sendable, CaseIterable {
        case document = "/"
        case style = "/page.css"
        case script = "/page.js"
    }

    /// A model, and a version where one is requested.
    public struct ModelReference: Sendable, Equatable {
        /// Its name.
        public let name: String
        /// The version; nil for the one there is.
        public let version: String?

        /// Names a model.
        public init(_ name: String, version: String? = nil) { (self.name, self.version) = (name, version) }
    }

    /// Finds the route of a request.
    ///
    /// - Throws: `ServiceError` for a path that is not there, or not for this method.
    public init(_ head: RequestHead) throws(ServiceError) {
        guard let found = try Self.find(head.path) else {
            throw ServiceError(
                .notFound,
                "there is nothing at this path; /openapi.yaml lists what there is, and / is a page for people")
        }
        // HEAD is GET without the body, which the transport leaves out.
        let allowed = found.takesBody ? ["POST"] : ["GET", "HEAD"]
        guard allowed.contains(head.method) else { throw ServiceError(method: head.method, allowed: allowed) }
        self = found
    }

    /// Whether a request has a body that is read.
    public var takesBody: Bool {
        switch self {
        case .predict, .infer: true
        default: false
        }
    }

    /// Whether everyone may have it, even where there is a token: it says nothing of models or requests.
    public var isPublic: Bool {
        switch self {
        case .page, .live, .ready: true
        default: false
        }
    }

    /// A label for metrics: never a part of the request.
    public var label: String {
        switch self {
        case .page: "page"
        case .openAPI: "openapi"
        case .metrics: "metrics"
        case .models: "models"
        case .predict: "predict"
        case .server: "v2"
        case .live: "v2_live"
        case .ready: "v2_ready"
        case .model: "v2_model"
        case .modelReady: "v2_model_ready"
        case .infer: "v2_infer"
        }
    }

    private static func find(_ path: String) throws(ServiceError) -> Route? {
        if let file = PageFile(rawValue: path) { return .page(file) }
        switch path {
        case "/openapi.yaml": return .openAPI
        case "/metrics": return .metrics
        case "/v1/models": return .models
        case "/v1/predict": return .predict
        case "/v2", "/v2/": return .server
        case "/v2/health/live": return .live
        case "/v2/health/ready": return .ready
        default: return try findModel(path)
        }
    }

    /// `/v2/models/NAME[/versions/VERSION][/ready|/infer]`.
    private static func findModel(_ path: String) throws(ServiceError) -> Route? {
        var parts: [String] = []
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            parts.append(try PercentEncoding.decoded(part))
        }
        guard parts.count >= 3, parts[0] == "v2", parts[1] == "models", !parts[2].isEmpty else { return nil }
        var rest = parts.dropFirst(3)
        var version: String?
        if rest.first == "versions", rest.count >= 2 {
            version = rest.dropFirst().first
            rest = rest.dropFirst(2)
        }
        let model = ModelReference(parts[2], version: version)
        switch Array(rest) {
        case []: return .model(model)
        case ["ready"]: return .modelReady(model)
        case ["infer"]: return .infer(model)
        default: return nil
        }
    }
}
