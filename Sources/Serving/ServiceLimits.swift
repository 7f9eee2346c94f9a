/// What a caller may use of the server.
public struct ServiceLimits: Sendable, Equatable {
    /// Bytes of one body.
    public var bodyBytes = 32 << 20
    /// Bytes of all bodies at once.
    public var totalBytes = 512 << 20
    /// Files of a multipart body.
    public var parts = 16
    /// Images of a tensor.
    public var images = 256
    /// Requests whose bodies are here and that are being answered, waiting ones included.
    public var queue = 64
    /// Open connections.
    public var connections = 1024
    /// Seconds for a body to arrive.
    public var bodySeconds = 30.0
    /// Seconds for an answer.
    public var requestSeconds = 60.0
    /// Seconds that a connection may do nothing.
    public var idleSeconds = 30.0
    /// Seconds for the requests that are being answered when the server is stopped.
    public var drainSeconds = 5.0
    /// Seconds that a connection is read after its last answer. When the server stops, no connection lives longer after
    /// `drainSeconds`.
    public var lingerSeconds = 2.0

    /// The defaults.
    public init() {}
}
