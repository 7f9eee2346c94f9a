extension Double {
    /// The number that a cell or an entry of a file names in decimal digits, such as "0.5" or "1e-3"; nil for anything
    /// else. Hexadecimal notation, "inf" and "nan", which `Double(_:)` takes, are not numbers here; nor is one that is too
    /// large to be represented.
    public init?(decimal text: some StringProtocol) {
        let allowed = text.utf8.allSatisfy { byte in
            UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte || "+-.eE".utf8.contains(byte)
        }
        guard allowed, let value = Double(text), value.isFinite else { return nil }
        self = value
    }
}
