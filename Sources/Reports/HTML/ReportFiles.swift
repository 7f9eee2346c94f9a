import Basics
import Foundation

/// The files that `fovea report` writes, and no others of their names.
package enum ReportFiles {
    private static let marks = [HTMLPage.mark, "\"fovea\" : ", "library_name: fovea"]

    /// Refuses to replace a file that someone else wrote.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    package static func requireOwn(_ paths: [String]) throws {
        for path in paths {
            guard let text = try RegularFile.contents(of: path, atMost: 1 << 28),
                !marks.contains(where: { text.range(of: Data($0.utf8)) != nil })
            else { continue }
            throw FoveaError(
                .configuration, "\(path) is there already and was not written by `fovea report`",
                remedy: "Move it away, or give it another name.")
        }
    }
}
