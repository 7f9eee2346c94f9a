import Basics

/// What tells whether the files that say what is on the photographs are those that a run was made with.
struct LabelHashes: Equatable {
    /// The hash of each label table, by its path.
    let tables: [String: String]
    /// The hash of the attribute file; nil without one.
    let attributes: String?

    init(_ data: DataSettings) throws {
        let paths = Set((data.tables.map(\.path) + [data.table]).filter { !$0.isEmpty })
        tables = try Dictionary(uniqueKeysWithValues: paths.map { ($0, try Digest.sha256(fileAt: $0)) })
        attributes = try data.attributes.map { try Digest.sha256(fileAt: $0) }
    }
}
