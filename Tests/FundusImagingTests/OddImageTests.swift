import Basics
import Foundation
import FundusImaging
import TestSupport
import Testing

@Suite("Odd images") struct OddImageTests {
    struct Expected: Decodable {
        var width: Int
        var height: Int
        var tolerance: Int
        var quadrants: [[Int]]
    }

    @Test("every format, depth, colour model and EXIF turn gives the same upright sRGB image")
    func table() throws {
        let table: [String: Expected] = try Files.json("odd/expected.json")
        #expect(table.count >= 26)
        for (name, expected) in table {
            let file = try ImageFile(path: Files.golden + "/odd/" + name)
            let image = try file.decode()
            #expect(image.width == expected.width && image.height == expected.height, "\(name)")
            let prepared = try FundusReader.prepare(file, settings: ImageSettings(resolution: 16, crop: .none))
            #expect(prepared.width == expected.width && prepared.height == expected.height, "\(name)")
            let places = [(1, 1), (3, 1), (1, 3), (3, 3)]
            for (place, colour) in zip(places, expected.quadrants) {
                let (red, green, blue) = image[place.0 * image.width / 4, place.1 * image.height / 4]
                let found = [Int(red), Int(green), Int(blue)]
                let difference = zip(found, colour).map { abs($0 - $1) }.max() ?? 0
                #expect(difference <= expected.tolerance, "\(name) at \(place): \(found), expected \(colour)")
                let nearest = expected.quadrants.min { distance($0, found) < distance($1, found) }
                #expect(nearest == colour, "\(name) at \(place): \(found)")
            }
        }
    }

    private func distance(_ a: [Int], _ b: [Int]) -> Int {
        zip(a, b).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
    }

    /// A photograph without a mean, so that every way of shrinking it gives other pixels.
    private func grain(_ width: Int, _ height: Int) -> PixelImage {
        drawnFundus(
            width: width, height: height, centre: (Double(width) / 2, Double(height) / 2),
            radius: Double(min(width, height)) * 0.45, border: 255)
    }

    @Test(
        "files without loss give one image: WebP, TIFF with smaller copies, GIF and PNG",
        arguments: [(192, 192, 56), (500, 400, 56), (500, 400, 224), (1000, 1300, 64), (60, 40, 128)])
    func formatsAgree(width: Int, height: Int, side: Int) throws {
        let image = grain(width, height)
        for (suffix, source) in [
            (".webp[lossless]", image), (".tif[pyramid,tile,tile_width=64,tile_height=64]", image),
            (".tif[pyramid,subifd,tile,tile_width=64,tile_height=64]", image),
            (".gif", try ImageFile(name: "gif", bytes: image.encoded(".gif")).decode()),
        ] {
            let file = ImageFile(name: suffix, bytes: try source.encoded(suffix))
            #expect(try file.decode() == source, "\(suffix)")
            for crop in [ImageSettings.Crop.none, .fieldOfView] {
                let settings = ImageSettings(resolution: side, crop: crop)
                let png = try FundusReader.prepare(ImageFile(name: "png", bytes: source.png()), settings: settings)
                #expect(try FundusReader.prepare(file, settings: settings) == png, "\(suffix) \(crop)")
            }
        }
    }

    /// A JPEG file is shrunk by 2, 4 or 8 while it is decoded, where at least another factor of 2 is left.
    @Test("a JPEG file that is shrunk while it is decoded gives nearly the image of the whole one")
    func shrunkJPEG() throws {
        let drawn = drawnFundus(width: 1600, height: 1200, centre: (800, 600), radius: 550, border: 60)
        let files = [ImageFile(name: "drawn", bytes: try drawn.jpeg())]
        for file in try files + Files.photographs("idrid_fullres", 4).map({ try ImageFile(path: $0) }) {
            let whole = ImageFile(name: "png", bytes: try file.decode().png())
            for (side, crop) in [(56, ImageSettings.Crop.none), (56, .fieldOfView), (224, .none), (224, .fieldOfView)] {
                let settings = ImageSettings(resolution: side, crop: crop)
                let shrunk = try FundusReader.prepare(file, settings: settings).image.bytes
                let expected = try FundusReader.prepare(whole, settings: settings).image.bytes
                let differences = zip(shrunk, expected).map { abs(Int($0) - Int($1)) }
                let mean = Double(differences.reduce(0, +)) / Double(differences.count)
                #expect(mean < 1, "\(file.path) \(side) \(crop)")
            }
        }
    }

    @Test("headers name the format by content and count the pages")
    func headers() throws {
        let folder = try TemporaryFolder()
        let png = try Data(contentsOf: URL(fileURLWithPath: Files.golden + "/odd/rgb.png"))
        let header = try ImageFile(path: folder.write("photo.jpg", png)).header()
        #expect(header.width == 48 && header.height == 32 && header.pages == 1 && header.format == "png")
        #expect(try ImageFile(path: Files.golden + "/odd/pages.tiff").header().pages == 2)
        #expect(try ImageFile(path: Files.golden + "/odd/cmyk.jpg").header().format == "jpeg")
    }

    @Test("every promised format decodes, and its ending is looked for", arguments: ["png", "jpg", "tiff", "webp"])
    func promised(ending: String) throws {
        let name = ending == "webp" ? "lossless.webp" : "rgb." + ending
        let file = try ImageFile(path: Files.golden + "/odd/" + name)
        let format = try file.header().format.uppercased()
        #expect(PhotographFile.sentence.uppercased().contains(format))
        #expect(try file.decode().width == 48)
        #expect(PhotographFile.endings.contains(ending))
    }

    @Test("what is not an image gives an error that names the path and the problem")
    func notImages() throws {
        let folder = try TemporaryFolder()
        let settings = ImageSettings(resolution: 32)
        func message(_ path: String) throws -> String {
            let error = try dataError { _ = try FundusReader.read(path: path, settings: settings) }
            #expect(error.message.hasPrefix(path))
            return error.description
        }
        #expect(try message(folder.path + "/none.jpg").contains("no such file"))
        #expect(try message(folder.path).contains("a folder"))
        #expect(try message(folder.write("empty.jpg", Data())).contains("0 bytes"))
        #expect(try message(folder.write("text.jpg", Data("This is not an image.".utf8))).contains("JPEG, PNG, TIFF"))
        let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>"
        #expect(try message(folder.write("drawing.svg", Data(svg.utf8))).contains("is not a JPEG"))
        #expect(try message(folder.write("grey.ppm", Data("P5 1 1 255\n0".utf8))).contains("is not a JPEG"))
        let pipe = folder.path + "/pipe.jpg"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(try message(pipe).contains("a pipe"))
        #expect(try message("/dev/null").contains("a device"))
    }

    @Test("too many pixels are refused by the header alone")
    func pixelLimit() throws {
        let error = try dataError {
            _ = try FundusReader.read(path: Files.golden + "/odd/huge.png", settings: ImageSettings(resolution: 32))
        }
        #expect(error.message.contains("60000 x 60000"))
        #expect(error.message.contains("100000000"))
        #expect(error.remedy?.contains("image.pixel_limit") == true)
        let small = ImageSettings(resolution: 32, pixelLimit: 48 * 32 - 1)
        let limit = try dataError { _ = try FundusReader.read(path: Files.golden + "/odd/rgb.png", settings: small) }
        #expect(limit.message.contains("48 x 32"))
        let fits = ImageSettings(resolution: 32, pixelLimit: 48 * 32)
        #expect(throws: Never.self) { try FundusReader.read(path: Files.golden + "/odd/rgb.png", settings: fits) }
    }

    @Test("a cut file is an error, wherever it is cut", arguments: ["jpg", "png", "tiff", "webp"])
    func truncated(format: String) throws {
        let whole: Data
        switch format {
        case "jpg": whole = try phantom().jpeg()
        case "png": whole = try phantom().png()
        default:
            let name = format == "tiff" ? "rgb.tiff" : "lossless.webp"
            whole = try Data(contentsOf: URL(fileURLWithPath: Files.golden + "/odd/" + name))
        }
        for tenths in 1...9 {
            let part = whole.prefix(whole.count * tenths / 10)
            #expect(throws: FoveaError.self, "\(format) cut at \(tenths)/10") {
                try FundusReader.prepare(
                    ImageFile(name: "cut.\(format)", bytes: Data(part)), settings: ImageSettings(resolution: 64))
            }
        }
    }

    @Test("errors of two threads do not mix")
    func errorsOfThreads() async throws {
        let cut = try phantom().jpeg().prefix(3000)
        await withTaskGroup(of: (String, Bool).self) { group in
            for i in 0..<40 {
                group.addTask {
                    let isText = i % 2 == 0
                    let bytes = isText ? Data("no image".utf8) : Data(cut)
                    do {
                        _ = try ImageFile(name: "file\(i)", bytes: bytes).decode(side: 64)
                        return ("none", isText)
                    } catch {
                        return ("\(error)", isText)
                    }
                }
            }
            for await (message, isText) in group {
                #expect(message.contains("is not a JPEG") == isText, "\(message)")
                #expect(message.contains("VipsJpeg") == !isText, "\(message)")
            }
        }
    }

    /// A byte changed by random damage made libvips complain 10,000 characters long; `fuzzTests` found it.
    @Test("a damaged file gives a short message")
    func shortMessages() throws {
        var random = SeededRandom(seed: 7)
        for good in try [phantom().jpeg(), phantom().png()] {
            for _ in 0..<100 {
                var bytes = good
                for _ in 0..<20 { bytes[random.index(below: bytes.count)] = UInt8(random.index(below: 256)) }
                do {
                    _ = try ImageFile(name: "damaged", bytes: bytes).decode()
                } catch let error as FoveaError {
                    #expect(error.message.utf8.count < 1500)
                }
            }
        }
    }

    private func phantom() -> PixelImage {
        drawnFundus(width: 160, height: 120, centre: (80, 60), radius: 55)
    }
}
