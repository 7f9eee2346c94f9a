import Basics
import Cohorts
import Execution
import Foundation
import FundusImaging
import RunFiles
import Settings

/// The windows of regions drawn over photographs of a data set, as one image to look at, and how often the side of the eye
/// that is estimated from a photograph is the one of the table.
public struct RegionSheet: Sendable {
    /// The sheet as a JPEG file.
    public let jpeg: Data
    /// What it shows, in words.
    public let text: String

    /// Side of a photograph on the sheet, and of one for the estimate, in pixels.
    private static let (side, smallSide) = (256, 64)
    private static let (columns, rows) = (6, 4)
    private static let colours: [(name: String, rgb: [UInt8])] = [
        ("yellow", [255, 230, 0]), ("light blue", [86, 200, 255]), ("white", [255, 255, 255]),
        ("green", [0, 220, 120]), ("pink", [255, 130, 220]),
    ]

    /// Draws the windows of `regions` over photographs that are spread over the rows of a cohort.
    ///
    /// - Throws: `FoveaError` of kind `data` for an eye that is neither left nor right, or where no photograph can be read;
    ///   `CancellationError`.
    init(_ cohort: Cohort, _ regions: RegionSettings, _ image: ImageSettings, _ context: ExecutionContext) throws {
        let missing = Set(cohort.missingImages)
        let present = cohort.photographs.indices.filter { !missing.contains($0) }
        let (sides, paths) = (try cohort.eyeSides(), cohort.photographs.map(\.path))
        let count = min(Self.columns * Self.rows, present.count)
        let shown = (0..<count).map { present[$0 * present.count / count] }
        var large = image
        (large.resolution, large.window) = (Self.side, nil)
        let settings = large
        let tiles = try mapInParallel(shown.count, threads: context.threads, shouldStop: context.shouldStop) { index in
            try? Self.tile(paths[shown[index]], settings, sides[shown[index]], regions)
        }.compactMap(\.self)
        guard !tiles.isEmpty else {
            throw FoveaError(
                .data, at: FilePlace(cohort.source), "no photograph can be read, so no window can be drawn")
        }
        jpeg = try Self.sheet(tiles).jpeg()
        let windows = regions.windows.enumerated().map { "\($1.region) \(Self.colours[$0 % Self.colours.count].name)" }
        text =
            "\(Pluralization.count(tiles.count, "photograph")) with the windows of \(windows.joined(separator: ", ")). "
            + (try Self.agreement(
                paths, sides.indices.map { missing.contains($0) ? nil : sides[$0] }, settings, context))
    }

    /// A photograph with its windows.
    private static func tile(
        _ path: String, _ settings: ImageSettings, _ side: EyeSide?, _ regions: RegionSettings
    ) throws -> PixelImage {
        var image = try FundusReader.read(path: path, settings: settings).image
        let eye = try side ?? EyeSide(estimatedFrom: image)
        for (index, window) in regions.windows.enumerated() {
            image.outline(window.area.on(eye), colours[index % colours.count].rgb)
        }
        return image
    }

    private static func sheet(_ tiles: [PixelImage]) -> PixelImage {
        let rows = (tiles.count + columns - 1) / columns
        var sheet = PixelImage(width: columns * side, height: rows * side)
        for (number, tile) in tiles.enumerated() {
            for y in 0..<side {
                let to = ((number / columns * side + y) * sheet.width + number % columns * side) * 3
                sheet.bytes.replaceSubrange(to..<to + 3 * side, with: tile.bytes[3 * y * side..<3 * (y + 1) * side])
            }
        }
        return sheet
    }

    /// How often the estimate is what the table says, in words.
    private static func agreement(
        _ paths: [String], _ sides: [EyeSide?], _ settings: ImageSettings, _ context: ExecutionContext
    ) throws -> String {
        guard sides.contains(where: { $0 != nil }) else {
            return "The table says of no photograph which eye it shows: sides are estimated.\n"
        }
        var small = settings
        small.resolution = smallSide
        let image = small
        let eyes = try EyeAgreement(of: sides, threads: context.threads, shouldStop: context.shouldStop) { index in
            try? FundusReader.read(path: paths[index], settings: image).image
        }
        return
            "The eye that is estimated from the photograph is that of the table for \(eyes.agreeing) of \(eyes.compared).\n"
            + (eyes.warning.map { "Warning: \($0)\n" } ?? "")
    }
}

extension PixelImage {
    /// Draws the edge of a window, two pixels wide.
    fileprivate mutating func outline(_ window: ImageWindow, _ rgb: [UInt8]) {
        func pixel(_ share: Double) -> Int { max(0, min(width - 1, Int(share * Double(width)))) }
        let (left, right) = (pixel(window.x - window.halfSide), pixel(window.x + window.halfSide))
        let (top, bottom) = (pixel(window.y - window.halfSide), pixel(window.y + window.halfSide))
        for y in top...bottom {
            for x in left...right
            where min(x - left, right - x) < 2 || min(y - top, bottom - y) < 2 {
                let at = (y * width + x) * 3
                bytes.replaceSubrange(at..<at + 3, with: rgb)
            }
        }
    }
}
