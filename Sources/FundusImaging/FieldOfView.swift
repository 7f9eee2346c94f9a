/// The part of a fundus photograph that shows the retina: a bright disc, often cut at the top and bottom, on black.
public struct FieldOfView: Sendable, Equatable {
    /// The smallest rectangle around the disc, in pixels of the image it was found in.
    public let area: PixelArea
    /// For each row of the image, the columns that the disc covers; empty above and below it.
    public let spans: [Range<Int>]
    /// Whether a disc was found; otherwise the area is the whole image.
    public let isFound: Bool

    /// Looks for the disc. Meant for a reduced image of some hundred pixels: the time grows with the pixels.
    ///
    /// Pixels brighter than the black of the border are taken, the largest connected part of them is the disc, and
    /// rows and columns that it only touches with a few pixels (a hair, a letter) are left out. An image that has no
    /// dark border, or whose bright part is too small or too ragged to be a disc, is taken whole.
    public init(in image: PixelImage) {
        let light = Self.light(of: image)
        let mask = Self.threshold(light, width: image.width, height: image.height).map { limit in
            Self.largestPart(of: light.map { $0 > limit }, width: image.width, height: image.height)
        }
        guard let mask, let area = Self.box(around: mask, width: image.width, height: image.height) else {
            area = PixelArea(left: 0, top: 0, width: image.width, height: image.height)
            spans = Array(repeating: 0..<image.width, count: image.height)
            isFound = false
            return
        }
        self.area = area
        spans = (0..<image.height).map { y in
            guard y >= area.top, y < area.top + area.height else { return 0..<0 }
            let row = mask[y * image.width + area.left..<y * image.width + area.left + area.width]
            guard let first = row.firstIndex(of: true), let last = row.lastIndex(of: true) else { return 0..<0 }
            return first - y * image.width..<last - y * image.width + 1
        }
        isFound = true
    }

    /// Whether it is as round as a camera's field of view: two or more corners of the area lie well outside it. The third and
    /// fourth do not where a photograph is cut at one side.
    var isRound: Bool {
        guard isFound else { return false }
        let (right, bottom, margin) = (area.left + area.width, area.top + area.height, max(1, area.width / 20))
        let inset = area.height / 50
        return [area.top + inset, bottom - 1 - inset].reduce(0) { corners, y in
            let span = spans[y]
            return corners + (span.lowerBound >= area.left + margin ? 1 : 0)
                + (span.upperBound <= right - margin ? 1 : 0)
        } >= 2
    }

    /// The brightest channel of each pixel: red in a retina, whatever the camera's colour cast.
    private static func light(of image: PixelImage) -> [UInt8] {
        image.bytes.withUnsafeBufferPointer { bytes in
            (0..<image.width * image.height).map { max(bytes[3 * $0], bytes[3 * $0 + 1], bytes[3 * $0 + 2]) }
        }
    }

    /// The level between border and retina: a tenth of the way from the black of the border to the bright part.
    ///
    /// The border's black is what the darkest corner shows (noise and letters seldom fill all four); nil when no corner
    /// is clearly darker than the bright part.
    private static func threshold(_ light: [UInt8], width: Int, height: Int) -> UInt8? {
        let side = max(1, min(width, height) / 24)
        let corners = [0, width - side].flatMap { left in
            [0, height - side].map { top in
                quantile(0.5, of: (top..<top + side).flatMap { light[$0 * width + left..<$0 * width + left + side] })
            }
        }
        let bright = quantile(0.9, of: light)
        let black = corners.min() ?? 0
        guard black < 64, bright - black >= 24 else { return nil }
        return UInt8(clamping: black + max(6, (bright - black) / 10))
    }

    /// The smallest level that at least this share of the values does not exceed.
    private static func quantile(_ share: Double, of values: [UInt8]) -> Int {
        var counts = [Int](repeating: 0, count: 256)
        for value in values { counts[Int(value)] += 1 }
        var below = 0
        return counts.firstIndex { count in
            below += count
            return Double(below) >= share * Double(values.count)
        } ?? 255
    }

    /// Keeps the largest 4-connected part of a mask.
    private static func largestPart(of mask: [Bool], width: Int, height: Int) -> [Bool] {
        // A frame of unset pixels saves the check whether a neighbour exists.
        let stride = width + 2
        var isOpen = [Bool](repeating: false, count: stride * (height + 2))
        for y in 0..<height {
            for x in 0..<width { isOpen[(y + 1) * stride + x + 1] = mask[y * width + x] }
        }
        let neighbours = [-1, 1, -stride, stride]
        var best: [Int] = []
        for start in isOpen.indices where isOpen[start] {
            var part = [start]
            isOpen[start] = false
            var done = 0
            while done < part.count {
                for offset in neighbours where isOpen[part[done] + offset] {
                    isOpen[part[done] + offset] = false
                    part.append(part[done] + offset)
                }
                done += 1
            }
            if part.count > best.count { best = part }
        }
        var largest = [Bool](repeating: false, count: mask.count)
        for at in best { largest[(at / stride - 1) * width + at % stride - 1] = true }
        return largest
    }

    /// The rectangle around the disc, or nil when the mask is not a disc.
    private static func box(around mask: [Bool], width: Int, height: Int) -> PixelArea? {
        var columns = [Int](repeating: 0, count: width)
        var rows = [Int](repeating: 0, count: height)
        for y in 0..<height {
            for x in 0..<width where mask[y * width + x] {
                columns[x] += 1
                rows[y] += 1
            }
        }
        let fewInColumn = max(1, height / 50)
        let fewInRow = max(1, width / 50)
        guard let left = columns.firstIndex(where: { $0 >= fewInColumn }),
            let right = columns.lastIndex(where: { $0 >= fewInColumn }),
            let top = rows.firstIndex(where: { $0 >= fewInRow }),
            let bottom = rows.lastIndex(where: { $0 >= fewInRow })
        else { return nil }
        let area = PixelArea(left: left, top: top, width: right - left + 1, height: bottom - top + 1)
        let covered = rows[top...bottom].reduce(0, +)
        let shorter = min(area.width, area.height)
        let longer = max(area.width, area.height)
        guard covered * 2 >= area.width * area.height, covered * 10 >= width * height, shorter * 2 >= longer
        else { return nil }
        return area
    }
}
