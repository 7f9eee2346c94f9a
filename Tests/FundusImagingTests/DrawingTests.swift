import CVips
import Foundation
import FundusImaging
import Testing

@Suite("Encoding and drawing") struct DrawingTests {
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

    @Test("an SVG becomes a PNG of the asked scale")
    func svg() throws {
        let folder = try TemporaryFolder()
        let svg = """
            <svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" fill="white"/>
            <rect width="20" height="40" fill="#0000ff"/><text x="40" y="30" font-size="30">mAP</text></svg>
            """
        let path = folder.path + "/plot.png"
        let text = Array(svg.utf8).withUnsafeBytes { bytes in
            bytes.baseAddress.map { cvips_svg_to_png($0, bytes.count, 2, path) } ?? nil
        }
        #expect(text == nil)
        let image = try ImageFile(path: path).decode()
        #expect(image.width == 240 && image.height == 80)
        #expect(image[10, 40] == (0, 0, 255) && image[60, 5] == (255, 255, 255))
        let bad = cvips_svg_to_png("no svg", 6, 1, path)
        #expect(bad != nil)
        cvips_free(bad)
    }
}
