import Basics
import Foundation
import Testing
import Weights

/// Good files with random damage: each is read or refused, quickly, and never brings the program down.
@Suite struct MutationTests {
    @Test(
        .timeLimit(.minutes(5)),
        arguments: ["small.safetensors", "state.pth", "checkpoint.pth", "views.pth", "zip64.pth"])
    func damagedFilesAreReadOrRefused(_ name: String) throws {
        let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Golden.path(name))))
        var refused = 0
        try withTemporaryPath { path in
            for seed in 0..<2000 {
                do {
                    try readAll(mutated(good, SeededRandom(seed: UInt64(seed))), at: path)
                } catch is FoveaError {
                    refused += 1
                }
            }
        }
        #expect(refused > 500)
    }

    /// One to four changes: a byte or bit, a number at the edge of its range, a cut, a piece moved or doubled.
    private func mutated(_ good: [UInt8], _ seeded: SeededRandom) -> [UInt8] {
        var (bytes, random) = (good, seeded)
        for _ in 0...random.index(below: 4) where !bytes.isEmpty {
            let position = random.index(below: bytes.count)
            let end = min(bytes.count, position + 1 + random.index(below: 32))
            switch random.index(below: 6) {
            case 0: bytes[position] = UInt8(truncatingIfNeeded: random.next())
            case 1: bytes[position] ^= 1 << UInt8(random.index(below: 8))
            case 2: bytes.replaceSubrange(position..<end, with: Array(repeating: 0xFF, count: end - position))
            case 3: bytes.removeSubrange(position..<(random.index(below: 4) == 0 ? bytes.count : end))
            case 4: bytes.insert(contentsOf: bytes[position..<end], at: random.index(below: bytes.count))
            default:
                for index in position..<end where (0x30...0x39).contains(bytes[index]) { bytes[index] = 0x39 }
            }
        }
        return bytes
    }
}
