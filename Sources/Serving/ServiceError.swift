import Basics

/// A request that is not answered as asked: why, and what to change.
public struct ServiceError: Error, Sendable, Equatable {
    /// Why a request is refused; decides the status of the response, and is a label of `fovea_refusals_total`.
    public enum Reason: String, Sendable, CaseIterable {
        /// The request is not what the protocol allows.
        case malformed
        /// No token, or another one.
        case unauthorized
        /// No such path or model.
        case notFound = "not_found"
        /// The path is not for this method.
        case method
        /// The body did not arrive in time.
        case bodyTimeout = "body_timeout"
        /// More bytes or images than allowed.
        case tooLarge = "too_large"
        /// A kind of content that is not read.
        case contentType = "content_type"
        /// The Host header names another server.
        case host
        /// The image cannot be read, or is not a fundus photograph.
        case image
        /// Headers that are too long.
        case headers
        /// A fault of the server or of the model.
        case fault
        /// A web page of another site made the request.
        case origin
        /// Too many requests are waiting.
        case busy
        /// The server is starting or stopping.
        case unavailable
        /// No answer in time.
        case requestTimeout = "request_timeout"
    }

    /// Why.
    public let reason: Reason
    /// What was found, what is allowed, what to change.
    public let message: String
    /// Headers that belong to the response: the allowed methods, when to try again.
    public var headers: [(name: String, value: String)] {
        switch reason {
        case .busy, .unavailable: [("retry-after", "1")]
        case .unauthorized: [("www-authenticate", "Bearer")]
        case .method: [("allow", allowed)]
        default: []
        }
    }
    private var allowed = ""

    /// Refuses a request.
    public init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }

    /// Refuses a method on a path that has others.
    init(method: String, allowed: [String]) {
        self.init(
            .method,
            "this path takes \(allowed.joined(separator: " and ")), not \(Printable.line(Printable.shortened(name: method)))"
        )
        self.allowed = allowed.joined(separator: ", ")
    }

    /// The status of the response.
    public var status: Int {
        switch reason {
        case .malformed: 400
        case .unauthorized: 401
        case .origin: 403
        case .notFound: 404
        case .method: 405
        case .bodyTimeout: 408
        case .tooLarge: 413
        case .contentType: 415
        case .host: 421
        case .image: 422
        case .headers: 431
        case .fault: 500
        case .busy, .unavailable: 503
        case .requestTimeout: 504
        }
    }

    /// The response.
    public var response: ServiceResponse {
        struct Document: Encodable { var error: String }
        var response = ServiceResponse(json: Document(error: message), status: status)
        response.headers += headers
        return response
    }
}
