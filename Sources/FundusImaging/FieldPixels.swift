/// What the pixels of a field of view are like: those in the ellipse of nine tenths of the area's sides, where the disc's
/// edge is not.
struct FieldPixels {
    /// Standard deviation of the Laplacian of the luminance over the mean of the luminance.
    private(set) var sharpness = 0.0
    /// Mean luminance (Rec. 601), 0 to 1.
    private(set) var brightness = 0.0
    /// The share of pixels with green at 250 or above.
    private(set) var overexposed = 0.0
    /// The median of (largest - smallest channel) / largest channel.
    private(set) var saturation = 0.0
    /// The share of pixels with at least as much red as blue.
    private(set) var redShare = 0.0
    /// The share of pixels with red >= green >= blue.
    private(set) var retinalShare = 0.0

    init(_ image: PixelImage) {
        let rows = Self.ellipse(width: image.width, height: image.height)
        let count = rows.reduce(0) { $0 + $1.count }
        guard count > 0 else { return }
        measureColour(image.bytes, rows, count)
        measureLight(Self.luminance(image.bytes), rows, count, width: image.width)
    }

    /// The pixels of each row that are in the ellipse.
    private static func ellipse(width: Int, height: Int) -> [Range<Int>] {
        (0..<height).map { y in
            let across = (Double(y) + 0.5) / Double(height) * 2 - 1
            let half = (0.81 - across * across).squareRoot() / 2 * Double(width)
            guard half > 0 else { return 0..<0 }
            let (left, right) = (Double(width) / 2 - half, (Double(width) / 2 + half).rounded(.up))
            return y * width + Int(left)..<y * width + Int(right)
        }
    }

    private static func luminance(_ bytes: [UInt8]) -> [Float] {
        stride(from: 0, to: bytes.count, by: 3).map {
            0.299 * Float(bytes[$0]) + 0.587 * Float(bytes[$0 + 1]) + 0.114 * Float(bytes[$0 + 2])
        }
    }

    private mutating func measureColour(_ bytes: [UInt8], _ rows: [Range<Int>], _ count: Int) {
        var saturations = [Int](repeating: 0, count: 256)
        var (red, retinal, white) = (0, 0, 0)
        for row in rows {
            for at in row {
                let (r, g, b) = (bytes[3 * at], bytes[3 * at + 1], bytes[3 * at + 2])
                if r >= b { red += 1 }
                if r >= g, g >= b { retinal += 1 }
                if g >= 250 { white += 1 }
                let high = Int(max(r, g, b))
                saturations[(high - Int(min(r, g, b))) * 255 / max(1, high)] += 1
            }
        }
        overexposed = Double(white) / Double(count)
        redShare = Double(red) / Double(count)
        retinalShare = Double(retinal) / Double(count)
        var below = 0
        let median = saturations.firstIndex { number in
            below += number
            return 2 * below >= count
        }
        saturation = Double(median ?? 0) / 255
    }

    private mutating func measureLight(_ luminance: [Float], _ rows: [Range<Int>], _ count: Int, width: Int) {
        var (sum, laplacians, squares) = (0.0, 0.0, 0.0)
        for (y, row) in rows.enumerated() {
            for at in row {
                sum += Double(luminance[at])
                guard at > y * width, at < (y + 1) * width - 1, y > 0, y < rows.count - 1 else { continue }
                let laplacian = Double(
                    luminance[at - 1] + luminance[at + 1] + luminance[at - width] + luminance[at + width]
                        - 4 * luminance[at])
                laplacians += laplacian
                squares += laplacian * laplacian
            }
        }
        let count = Double(count)
        brightness = sum / count / 255
        let variance = max(0, squares / count - laplacians * laplacians / (count * count))
        sharpness = variance.squareRoot() / max(1, sum / count)
    }
}

extension PixelImage {
    /// The median of each channel in the four corners, as they are seen: upper left, upper right, lower left, lower right.
    private var corners: [[UInt8]] {
        let side = max(1, min(width, height) / 24)
        return [(0, 0), (width - side, 0), (0, height - side), (width - side, height - side)].map { left, top in
            (0..<3).map { channel in
                let values = (top..<top + side).flatMap { y in
                    (left..<left + side).map { bytes[(y * width + $0) * 3 + channel] }
                }
                return values.sorted()[values.count / 2]
            }
        }
    }

    /// Whether the local mean was subtracted, as Graham (2015) does and `LocalContrast`: around the retina, and on average,
    /// there is middle grey, and at least a hundredth of the pixels has colour, which other grey images do not have.
    var isMeanSubtracted: Bool {
        func isMiddle(_ value: Int) -> Bool { 120...136 ~= value }
        guard corners.allSatisfy({ $0.allSatisfy { isMiddle(Int($0)) } }) else { return false }
        var sums = [0, 0, 0]
        var coloured = 0
        for at in stride(from: 0, to: bytes.count, by: 3) {
            let (r, g, b) = (bytes[at], bytes[at + 1], bytes[at + 2])
            if max(r, g, b) - min(r, g, b) > 8 { coloured += 1 }
            sums[0] += Int(r)
            sums[1] += Int(g)
            sums[2] += Int(b)
        }
        return 100 * coloured >= width * height && sums.allSatisfy { isMiddle($0 / (width * height)) }
    }

    /// The image with black where it is white, if its surround is white like paper; nil for any other.
    var withoutWhiteSurround: PixelImage? {
        guard corners.allSatisfy({ $0.allSatisfy { $0 >= 250 } }) else { return nil }
        var image = self
        for at in stride(from: 0, to: bytes.count, by: 3) where bytes[at..<at + 3].allSatisfy({ $0 >= 250 }) {
            image.bytes.replaceSubrange(at..<at + 3, with: repeatElement(0, count: 3))
        }
        return image
    }
}
