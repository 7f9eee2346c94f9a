import Basics
import Foundation
import FundusImaging
import Testing

@Suite("Field of view") struct FieldOfViewTests {
    @Test("the disc is found to within a pixel, on a noisy border, dark or bright")
    func disc() {
        for light in [0.35, 1.0] {
            let image = drawnFundus(width: 200, height: 150, centre: (110, 70), radius: 60, light: light)
            let field = FieldOfView(in: image)
            #expect(field.isFound)
            #expect(abs(field.area.left - 50) <= 2 && abs(field.area.top - 10) <= 2, "\(field.area)")
            #expect(abs(field.area.width - 120) <= 4 && abs(field.area.height - 120) <= 4, "\(field.area)")
            #expect(field.spans[70].contains(110) && !field.spans[70].contains(40) && field.spans[2].isEmpty)
        }
    }

    @Test("a disc that is cut at the top and bottom keeps its width")
    func cutDisc() {
        let field = FieldOfView(in: drawnFundus(width: 200, height: 120, centre: (100, 60), radius: 80))
        #expect(field.isFound)
        #expect(abs(field.area.left - 20) <= 2 && abs(field.area.width - 160) <= 4)
        #expect(field.area.top == 0 && field.area.height == 120)
    }

    @Test("letters, a bright corner and a thin line at the border do not widen the area")
    func borderNoise() {
        var image = drawnFundus(width: 240, height: 160, centre: (110, 80), radius: 70)
        func paint(_ columns: Range<Int>, _ rows: Range<Int>) {
            for y in rows {
                for x in columns {
                    let at = (y * 240 + x) * 3
                    image.bytes.replaceSubrange(at..<at + 3, with: [255, 255, 255])
                }
            }
        }
        paint(200..<230, 5..<12)
        paint(0..<14, 146..<160)
        paint(170..<240, 80..<81)
        let field = FieldOfView(in: image)
        #expect(field.isFound)
        #expect(abs(field.area.left - 40) <= 2 && abs(field.area.left + field.area.width - 180) <= 2, "\(field.area)")
    }

    @Test("images without a border, all dark or with a small bright spot are taken whole")
    func fallback() {
        let whole = [
            PixelImage(width: 90, height: 60, red: 180, green: 80, blue: 40),
            PixelImage(width: 90, height: 60),
            drawnFundus(width: 90, height: 60, centre: (45, 30), radius: 100),
            drawnFundus(width: 90, height: 60, centre: (45, 30), radius: 7),
            PixelImage(width: 1, height: 1),
        ]
        for image in whole {
            let field = FieldOfView(in: image)
            #expect(!field.isFound)
            #expect(field.area == PixelArea(left: 0, top: 0, width: image.width, height: image.height))
        }
    }

    @Test("preparing keeps a disc round and centred, for wide, high and square images and any resolution")
    func noStretching() throws {
        let pictures = [
            drawnFundus(width: 600, height: 400, centre: (320, 200), radius: 180),
            drawnFundus(width: 300, height: 500, centre: (150, 240), radius: 130),
            drawnFundus(width: 1500, height: 1000, centre: (750, 500), radius: 300),
            drawnFundus(width: 100, height: 100, centre: (50, 50), radius: 48),
        ]
        for (i, picture) in pictures.enumerated() {
            let file = ImageFile(name: "disc \(i)", bytes: try picture.png())
            for resolution in [64, 224] {
                let prepared = try FundusReader.prepare(file, settings: ImageSettings(resolution: resolution))
                #expect(prepared.foundFieldOfView)
                #expect(prepared.image.width == resolution && prepared.image.height == resolution)
                let (width, height) = extent(of: prepared.image)
                let slack = 0.03 * Double(resolution) + 1
                #expect(abs(Double(width - height)) <= slack, "disc \(i) at \(resolution): \(width) x \(height)")
                #expect(Double(width) >= Double(resolution) - slack, "disc \(i) at \(resolution): \(width)")
            }
        }
    }

    @Test("without cropping the whole image is kept, padded with black and never stretched")
    func cropNone() throws {
        let image = PixelImage(width: 200, height: 100, red: 200, green: 100, blue: 50)
        let file = ImageFile(name: "plain", bytes: try image.png())
        let prepared = try FundusReader.prepare(file, settings: ImageSettings(resolution: 64, crop: .none)).image
        #expect(prepared[32, 8] == (0, 0, 0) && prepared[32, 55] == (0, 0, 0))
        #expect(prepared[1, 32] == (200, 100, 50) && prepared[62, 17] == (200, 100, 50))
        let (width, height) = extent(of: prepared)
        #expect(width == 64 && height == 32)
        let enlarged = try FundusReader.prepare(file, settings: ImageSettings(resolution: 300, crop: .none)).image
        #expect(extent(of: enlarged) == (300, 150))
    }

    @Test("shrinking averages: a fine chequerboard becomes grey")
    func antialiasing() throws {
        var board = PixelImage(width: 512, height: 512)
        for at in 0..<512 * 512 where (at % 512 + at / 512) % 2 == 0 {
            board.bytes.replaceSubrange(3 * at..<3 * at + 3, with: [255, 255, 255])
        }
        let file = ImageFile(name: "board", bytes: try board.png())
        let small = try FundusReader.prepare(file, settings: ImageSettings(resolution: 64, crop: .none)).image
        for at in [(20, 20), (33, 40), (50, 11)] { #expect(abs(Int(small[at.0, at.1].red) - 128) <= 3) }
    }

    /// How far the middle row and the middle column are bright.
    private func extent(of image: PixelImage) -> (Int, Int) {
        let middle = image.width / 2
        let columns = (0..<image.width).filter { image[$0, middle].red > 40 }
        let rows = (0..<image.height).filter { image[middle, $0].red > 40 }
        return ((columns.last ?? 0) - (columns.first ?? 0) + 1, (rows.last ?? 0) - (rows.first ?? 0) + 1)
    }

    @Test("the local contrast of a disc follows its formula (Golden/views.py)")
    func localContrast() throws {
        let golden: Golden = try Files.json("views.json")
        let side = golden.discSide
        let disc = try PixelImage(width: side, height: side, bytes: golden.disc.map { UInt8($0) })
        let result = LocalContrast.apply(to: disc)
        let difference = zip(result.bytes, golden.localContrast).map { abs(Int($0) - $1) }.max()
        #expect(difference ?? 255 <= 1)
        let settings = ImageSettings(resolution: 64, localContrast: true)
        let file = ImageFile(
            name: "disc", bytes: try drawnFundus(width: 300, height: 200, centre: (150, 100), radius: 90).png())
        let prepared = try FundusReader.prepare(file, settings: settings).image
        #expect(prepared[1, 1] == (0, 0, 0))
        #expect(abs(Int(prepared[32, 32].red) - 128) <= 8)
    }

    struct Golden: Decodable {
        var discSide: Int
        var disc: [Int]
        var localContrast: [Int]
    }

    @Test("real photographs of three cameras", .enabled(if: Files.shared != nil, "needs the shared photographs"))
    func photographs() throws {
        for path in try Files.photographs("idrid_fullres", 3) {
            let prepared = try FundusReader.read(path: path, settings: ImageSettings(resolution: 128))
            #expect(prepared.foundFieldOfView, "\(path)")
            // The disc of this camera reaches the image's left and right and is cut at its top and bottom.
            #expect(prepared.image[64, 64].red > 60)
        }
        for set in ["odir256", "rfmid64"] {
            for path in try Files.photographs(set, 20) {
                #expect(throws: Never.self, "\(path)") {
                    try FundusReader.read(path: path, settings: ImageSettings(resolution: 64))
                }
            }
        }
    }
}
