import Basics
import Foundation
import FundusImaging
import Phantoms
import Testing

/// The judgement of images, on phantoms and on what is made of them.
@Suite struct PhantomQualityTests {
    private let eyes: [PixelImage]
    private let limits: QualityLimits

    init() throws {
        let painter = PhantomPainter(seed: 5, side: 256)
        eyes = try (0..<6).map { try painter.paint(patient: $0, eye: .right, findings: []) }
        let qualities = try eyes.map { eye in
            try FundusReader.prepare(
                ImageFile(name: "eye", bytes: eye.png()), settings: .init(resolution: 128), withQuality: true
            ).quality
        }
        // As strict as the phantoms allow; `calibrate` only widens.
        let measures = qualities.compactMap { $0?.measures }
        var limits = QualityLimits.standard
        limits.minimumSharpness = try #require(measures.compactMap(\.sharpness).min())
        limits.minimumBrightness = try #require(measures.map(\.brightness).min())
        limits.maximumBrightness = try #require(measures.map(\.brightness).max())
        limits.maximumOverexposed = try #require(measures.map(\.overexposed).max())
        self.limits = limits
    }

    private func quality(_ image: PixelImage, crop: ImageSettings.Crop = .fieldOfView) throws -> ImageQuality {
        try #require(
            try FundusReader.prepare(
                ImageFile(name: "image", bytes: image.png()), settings: .init(resolution: 128, crop: crop),
                withQuality: true
            ).quality)
    }

    private func changed(_ image: PixelImage, _ change: ([UInt8]) -> [UInt8]) throws -> PixelImage {
        try PixelImage(
            width: image.width, height: image.height,
            bytes: stride(from: 0, to: image.bytes.count, by: 3).flatMap { change(Array(image.bytes[$0..<$0 + 3])) })
    }

    private func times(_ factor: Double) -> ([UInt8]) -> [UInt8] {
        { $0.map { UInt8(min(255, Double($0) * factor)) } }
    }

    private func part(_ image: PixelImage, left: Int = 0, top: Int = 0, _ width: Int, _ height: Int) throws
        -> PixelImage
    {
        try image.cropped(
            to: PixelArea(left: left, top: top, width: width, height: height), width: width, height: height)
    }

    private func small(_ image: PixelImage, side: Int) throws -> PixelImage {
        let reduced = try image.cropped(
            to: PixelArea(left: 0, top: 0, width: 256, height: 256), width: side, height: side)
        var result = PixelImage(width: 256, height: 256)
        let corner = (256 - side) / 2
        for y in 0..<side {
            let to = ((y + corner) * 256 + corner) * 3
            result.bytes.replaceSubrange(to..<to + side * 3, with: reduced.bytes[y * side * 3..<(y + 1) * side * 3])
        }
        return result
    }

    @Test func phantomsAreFundusPhotographsWithoutWarnings() throws {
        for (number, eye) in eyes.enumerated() {
            for crop in [ImageSettings.Crop.none, .fieldOfView] {
                let quality = try quality(eye, crop: crop)
                #expect(quality.fault == nil, "\(number)")
                let warnings = quality.warnings(limits)
                // The darkest and the brightest of the phantoms are limits themselves, which rounding may cross.
                #expect(!warnings.contains("small field") && !warnings.contains("cut field"), "\(number): \(warnings)")
            }
            #expect(try self.quality(eye).warnings(limits).isEmpty, "\(number)")
        }
    }

    @Test func whatIsPoorIsSaidAndNothingElse() throws {
        for (number, eye) in eyes.enumerated() {
            let blurred = try eye.cropped(
                to: PixelArea(left: 0, top: 0, width: 256, height: 256), width: 24, height: 24
            )
            .cropped(to: PixelArea(left: 0, top: 0, width: 24, height: 24), width: 256, height: 256)
            for (image, word) in [
                (blurred, "blurred"), (try changed(eye, times(0.3)), "dark"), (try changed(eye, times(2)), "bright"),
                (try part(eye, left: 100, 156, 256), "cut field"), (try small(eye, side: 110), "small field"),
            ] {
                let quality = try quality(image)
                #expect(quality.fault == nil, "\(number), \(word): \(quality)")
                #expect(quality.warnings(limits).contains(word), "\(number), \(word): \(quality)")
                if ["dark", "cut field", "small field"].contains(word) {
                    #expect(!quality.warnings(limits).contains("blurred"), "\(number), \(word)")
                }
            }
        }
    }

    @Test func otherImagesAreNotFundusPhotographs() throws {
        let eye = eyes[0]
        var random = SeededRandom(seed: 1)
        let noise = try PixelImage(
            width: 96, height: 96, bytes: (0..<96 * 96 * 3).map { _ in UInt8(random.index(below: 256)) })
        let stripes = try PixelImage(
            width: 64, height: 64,
            bytes: (0..<64 * 64).flatMap { at in
                let (x, y) = (at % 64, at / 64)
                let isInside = 8..<56 ~= x && 8..<56 ~= y
                return [UInt8](repeating: isInside ? (x / 4 % 2 == 0 ? 90 : 166) : 128, count: 3)
            })
        for (image, words) in [
            (
                try changed(eye) {
                    let mean = $0.reduce(0) { $0 + Int($1) } / 3; return [UInt8](repeating: UInt8(mean), count: 3)
                }, "grey"
            ),
            (try changed(eye) { $0.reversed() }, "bluer"), (try changed(eye) { $0.map { 255 - $0 } }, "bluer"),
            (noise, "no field of view"), (PixelImage(width: 90, height: 70), "black"),
            (PixelImage(width: 90, height: 70, red: 255, green: 255, blue: 255), "white"),
            (PixelImage(width: 90, height: 70, red: 160, green: 80, blue: 30), "of one colour"),
            (PixelImage(width: 1, height: 1, red: 9, green: 90, blue: 9), "of one colour"),
            (PixelImage(width: 64, height: 64, red: 128, green: 128, blue: 128), "of one colour"), (stripes, "grey"),
        ] {
            let fault = try quality(image).fault
            #expect(fault?.contains(words) == true, "\(words): \(fault ?? "none")")
            #expect(try quality(image, crop: .none).fault != nil, "\(words)")
        }
    }

    /// The middle of a photograph has no border, an eye on paper has a white one, and some sets come with the mean subtracted.
    @Test func photographsWithoutABlackBorderAreTaken() throws {
        for eye in eyes {
            #expect(try quality(part(eye, left: 60, top: 60, 136, 136)).fault == nil)
            var isInside = false
            let paper = try changed(eye) { pixel in
                isInside = pixel.contains { $0 > 8 }
                return isInside ? pixel : [255, 255, 255]
            }
            #expect(try quality(paper).fault == nil)
        }
        let subtracted = try quality(
            changed(eyes[0]) { $0.contains { $0 > 8 } ? [$0[0] / 8 + 112, $0[1] / 8 + 118, 128] : [128, 128, 128] })
        #expect(subtracted.fault == nil && subtracted.measures == nil && subtracted.warnings(limits).isEmpty)
    }

    /// They are never stricter than those built in, and few images or other images decide none.
    @Test func trainingImagesWidenTheLimits() throws {
        func learnt(_ image: PixelImage, _ count: Int) throws -> QualityLimits {
            try #require(QualityLimits(training: Array(repeating: quality(image), count: count)))
        }
        var standard = QualityLimits.standard
        standard.images = 100
        #expect(try learnt(eyes[0], 100) == standard)
        let night = try changed(eyes[0], times(0.2))
        let wide = try learnt(night, 100)
        #expect(wide.refusesOthers && wide.isPossible && wide.images == 100)
        #expect(wide.minimumBrightness == (try quality(night).measures?.brightness))
        #expect(wide.maximumBrightness == standard.maximumBrightness)
        standard.images = 99
        #expect(try learnt(night, 99) == standard)
        let grey = try learnt(changed(night) { [$0[1], $0[1], $0[1]] }, 100)
        #expect(!grey.refusesOthers && grey.minimumBrightness == standard.minimumBrightness)
        #expect(QualityLimits(training: []) == nil)
    }
}
