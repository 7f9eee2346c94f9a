import Basics
import Foundation
import FundusImaging
import TestSupport
import Testing

@Suite("Windows of regions") struct ImageWindowTests {
    private let window = ImageWindow(x: 0.3, y: 0.4, halfSide: 0.25)

    /// Every pixel tells where it is.
    private func places(_ side: Int) throws -> PixelImage {
        try PixelImage(
            width: side, height: side,
            bytes: (0..<side * side).flatMap { [UInt8($0 % side), UInt8($0 / side), 100] })
    }

    private func settings(_ resolution: Int, _ window: ImageWindow? = nil) -> ImageSettings {
        ImageSettings(resolution: resolution, crop: .none, window: window)
    }

    @Test("a window holds the photograph's own pixels, mirrored in place for a right eye")
    func pixelsAreTheOriginals() throws {
        // At 60 px a window of half the side is a part of an image of 120 px: the photograph as it is.
        let file = ImageFile(name: "places", bytes: try places(120).png())
        for (side, left) in [(EyeSide.left, 6), (.right, 54)] {
            let image = try FundusReader.prepare(file, settings: settings(60, window), side: side).image
            #expect(image.width == 60 && image.height == 60)
            #expect(image[0, 0].red == UInt8(left) && image[0, 0].green == 18, "\(side)")
            #expect(image[59, 59].red == UInt8(left + 59) && image[59, 59].green == 77, "\(side)")
        }
    }

    @Test("what a window covers is told in shares of the photograph")
    func coverage() throws {
        let file = ImageFile(name: "places", bytes: try places(120).png())
        let place = try FundusReader.prepare(file, settings: settings(60, window), side: .right).coverage
        #expect(abs(place.left - 0.45) < 1e-9 && abs(place.top - 0.15) < 1e-9)
        #expect(abs(place.width - 0.5) < 1e-9 && abs(place.height - 0.5) < 1e-9)
    }

    @Test("several images of a photograph are what each is alone, one after the other")
    func severalImages() throws {
        let file = ImageFile(name: "places", bytes: try places(120).png())
        let others = [settings(60, window), settings(32), settings(32, ImageWindow(x: 0.5, y: 0.5, halfSide: 0.1))]
        let all = try FundusReader.prepare(file, settings: settings(32), others: others, side: .left)
        let each = try ([settings(32)] + others).map {
            try FundusReader.prepare(file, settings: $0, side: .left).image.bytes
        }
        #expect(all.bytes == each.flatMap(\.self))
    }

    @Test("windows outside the image and too large images are refused")
    func refusals() throws {
        func message(_ window: ImageWindow, _ resolution: Int = 32) -> String {
            do {
                try settings(resolution, window).validate()
                return ""
            } catch {
                return error.onOneLine
            }
        }
        #expect(message(window).isEmpty && message(ImageWindow()).isEmpty)
        #expect(
            message(ImageWindow(x: 0.246, y: 0.475, halfSide: 0.25)).contains(
                "the window lies outside the image: x is 0.246 and half_side 0.25, so it reaches from -0.004 to 0.496"))
        #expect(message(ImageWindow(x: 0.5, y: 0.9, halfSide: 0.2)).contains("y is 0.9"))
        #expect(message(ImageWindow(halfSide: 0.6)).contains("half_side is 0.6; allowed are 0.02 to 0.5"))
        #expect(message(ImageWindow(halfSide: 0.02), 224).contains("a part of an image of 5600 pixels"))
    }

    @Test("the side is found by the brightest spot of a disc's size", arguments: [EyeSide.left, .right])
    func estimate(_ side: EyeSide) throws {
        var image = drawnFundus(width: 200, height: 200, centre: (100, 100), radius: 98)
        let centre = side == .left ? 50.0 : 150
        for y in 0..<200 {
            for x in 0..<200 where pow(Double(x) - centre, 2) + pow(Double(y) - 96, 2) < 144 {
                image.bytes.replaceSubrange((y * 200 + x) * 3..<(y * 200 + x) * 3 + 2, with: [250, 220])
            }
        }
        #expect(try EyeSide(estimatedFrom: image) == side)
        let file = ImageFile(name: "eye", bytes: try image.png())
        let macula = settings(50, ImageWindow(x: 0.63, y: 0.52, halfSide: 0.25))
        #expect(
            try FundusReader.prepare(file, settings: macula).image
                == FundusReader.prepare(file, settings: macula, side: side).image)
    }

    @Test("caches of windows depend on the eye, and batches hold all images of a photograph in one view")
    func caches() throws {
        let folder = try TemporaryFolder()
        let paths = try (0..<3).map { number in
            let eye = drawnFundus(width: 90, height: 90, centre: (45, 45), radius: 40, seed: UInt64(number))
            return try folder.write("\(number).png", eye.png())
        }
        let small = settings(24, window)
        func open(_ settings: ImageSettings, _ others: [ImageSettings] = [], _ sides: [EyeSide?]) throws -> ImageCache {
            try ImageCache.open(
                paths: paths, settings: settings, others: others, sides: sides, folder: folder.path + "/cache")
        }
        for sides: [EyeSide?] in [[.left, .right, nil], [.right, .right, .left]] {
            let cache = try open(small, [], sides)
            for (row, side) in sides.enumerated() {
                let expected = try FundusReader.read(path: paths[row], settings: small, side: side).image
                #expect(try cache.image(row) == expected)
            }
        }
        let sides: [EyeSide?] = [.left, .right, .left]
        let both = try open(settings(16), [small], sides)
        let items = [2, 0, 1].map { BatchItem(row: $0, view: 7) }
        func pixels(_ cache: ImageCache) throws -> [UInt8] {
            let loader = try BatchLoader(
                cache: cache, items: items, batchSize: 3, augmentation: AugmentationSettings(), seed: 3)
            return try #require(try loader.next()).pixels
        }
        let (whole, part) = (try pixels(open(settings(16), [], sides)), try pixels(open(small, [], sides)))
        let (one, other) = (16 * 16 * 3, 24 * 24 * 3)
        var expected: [UInt8] = []
        for row in 0..<3 {
            expected += whole[row * one..<(row + 1) * one]
            expected += part[row * other..<(row + 1) * other]
        }
        #expect(try pixels(both) == expected)
    }
}
