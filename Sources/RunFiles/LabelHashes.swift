import Basics
import Cohorts
import Settings

/// Decides whether label and attribute files are those that a run was made with.
package struct LabelHashes: Equatable {
    /// The hash of each label table, by its path.
    package let tables: [String: String]
    /// The hash of the attribute file; nil without one.
    package let attributes: String?

    /// The hashes of the bytes that were parsed.
    ///
    /// - Parameter data: with the paths to file the hashes under, in the order of the cohort's tables.
    package init(_ data: DataSettings, _ cohort: Cohort, _ attributes: ClassAttributes?) {
        let paths = data.tables.isEmpty ? [data.table] : data.tables.map(\.path)
        tables = Dictionary(zip(paths, cohort.tables.map(\.sha256))) { first, _ in first }
        self.attributes = attributes?.sha256
    }
}
