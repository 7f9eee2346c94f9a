import Basics
import Foundation

/// The files that `fovea report` writes, and no others of their names.
package enum ReportFiles {
    private static let marks = [HTMLPage.mark, "\"fovea\" : "]

    /// Refuses to replace a page, or its numbers, that someone else wrote.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    package static func requireOwn(_ paths: [String]) throws {
        for path in paths where try !isOwn(path) {
            throw FoveaError(
                .configuration, "\(path) is there already and was not written by `fovea report`",
                remedy: "Move it away, or give it another name.")
        }
    }

    /// Removes what was written about results that are replaced: a page that cannot be written again is then none, and not
    /// one of other results. A card that was changed stays.
    package static func removeOwn(_ paths: [String]) {
        for path in paths where (try? isOwn(path)) ?? false { unlink(path) }
    }

    /// Whether a file may be replaced: it is not there, or was written by the command and, being a card, not changed since.
    package static func isOwn(_ path: String) throws -> Bool {
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 28) else { return true }
        return marks.contains { data.range(of: Data($0.utf8)) != nil } || CardSeal.isWhole(data)
    }
}
