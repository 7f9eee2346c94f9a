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
        limits = try #require(QualityLimits(training: qualities.compactMap(\.self)))
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

    /// A model whose own training images are of another kind refuses none.
    @Test func limitsComeFromTheTrainingImages() throws {
        #expect(limits.refusesOthers && limits.images == eyes.count && limits.isPossible)
        #expect(limits.minimumField == QualityLimits.standard.minimumField)
        let grey = try quality(changed(eyes[0]) { [$0[1], $0[1], $0[1]] })
        #expect(QualityLimits(training: [grey, try quality(eyes[0])])?.refusesOthers == false)
        #expect(QualityLimits(training: []) == nil)
    }
}
