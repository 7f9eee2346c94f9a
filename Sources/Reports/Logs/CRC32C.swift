/// The cyclic redundancy check with Castagnoli's polynomial (RFC 3720, section 12.1), as TFRecord files use it.
package enum CRC32C {
    /// The check of some bytes.
    package static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
    }

    /// The check rotated and shifted, since the check of data that holds its own check is weak (TFRecord's format).
    package static func masked(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let check = checksum(bytes)
        return ((check >> 15) | (check << 17)) &+ 0xA282_EAD8
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
    }
}
