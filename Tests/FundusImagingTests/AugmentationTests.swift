import Basics
import Foundation
import FundusImaging
import Testing

@Suite("Augmentation") struct AugmentationTests {
    struct Golden: Decodable {
        struct View: Decodable {
            var flipX, flipY: Bool
            var angle, scale, centreX, centreY, brightness, contrast, saturation, hue: Double
            var pixels: [Int]

            var augmentation: Augmentation {
                var result = Augmentation()
                (result.flipX, result.flipY) = (flipX, flipY)
                (result.angle, result.scale) = (angle, scale)
                (result.centreX, result.centreY) = (centreX, centreY)
                (result.brightness, result.contrast) = (brightness, contrast)
                (result.saturation, result.hue) = (saturation, hue)
                return result
            }
        }
        var resolution: Int
        var picture: [Int]
        var views: [View]
    }

    private func apply(_ augmentation: Augmentation, _ pixels: [UInt8], _ resolution: Int) -> [UInt8] {
        var result = [UInt8](repeating: 77, count: pixels.count)
        pixels.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { augmentation.apply(source, resolution: resolution, into: $0) }
        }
        return result
    }

    @Test("views follow their definition to one grey level per rounding (Golden/views.py)")
    func golden() throws {
        let golden: Golden = try Files.json("views.json")
        let picture = golden.picture.map { UInt8($0) }
        #expect(golden.views.count == 9)
        for view in golden.views {
            let result = apply(view.augmentation, picture, golden.resolution)
            let worst = zip(result, view.pixels).map { abs(Int($0) - $1) }.max() ?? 255
            let isWarped = view.scale != 1 || view.angle.truncatingRemainder(dividingBy: 90) != 0
            let isColoured = view.saturation != 1 || view.hue != 0
            #expect(worst <= (isWarped ? 2 : 0) + (isColoured ? 2 : 0) + (view.contrast == 1 ? 0 : 1), "\(view)")
        }
    }

    @Test("the same seed, content and view give the same view; any other gives another")
    func purity() {
        let settings = AugmentationSettings()
        func draw(_ seed: UInt64, _ key: UInt64, _ view: Int) -> Augmentation {
            Augmentation(settings: settings, seed: seed, contentKey: key, view: view)
        }
        #expect(draw(1, 2, 3) == draw(1, 2, 3))
        let others = [draw(1, 2, 4), draw(1, 3, 3), draw(2, 2, 3), draw(3, 2, 1), draw(1, 2, -3), draw(1, 2, 3)]
        #expect(Set(others).count == others.count)
    }

    @Test("one setting does not move what another draws")
    func independence() {
        var narrow = AugmentationSettings()
        narrow.rotation = 0
        narrow.smallestScale = 1
        let a = Augmentation(settings: AugmentationSettings(), seed: 5, contentKey: 6, view: 7)
        let b = Augmentation(settings: narrow, seed: 5, contentKey: 6, view: 7)
        #expect(a.flipX == b.flipX && a.brightness == b.brightness && a.contrast == b.contrast)
        #expect(b.angle == 0 && b.scale == 1 && b.centreX == 0.5 && b.centreY == 0.5)
    }

    @Test("parameters fill their ranges evenly and the window stays inside the image")
    func ranges() {
        var settings = AugmentationSettings()
        (settings.verticalFlip, settings.saturation, settings.hue) = (0.25, 0.3, 20)
        let views = (0..<4000).map { Augmentation(settings: settings, seed: 9, contentKey: 1, view: $0) }
        func check(_ name: String, _ value: (Augmentation) -> Double, _ low: Double, _ high: Double) {
            let values = views.map(value)
            let mean = values.reduce(0, +) / Double(values.count)
            let span = high - low
            #expect(values.allSatisfy { $0 >= low && $0 <= high }, "\(name)")
            #expect(abs(mean - (low + high) / 2) < 0.03 * span, "\(name) \(mean)")
            #expect((values.min() ?? high) < low + 0.02 * span && (values.max() ?? low) > high - 0.02 * span, "\(name)")
        }
        check("angle", \.angle, -10, 10)
        check("scale", \.scale, 0.75, 1)
        check("brightness", \.brightness, 0.8, 1.2)
        check("contrast", \.contrast, 0.8, 1.2)
        check("saturation", \.saturation, 0.7, 1.3)
        check("hue", \.hue, -20, 20)
        check("place", { ($0.centreX - $0.scale / 2) / (1 - $0.scale) }, -1e-9, 1 + 1e-9)
        #expect(views.allSatisfy { $0.centreY >= $0.scale / 2 && $0.centreY <= 1 - $0.scale / 2 })
        #expect(abs(Double(views.filter(\.flipX).count) / 4000 - 0.5) < 0.03)
        #expect(abs(Double(views.filter(\.flipY).count) / 4000 - 0.25) < 0.03)
    }

    @Test("no augmentation is an exact copy, a mirror of a mirror too, and sides of 1 and 2 work")
    func identity() {
        var random = SeededRandom(seed: 3)
        for side in [1, 2, 31] {
            let pixels = (0..<side * side * 3).map { _ in UInt8(random.index(below: 256)) }
            let none = Augmentation(settings: .none, seed: 1, contentKey: 2, view: 3)
            #expect(none == Augmentation())
            #expect(apply(none, pixels, side) == pixels)
            var mirror = Augmentation()
            (mirror.flipX, mirror.flipY) = (true, true)
            #expect(apply(mirror, apply(mirror, pixels, side), side) == pixels)
            let turned = Augmentation(settings: AugmentationSettings(), seed: 1, contentKey: 2, view: 3)
            #expect(apply(turned, pixels, side).count == pixels.count)
        }
    }

    @Test("buffers that are too short are left alone")
    func shortBuffers() {
        #expect(apply(Augmentation(), [1, 2, 3], 5) == [77, 77, 77])
    }

    @Test("settings outside their ranges are refused by name")
    func validation() throws {
        #expect(throws: Never.self) { try AugmentationSettings().validate() }
        let bad: [(String, WritableKeyPath<AugmentationSettings, Double>, Double)] = [
            ("rotation", \.rotation, -1), ("smallestScale", \.smallestScale, 0), ("brightness", \.brightness, .nan),
            ("hue", \.hue, 181),
        ]
        for (name, property, value) in bad {
            var settings = AugmentationSettings()
            settings[keyPath: property] = value
            let error = try #require(throws: FoveaError.self) { try settings.validate() }
            #expect(error.kind == .configuration && error.message.hasPrefix(name), "\(error)")
        }
        #expect(throws: FoveaError.self) { try ImageSettings(resolution: 8).validate() }
        #expect(throws: FoveaError.self) { try ImageSettings(resolution: 64, pixelLimit: 0).validate() }
    }
}
