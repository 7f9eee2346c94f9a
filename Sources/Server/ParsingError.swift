import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import Serving

extension ServiceError {
    /// What the HTTP parser refused; nil for any other error.
    init?(parsing error: any Error) {
        switch error {
        case HTTPParserError.headerOverflow:
            self.init(
                .headers,
                "the headers have more than \(HTTPLimits.headerBytes) bytes or \(HTTPLimits.headerCount) lines")
        case is HTTPParserError:
            self.init(.malformed, "this is not HTTP/1.1: \(error)")
        default: return nil
        }
    }
}

/// What the HTTP parser takes.
enum HTTPLimits {
    /// Of a header field, and of all of them.
    static let headerBytes = 16 << 10
    static let headerCount = 100
}
