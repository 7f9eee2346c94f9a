import Basics

/// Damages good files at random, the same way for the same seed.
enum Mutator {
    /// One to four changes: a byte or bit, bytes at the edge of their range, a cut, a piece moved or doubled, digits made
    /// nines, a piece of another good file.
    static func mutated(_ good: [UInt8], others: [[UInt8]], seed: UInt64) -> [UInt8] {
        var bytes = good
        var random = SeededRandom(seed: seed)
        for _ in 0...random.index(below: 4) where !bytes.isEmpty {
            // Headers decide most, and lie at the beginning or, in zip archives and TIFF files, at the end.
            let position: Int
            switch random.index(below: 3) {
            case 0: position = random.index(below: min(512, bytes.count))
            case 1: position = bytes.count - 1 - random.index(below: min(512, bytes.count))
            default: position = random.index(below: bytes.count)
            }
            let end = min(bytes.count, position + 1 + random.index(below: 32))
            switch random.index(below: 8) {
            case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[position] ^= 1 << UInt8(random.index(below: 8))
            case 2: bytes.replaceSubrange(position..<end, with: Array(repeating: 0xFF, count: end - position))
            case 3: bytes.replaceSubrange(position..<end, with: Array(repeating: 0, count: end - position))
            case 4: bytes.removeSubrange(position..<(random.index(below: 4) == 0 ? bytes.count : end))
            case 5: bytes.insert(contentsOf: bytes[position..<end], at: random.index(below: bytes.count))
            case 6:
                let other = others[random.index(below: others.count)]
                guard !other.isEmpty else { continue }
                let from = random.index(below: other.count)
                let piece = other[from..<min(other.count, from + 64)]
                bytes.replaceSubrange(position..<end, with: piece)
            default:
                for index in position..<end where (0x30...0x39).contains(bytes[index]) { bytes[index] = 0x39 }
            }
        }
        return bytes
    }
}
