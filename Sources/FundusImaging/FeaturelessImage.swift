extension PixelImage {
    /// What an image is in which nothing can be seen: "black", "white" or "of one colour"; nil where something can.
    ///
    /// In a photograph of an eye the disc alone differs from its surround by far more than is allowed for noise here.
    public var featureless: String? {
        var low = SIMD3<UInt8>(repeating: 255)
        var high = SIMD3<UInt8>(repeating: 0)
        for at in stride(from: 0, to: bytes.count - 2, by: 3) {
            let pixel = SIMD3(bytes[at], bytes[at + 1], bytes[at + 2])
            low = pointwiseMin(low, pixel)
            high = pointwiseMax(high, pixel)
        }
        if high.max() <= 16 { return "black" }
        if low.min() >= 239 { return "white" }
        return (high &- low).max() <= 8 ? "of one colour" : nil
    }
}
