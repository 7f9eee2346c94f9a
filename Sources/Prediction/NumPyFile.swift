import Foundation

/// Arrays in the form that `numpy.load` reads (NEP 1, version 1.0): float32, in C order, little-endian.
enum NumPyFile {
    /// The file of an array.
    static func data(_ values: [Float], shape: [Int]) -> Data {
        let sides = shape.map { "\($0), " }.joined()
        var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(sides)), }"
        // The magic, two bytes of version, two of length, and the header with its line end fill 64-byte blocks.
        let padding = 64 - (10 + header.utf8.count + 1) % 64
        header += String(repeating: " ", count: padding % 64) + "\n"
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        data += withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { Data($0) }
        data += Data(header.utf8)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }
}
