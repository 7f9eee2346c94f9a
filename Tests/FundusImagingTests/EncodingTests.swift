import Foundation
import FundusImaging
import Testing

@Suite("Encoding") struct EncodingTests {
    @Test("a PNG comes back exactly, a JPEG nearly")
    func roundTrip() throws {
        let image = drawnFundus(width: 50, height: 40, centre: (25, 20), radius: 18)
        #expect(try ImageFile(name: "png", bytes: image.png()).decode() == image)
        let jpeg = try ImageFile(name: "jpeg", bytes: image.jpeg(quality: 95)).decode()
        let total = zip(jpeg.bytes, image.bytes).map { abs(Int($0) - Int($1)) }.reduce(0, +)
        #expect(total / image.bytes.count <= 4)
        var short = image
        short.bytes.removeLast()
        #expect(throws: (any Error).self) { try short.png() }
        #expect(throws: (any Error).self) { try PixelImage(width: 2, height: 2, bytes: [1, 2, 3]) }
    }
}
