import Basics
import Cohorts

/// Parts of some photographs that the columns of their label table make.
struct TableSubgroups {
    /// The photographs with one value.
    struct Group: Equatable {
        var column: String
        var value: String
        /// Places among the photographs.
        var places: Set<Int>
        /// Places of all photographs with a value in the column.
        var known: [Int]
    }

    /// How many different values a column may have.
    static let valueCounts = 2...10

    /// Every column with 2 to 10 values that is no class and does not say which images train, and the age in bands.
    ///
    /// Of several tables only the columns that Fovea knows are taken.
    let groups: [Group]

    init(_ data: LabelledPhotographs) throws {
        let photographs = data.rows.map { data.cohort.photographs[$0] }
        var columns: [(name: String, values: [String?])] = []
        if data.cohort.tables.count == 1, let source = data.cohort.tables.first {
            columns = try Self.columns(of: source.path, images: photographs.map(\.image), classes: data.cohort.classes)
        } else {
            columns = [("eye", photographs.map(\.eye)), ("sex", photographs.map(\.sex))]
        }
        columns.append(("age", photographs.map { $0.age.map(Self.band) }))
        groups = columns.flatMap(Self.groups)
    }

    private static func columns(
        of path: String, images: [String], classes: [String]
    ) throws -> [(name: String, values: [String?])] {
        let table = try CSVTable(path: path)
        let image = try table.imageColumn()
        let names = table.classNameColumn
        let rows = Dictionary((0..<table.rowCount).map { (table[$0, image], $0) }) { first, _ in first }
        return table.header.enumerated().compactMap { column, name in
            let isOther = (["patient", "split", "fold", "age"] + CSVTable.imageColumns).contains(name.lowercased())
            guard column != image, column != names, !isOther, !classes.contains(name) else { return nil }
            return (
                name,
                images.map { image in
                    rows[image].map { table[$0, column] }.flatMap { $0.isEmpty ? nil : $0 }
                }
            )
        }
    }

    private static func groups(_ column: String, _ values: [String?]) -> [Group] {
        let known = values.indices.filter { values[$0] != nil }
        let places = Dictionary(grouping: known) { values[$0] ?? "" }
        guard valueCounts.contains(places.count) else { return [] }
        return places.sorted { $0.key < $1.key }.map {
            Group(column: column, value: $0.key, places: Set($0.value), known: known)
        }
    }

    private static func band(_ age: Double) -> String {
        switch age {
        case ..<40: "0 to 39"
        case ..<60: "40 to 59"
        case ..<80: "60 to 79"
        default: "80 and more"
        }
    }
}
