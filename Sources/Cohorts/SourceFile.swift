/// A file that was read: what it held is known from then on, whatever becomes of it.
public struct SourceFile: Sendable, Hashable, Codable {
    /// Its path, as given.
    public let path: String
    /// The SHA-256 of the bytes that were parsed.
    public let sha256: String

    /// Describes a file.
    public init(path: String, sha256: String) {
        self.path = path
        self.sha256 = sha256
    }
}
