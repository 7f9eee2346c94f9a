extension PixelImage {
    /// What an image is in which nothing can be seen: "black", "white" or "of one colour"; nil where something can.
    ///
    /// In a photograph of an eye the disc alone differs from its surround by far more than is allowed for noise here.
    public var featureless: String? {
        var low = [UInt8](repeating: 255, count: 3)
        var high = [UInt8](repeating: 0, count: 3)
        for at in stride(from: 0, to: bytes.count - 2, by: 3) {
            for channel in 0..<3 {
                low[channel] = min(low[channel], bytes[at + channel])
                high[channel] = max(high[channel], bytes[at + channel])
            }
        }
        if high.allSatisfy({ $0 <= 16 }) { return "black" }
        if low.allSatisfy({ $0 >= 239 }) { return "white" }
        return zip(low, high).allSatisfy { $1 - $0 <= 8 } ? "of one colour" : nil
    }
}
