import Foundation
import Glibc

/// Work that waits, on a thread of its own: tests and server share the few threads of Swift's concurrency.
func waiting<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
    }
}

/// A TCP connection to this machine that sends what it is told, HTTP or not. One thing at a time happens on it.
final class RawSocket: @unchecked Sendable {
    struct Response: Sendable {
        let status: Int
        /// Names in lower case.
        let headers: [String: String]
        let body: Data

        /// The text of `{"error": …}`; nil for any other body.
        var error: String? { (try? JSONDecoder().decode([String: String].self, from: body))?["error"] }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    struct Failure: Error, CustomStringConvertible { let description: String }

    private let descriptor: Int32
    private var received = Data()
    private var isClosed = false

    /// Connects. What does not come within 30 s fails the test.
    init(port: Int, receiveBuffer: Int? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var size = receiveBuffer.map(Int32.init) {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else { throw Failure(description: "no connection: \(String(cString: strerror(errno)))") }
    }

    deinit { if !isClosed { close(descriptor) } }

    /// Sends bytes.
    ///
    /// - Returns: whether the other side took them all.
    @discardableResult func send(_ data: Data) async throws -> Bool { try await waiting { self.sendNow(data) } }

    private func sendNow(_ data: Data) -> Bool {
        var rest = data[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    @discardableResult func send(_ text: String) async throws -> Bool { try await send(Data(text.utf8)) }

    func request(_ method: String, _ target: String, _ headers: [String: String] = [:], _ body: Data = Data())
        async throws
    {
        let all = ["Host": "localhost", "Content-Length": "\(body.count)"].merging(headers) { $1 }
        let lines = all.map { "\($0.key): \($0.value)\r\n" }.joined()
        try await send(Data("\(method) \(target) HTTP/1.1\r\n\(lines)\r\n".utf8) + body)
    }

    /// Says that nothing more will be sent.
    func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Goes away: with a reset, or politely, as one that may still read.
    func leave(resetting: Bool) {
        var option = linger(l_onoff: resetting ? 1 : 0, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close(descriptor)
        isClosed = true
    }

    /// Whether something can be received within a time, which is the end of the connection too.
    func hasAnswer(within seconds: Double) async throws -> Bool {
        if !received.isEmpty { return true }
        return try await waiting {
            var one = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
            return poll(&one, 1, Int32(seconds * 1000)) > 0
        }
    }

    /// Whether the other side ends the connection, whatever comes before.
    func isEnded() async throws -> Bool { try await waiting { self.isEndedNow() } }

    private func isEndedNow() -> Bool {
        while true {
            switch receive() {
            case .some(0): return true
            case .none: return errno == ECONNRESET
            default: continue
            }
        }
    }

    /// Receives some bytes; their number, nil for an error.
    private func receive() -> Int? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { return nil }
        received += buffer[..<count]
        return count
    }

    private func take(until end: Data) throws -> Data {
        while true {
            if let place = received.range(of: end) {
                defer { received = Data(received[place.upperBound...]) }
                return received[..<place.lowerBound]
            }
            guard let count = receive(), count > 0 else {
                throw Failure(description: "no answer; received: \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// The next answer; with `isHead` one without a body, whatever its length says.
    func response(isHead: Bool = false) async throws -> Response { try await waiting { try self.next(isHead: isHead) } }

    /// The next answer that is not 100, which may come before any.
    func finalResponse() async throws -> Response {
        while true {
            let response = try await response()
            if response.status != 100 { return response }
        }
    }

    private func next(isHead: Bool) throws -> Response {
        let lines = String(decoding: try take(until: Data("\r\n\r\n".utf8)), as: UTF8.self).components(
            separatedBy: "\r\n")
        guard let status = lines[0].split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Failure(description: "not HTTP: \(lines[0])")
        }
        let headers = lines.dropFirst().map { $0.split(separator: ":", maxSplits: 1).map(String.init) }
        let values = Dictionary(
            headers.map { ($0[0].lowercased(), $0.last?.trimmingCharacters(in: .whitespaces) ?? "") }
        ) { "\($0), \($1)" }
        let length = isHead || status < 200 ? 0 : Int(values["content-length"] ?? "") ?? 0
        while received.count < length {
            guard let count = receive(), count > 0 else { throw Failure(description: "the body ends early") }
        }
        defer { received = Data(received.dropFirst(length)) }
        return Response(status: status, headers: values, body: Data(received.prefix(length)))
    }
}
