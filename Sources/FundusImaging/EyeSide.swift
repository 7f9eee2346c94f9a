import Basics

/// Which eye a photograph shows.
public enum EyeSide: String, NamedChoice, Sendable {
    /// The patient's left eye: the optic disc is on the left of the photograph, the macula right of it.
    case left
    /// The patient's right eye, which is mirrored.
    case right
}

extension EyeSide {
    /// Side of the image in which the optic disc is looked for, and where that is in a left eye, in pixels.
    private static let (side, columns, rows) = (64, 8...24, 24...38)

    /// The side on which the optic disc seems to be: on the left or right, the brightest spot of about a disc's size
    /// relative to what surrounds it. Always an answer; where no disc can be seen, chance decides.
    public init(estimatedFrom square: PixelImage) throws {
        let whole = PixelArea(left: 0, top: 0, width: square.width, height: square.height)
        let small = try BrightnessSums(square.cropped(to: whole, width: Self.side, height: Self.side))
        func brightest(isMirrored: Bool) -> Double {
            var best = -Double.infinity
            for y in Self.rows {
                for column in Self.columns {
                    let x = isMirrored ? Self.side - 1 - column : column
                    // A disc has about an eighth of the field's diameter.
                    guard let spot = small.mean(x, y, radius: 2, covered: 0.9),
                        let around = small.mean(x, y, radius: 7, covered: 0)
                    else { continue }
                    best = max(best, spot - around)
                }
            }
            return best
        }
        self = brightest(isMirrored: false) >= brightest(isMirrored: true) ? .left : .right
    }
}

/// How often the eye that is estimated from a photograph is the one that a table names.
public struct EyeAgreement: Codable, Sendable, Equatable {
    /// Photographs of which the table names the eye, as far as they were compared.
    public let compared: Int
    /// Those of them of which the estimate is the same.
    public let agreeing: Int

    /// Compares photographs.
    ///
    /// - Parameters:
    ///   - sides: the eye of each as the table names it; nil where it does not.
    ///   - limit: the most that are compared, spread over all.
    ///   - image: the prepared photograph of an index; nil where it cannot be read.
    /// - Throws: what `image` throws; `CancellationError`.
    public init(
        of sides: [EyeSide?], atMost limit: Int = .max, threads: Int, shouldStop: () -> Bool,
        image: @Sendable (_ index: Int) throws -> PixelImage?
    ) throws {
        let known = sides.indices.filter { sides[$0] != nil }
        let count = min(limit, known.count)
        let chosen = (0..<count).map { known[$0 * known.count / count] }
        let progress = ProgressReporter("Sides of eyes", total: count, unit: "images")
        let found = try mapInParallel(count, threads: threads, progress: progress, shouldStop: shouldStop) { place in
            Result { try image(chosen[place]).map { try EyeSide(estimatedFrom: $0) == sides[chosen[place]] } }
        }.compactMap { try $0.get() }
        progress.finish()
        (compared, agreeing) = (found.count, found.count { $0 })
    }

    /// What a reader should mind where the column of the table seems to be wrong: where more than a fifth differs, as the
    /// estimate is wrong for a twentieth of photographs (docs/method.md). Nil otherwise.
    public var warning: String? {
        guard compared - agreeing > compared / 5 else { return nil }
        return
            "the eye that the table names is the one that is estimated from the photograph for \(agreeing) of \(compared) only; "
            + "if left and right are exchanged in the table, windows lie on the wrong side: look at "
            + "`fovea inspect CONFIG --regions sheet.jpg`"
    }
}

/// Sums of brightness over the rectangle from the upper left corner to each pixel, of which those of any rectangle follow;
/// black around the field counts nowhere.
private struct BrightnessSums {
    private let side: Int
    private var values: [Int]
    private var counts: [Int]

    init(_ image: PixelImage) {
        side = image.width
        let stride = side + 1
        values = Array(repeating: 0, count: stride * stride)
        counts = values
        for y in 0..<side {
            for x in 0..<side {
                let pixel = image[x, y]
                // Discs stand out in red and green; blue is mostly noise.
                let light = Int(pixel.red) + Int(pixel.green)
                let isField = light + Int(pixel.blue) > 60
                let at = (y + 1) * stride + x + 1
                func above(_ sums: [Int]) -> Int { sums[at - stride] + sums[at - 1] - sums[at - stride - 1] }
                values[at] = above(values) + (isField ? light : 0)
                counts[at] = above(counts) + (isField ? 1 : 0)
            }
        }
    }

    /// The mean over a square, as far as it lies in the field; nil where less than a share of it does, or nothing.
    func mean(_ x: Int, _ y: Int, radius: Int, covered share: Double) -> Double? {
        let (left, right) = (max(0, x - radius), min(side, x + radius + 1))
        let (top, bottom) = (max(0, y - radius), min(side, y + radius + 1))
        func sum(_ sums: [Int]) -> Int {
            func at(_ x: Int, _ y: Int) -> Int { sums[y * (side + 1) + x] }
            return at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top)
        }
        let count = sum(counts)
        guard count > 0, Double(count) >= share * Double((right - left) * (bottom - top)) else { return nil }
        return Double(sum(values)) / Double(count)
    }
}
