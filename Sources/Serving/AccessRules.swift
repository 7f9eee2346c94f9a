import Basics

/// Who is answered: requests to the names of this server, with the token where there is one.
public struct AccessRules: Sendable {
    /// Names that a Host header may have, in lower case and without port; nil for any.
    private let hosts: Set<String>?
    /// The hash of the token; nil where none is needed.
    private let token: [UInt8]?

    /// Names by which a program on this machine reaches a server that listens to it alone.
    ///
    /// A web page from elsewhere can be made to resolve to 127.0.0.1, but its requests then carry that page's name.
    public static let localHosts: Set<String> = ["localhost", "127.0.0.1", "[::1]"]

    /// Whether a Host header may have a name: letters, digits and `._-`, or an address of version 6 in brackets.
    public static func isName(_ host: String) -> Bool {
        host.wholeMatch(of: /[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]/) != nil
    }

    /// Sets the rules.
    public init(hosts: Set<String>?, token: String?) {
        self.hosts = hosts.map { Set($0.map { $0.lowercased() }) }
        self.token = token.map { Array(Digest.sha256($0).utf8) }
    }

    /// Verifies that a request is for this server, and that it may be made.
    ///
    /// - Parameter isPublic: whether everyone may make it.
    public func check(_ head: RequestHead, isPublic: Bool) throws(ServiceError) {
        guard try head.header("host") == nil else { throw ServiceError(.malformed, "there are two Host headers") }
        guard let host = head.host.map(Self.name) else { throw ServiceError(.malformed, "there is no Host header") }
        if let hosts, !hosts.contains(host) {
            throw ServiceError(
                .host,
                "the Host header names another server; this one is " + hosts.sorted().joined(separator: ", ")
                    + " (fovea serve --allow-host adds a name)")
        }
        try Self.checkOrigin(head)
        guard let token, !isPublic else { return }
        let given = try head.header("authorization") ?? ""
        let scheme = "bearer "
        guard given.lowercased().hasPrefix(scheme), Self.isSame(token, given.dropFirst(scheme.count)) else {
            throw ServiceError(
                .unauthorized,
                given.isEmpty
                    ? "this server needs a token: send the header Authorization: Bearer TOKEN"
                    : "the Authorization header does not have this server's token")
        }
    }

    /// Refuses what a page of another site makes a browser send: it could not read the answer, but would keep us busy.
    private static func checkOrigin(_ head: RequestHead) throws(ServiceError) {
        guard head.method == "POST", let origin = try head.header("origin") else { return }
        let place = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard place.count == 3, let host = head.host, name(String(place[2])) == name(host) else {
            throw ServiceError(.origin, "the Origin header names another site than the Host header")
        }
    }

    /// A Host header without its port.
    private static func name(_ host: String) -> String {
        let host = host.lowercased()
        let end = host.lastIndex(of: ":") ?? host.endIndex
        let port = host[end...].dropFirst()
        // In [::1] the last colon is not that of a port.
        return port.allSatisfy({ $0.isASCII && $0.isNumber }) && !host.hasSuffix("]") ? String(host[..<end]) : host
    }

    /// Compares hashes, all bytes of them: how long it takes says nothing of where they differ.
    private static func isSame(_ token: [UInt8], _ given: Substring) -> Bool {
        let other = Array(Digest.sha256(String(given)).utf8)
        return zip(token, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
