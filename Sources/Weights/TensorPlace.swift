import Basics

/// Where one tensor's bytes lie in a file. Whoever makes one has checked that all of them are inside.
struct TensorPlace: Sendable {
    let tensor: StoredTensor
    /// Offset of the first element from the start of the file.
    let offset: Int
    /// Steps between neighbours of each dimension in elements; nil when row-major without gaps.
    var strides: [Int]?

    /// Copies the elements row by row into a buffer of `tensor.byteCount` bytes.
    ///
    /// A tensor with gaps or another order is gathered from a copy of all that lies between its first and last element,
    /// so it takes no more additional memory than its file has bytes.
    func read(from file: InputFile, into target: UnsafeMutableRawBufferPointer) throws {
        guard let strides else { return try file.read(at: offset, into: target) }
        let span = zip(tensor.shape, strides).reduce(1) { $0 + ($1.0 - 1) * $1.1 } * tensor.type.byteWidth
        try file.withMemory(span) { source in
            try file.read(at: offset, into: source)
            gather(from: UnsafeRawBufferPointer(source), strides, into: target)
        }
    }

    /// Copies element after element in row-major order, counting the index up like an odometer.
    private func gather(
        from source: UnsafeRawBufferPointer, _ strides: [Int], into target: UnsafeMutableRawBufferPointer
    ) {
        let width = tensor.type.byteWidth
        var index = [Int](repeating: 0, count: tensor.shape.count)
        var place = 0
        for written in stride(from: 0, to: tensor.byteCount, by: width) {
            for byte in 0..<width { target[written + byte] = source[place + byte] }
            var dimension = index.count - 1
            while dimension >= 0 {
                index[dimension] += 1
                place += strides[dimension] * width
                if index[dimension] < tensor.shape[dimension] { break }
                place -= strides[dimension] * width * tensor.shape[dimension]
                index[dimension] = 0
                dimension -= 1
            }
        }
    }
}
