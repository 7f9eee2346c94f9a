import Basics
import Foundation

/// What the server answers: a value, from which the transport makes HTTP.
public struct ServiceResponse: Sendable {
    /// The HTTP status.
    public var status: Int
    /// Headers beside the length, with names in lower case.
    public var headers: [(name: String, value: String)]
    /// The body.
    public var body: Data

    /// Puts a response together.
    public init(status: Int = 200, type: String, body: Data) {
        self.status = status
        headers = [("content-type", type)]
        self.body = body
    }

    /// A value as JSON on one line.
    public init(json value: some Encodable, status: Int = 200) {
        // All values are finite: the model's outputs are checked before.
        guard let body = try? JSONFormat.encoded(value, pretty: false) else {
            self = ServiceError(.fault, "the answer cannot be written as JSON").response
            return
        }
        self.init(status: status, type: "application/json", body: body)
    }
}
