import Basics
import CHash
import Foundation
import Testing

/// Against FIPS 180-4's own examples, and the two implementations against each other.
@Suite struct DigestTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func theStandardsExamples(text: String, hash: String) {
        #expect(Digest.sha256(text) == hash)
    }

    @Test func bothImplementationsAgreeAtEveryLengthAroundABlock() {
        for count in 0..<300 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 31 + count) }
            var digest = [UInt8](repeating: 0, count: 32)
            fovea_sha256_portable(bytes, count, &digest)
            let portable = digest.map { String(format: "%02x", $0) }.joined()
            #expect(Digest.sha256(Data(bytes)) == portable, "\(count) bytes")
        }
    }

    @Test func aFileInSeveralBlocksIsItsBytes() throws {
        let path = NSTemporaryDirectory() + "fovea-digest-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let data = Data((0..<3_000_017).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
        try data.write(to: URL(fileURLWithPath: path))
        #expect(try Digest.sha256(fileAt: path) == Digest.sha256(data))
    }
}
