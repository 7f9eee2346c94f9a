import Foundation

/// Arrays in the form that `numpy.load` reads (NEP 1, version 1.0), in C order, little-endian.
package enum NumPyFile {
    /// The file of an array of float32.
    package static func data(_ values: [Float], shape: [Int]) -> Data {
        var data = header("<f4", shape)
        for value in values { withUnsafeBytes(of: value.bitPattern.littleEndian) { data.append(contentsOf: $0) } }
        return data
    }

    /// The file of an array of bytes.
    package static func data(_ values: [UInt8], shape: [Int]) -> Data { header(ofBytes: shape) + values }

    /// What stands before an array of bytes.
    static func header(ofBytes shape: [Int]) -> Data { header("|u1", shape) }

    private static func header(_ type: String, _ shape: [Int]) -> Data {
        let sides = shape.map { "\($0), " }.joined()
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(sides)), }"
        // The magic, two bytes of version, two of length, and the header with its line end fill 64-byte blocks.
        let padding = 64 - (10 + header.utf8.count + 1) % 64
        header += String(repeating: " ", count: padding % 64) + "\n"
        var data = Data([0x93]) + Data("NUMPY".utf8) + Data([1, 0])
        data += withUnsafeBytes(of: UInt16(header.utf8.count).littleEndian) { Data($0) }
        return data + Data(header.utf8)
    }
}
