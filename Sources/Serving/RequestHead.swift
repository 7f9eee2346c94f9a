/// A request without its body, as it came.
public struct RequestHead: Sendable {
    /// GET, POST and so on.
    public let method: String
    /// The path, percent-encoded.
    public let path: String
    /// What follows the question mark; nil without one.
    public let query: String?
    /// The value of the Host header.
    public let host: String?
    private let headers: [(name: String, value: String)]

    /// Takes a request apart.
    ///
    /// - Parameters:
    ///   - target: path and query.
    ///   - headers: names in lower case; the first Host is not among them.
    public init(method: String, target: String, host: String?, headers: [(name: String, value: String)]) {
        self.method = method
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = parts.first.map(String.init) ?? "/"
        query = parts.count > 1 ? String(parts[1]) : nil
        self.host = host
        self.headers = headers
    }

    /// The value of a header.
    ///
    /// - Parameter name: in lower case.
    /// - Throws: `ServiceError` for one that occurs twice: two readers could take different ones.
    public func header(_ name: String) throws(ServiceError) -> String? {
        let values = headers.filter { $0.name == name }
        guard values.count < 2 else {
            throw ServiceError(.malformed, "the header \(name) occurs \(values.count) times")
        }
        return values.first?.value
    }

    /// The body's length by its header; nil where it is not given.
    ///
    /// - Throws: `ServiceError` for one that is not a number, or above the limit.
    public func bodyLength(limit: Int) throws(ServiceError) -> Int? {
        guard let text = try header("content-length") else { return nil }
        guard text.allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(text) else {
            // More digits than a number holds are a large one.
            guard !text.isEmpty, text.allSatisfy({ $0.isASCII && $0.isNumber }) else {
                throw ServiceError(.malformed, "content-length is not a number of bytes")
            }
            throw Self.tooLarge(limit)
        }
        guard length <= limit else { throw Self.tooLarge(limit) }
        return length
    }

    /// The error for a body above the limit.
    public static func tooLarge(_ limit: Int) -> ServiceError {
        ServiceError(
            .tooLarge, "the body has more than \(limit) bytes, which is the limit: send fewer or smaller images")
    }

    /// Verifies that the body is not compressed.
    public func requirePlainBody() throws(ServiceError) {
        for (name, plain) in [("content-encoding", "identity"), ("transfer-encoding", "chunked")] {
            guard let encoding = try header(name), encoding.lowercased() != plain else { continue }
            throw ServiceError(.contentType, "\(name) may only be \(plain): send the body as it is")
        }
    }

    /// The options of the query in their order, decoded.
    ///
    /// - Throws: `ServiceError` for an encoding that is not one of UTF-8.
    public func options() throws(ServiceError) -> [(name: String, value: String)] {
        var options: [(name: String, value: String)] = []
        for part in (query ?? "").split(separator: "&") {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = try PercentEncoding.decoded(pair[0], isForm: true)
            options.append((name, pair.count > 1 ? try PercentEncoding.decoded(pair[1], isForm: true) : ""))
        }
        return options
    }
}

/// The encoding of paths and queries.
enum PercentEncoding {
    /// The text that was encoded.
    ///
    /// - Parameter isForm: whether a plus sign is a space.
    static func decoded(_ text: some StringProtocol, isForm: Bool = false) throws(ServiceError) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                let digits = rest.prefix(2)
                let isHexadecimal = digits.allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
                guard digits.count == 2, isHexadecimal,
                    let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
                else { throw ServiceError(.malformed, "the address has a % that two hexadecimal digits do not follow") }
                bytes.append(value)
                rest = rest.dropFirst(2)
            case UInt8(ascii: "+") where isForm: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw ServiceError(.malformed, "the address is not UTF-8")
        }
        return decoded
    }
}
