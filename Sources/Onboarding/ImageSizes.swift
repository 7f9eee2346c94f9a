import Basics
import Cohorts
import Foundation
import FundusImaging
import Reports

/// How large the photographs of a cohort are, from the headers of a few of them.
struct ImageSizes {
    private let width: Int
    private let height: Int
    private let formats: [String]

    /// Looks at about twenty photographs, evenly spread.
    ///
    /// - Throws: `FoveaError` of kind `data` when none of them can be read.
    init(_ cohort: Cohort) throws {
        let missing = Set(cohort.missingImages)
        let rows = cohort.photographs.indices.filter { !missing.contains($0) }
        let some = stride(from: 0, to: rows.count, by: max(1, rows.count / 20)).map {
            cohort.photographs[rows[$0]].path
        }
        let headers = some.compactMap { try? ImageFile(path: $0).header() }
        guard !headers.isEmpty else {
            throw FoveaError(
                .data,
                "none of \(Pluralization.count(some.count, "photograph")) can be read, such as \(some.first ?? "-")",
                remedy: "`fovea inspect` names them all.")
        }
        func median(_ values: [Int]) -> Int { values.sorted()[values.count / 2] }
        width = median(headers.map(\.width))
        height = median(headers.map(\.height))
        formats = Set(headers.map { $0.format.uppercased() }).sorted()
    }

    /// The side for training: that of the photographs, at most 224, where ImageNet's weights are at home.
    var resolution: Int { min(224, max(32, min(width, height) / 32 * 32)) }

    /// Whether they have been cut to the disc and made small already: there is no surround left to find.
    var areCut: Bool { width == height && width <= 512 }

    /// In words.
    var text: String {
        "\(formats.joined(separator: " and ")), mostly \(NumberFormat.count(width)) x \(NumberFormat.count(height)) pixels; trained at "
            + "\(resolution)" + (areCut ? ", taken as cut to the disc already" : ", cut to the disc")
    }
}
