/// Where one tensor's bytes lie in a file. Whoever makes one has checked that all of them are inside.
struct TensorPlace: Sendable {
    let tensor: StoredTensor
    /// Offset of the first element from the start of the file.
    let offset: Int
    /// Steps between neighbours of each dimension in elements; nil when row-major without gaps.
    var strides: [Int]?

    func withBytes<Result>(
        in file: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let strides else {
            return try body(UnsafeRawBufferPointer(rebasing: file[offset..<(offset + tensor.byteCount)]))
        }
        let gathered = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.byteCount, alignment: 16)
        defer { gathered.deallocate() }
        gather(from: file, strides, into: gathered)
        return try body(UnsafeRawBufferPointer(gathered))
    }

    /// Copies element after element in row-major order, counting the index up like an odometer.
    private func gather(
        from file: UnsafeRawBufferPointer, _ strides: [Int], into target: UnsafeMutableRawBufferPointer
    ) {
        let width = tensor.type.byteWidth
        var index = [Int](repeating: 0, count: tensor.shape.count)
        var source = offset
        for written in stride(from: 0, to: tensor.byteCount, by: width) {
            for byte in 0..<width { target[written + byte] = file[source + byte] }
            var dimension = index.count - 1
            while dimension >= 0 {
                index[dimension] += 1
                source += strides[dimension] * width
                if index[dimension] < tensor.shape[dimension] { break }
                source -= strides[dimension] * width * tensor.shape[dimension]
                index[dimension] = 0
                dimension -= 1
            }
        }
    }
}
