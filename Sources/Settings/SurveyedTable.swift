import Basics
import Cohorts
import Foundation
import FundusImaging

/// The three usual parts of a published data set, recognised in the names of files and folders.
package enum SplitWord: String, CaseIterable {
    case train
    case val
    case test

    /// The part that a name refers to: the last such word in it, such as "train" in "RFMiD_Training_Labels.csv".
    package init?(in name: String) {
        let words = name.lowercased().split { !$0.isLetter }
        let found = words.compactMap { word -> SplitWord? in
            switch word {
            case "train", "training": .train
            case "val", "valid", "validation", "eval", "evaluation": .val
            case "test", "testing": .test
            default: nil
            }
        }
        guard let last = found.last else { return nil }
        self = last
    }
}

/// Where the photographs of a table are.
package struct ImagePlace {
    /// Relative to the folder that was listed.
    package var folder: String
    /// The file's name around the image cell; nil when the cell is the name.
    package var pattern: String?
    /// How many of the table's images were found there.
    package var found: Int
}

/// A CSV file that may hold labels: what its columns are and which images it names.
package struct SurveyedTable {
    /// The path.
    package let path: String
    /// Its name for people and for `SplitWord`.
    package let name: String
    /// The cells of the image column.
    package let images: [String]
    /// Columns of 0, 1 and empty cells, those with mistakes among them included; or the classes that `classNames` holds.
    package let labels: [String]
    /// Columns that are neither labels nor known.
    package let others: [String]
    /// The column that names the class of each image; nil where classes have columns of their own.
    package let classNames: String?
    /// Whether each row has exactly one label and nothing unknown.
    package let hasOneLabelEach: Bool
    /// The different values of the fold column, where there is one, that are whole numbers.
    package let folds: [Int]
    /// The different values of the split column.
    package let splits: [String]

    /// The part of the data set that it stands for, by its name.
    package var word: SplitWord? { SplitWord(in: name) }

    /// Reads a table.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is not CSV or names no images.
    package init(path: String, name: String) throws {
        let read = try CSVTable(path: path)
        let named = try read.expandingClassNames()
        let table = named?.table ?? read
        classNames = read.classNameColumn.map { read.header[$0] }
        let lower = table.header.map { $0.lowercased() }
        let image = try table.imageColumn()
        func values(_ column: Int?) -> [String] {
            guard let column else { return [] }
            let all = (0..<table.rowCount).map { table[$0, column].trimmingCharacters(in: .whitespaces) }
            return Set(all).subtracting([""]).sorted()
        }
        let isLabel = table.header.indices.map { column -> Bool in
            if let named { return named.classes.contains(table.header[column]) }
            guard !CSVTable.columnsBesideClasses.contains(lower[column]) else { return false }
            let found = (0..<table.rowCount).map { table.label(row: $0, column: column) }
            // Text is a column of which most cells are not labels. A class column with mistakes in it is one
            // nevertheless: the reader names the cell.
            return found.count { $0 == nil } <= found.count { $0 == 0 || $0 == 1 }
        }
        let columns = table.header.indices.filter { isLabel[$0] }
        self.path = path
        self.name = name
        images = (0..<table.rowCount).map { table[$0, image].trimmingCharacters(in: .whitespaces) }
        labels = columns.map { table.header[$0] }
        others = table.header.indices
            .filter { !isLabel[$0] && !CSVTable.columnsBesideClasses.contains(lower[$0]) }.map { table.header[$0] }
        folds = Set(values(lower.firstIndex(of: "fold")).compactMap(Photograph.fold)).sorted()
        splits = values(lower.firstIndex(of: "split"))
        hasOneLabelEach =
            !images.isEmpty
            && images.indices.allSatisfy { row in
                let found = columns.map { table.label(row: row, column: $0) }
                return found.count { $0 == 1 } == 1 && found.allSatisfy { $0 == 0 || $0 == 1 }
            }
    }

    /// Whether it labels the same classes as another one: of named ones some may have no image.
    package func hasClasses(of other: SurveyedTable) -> Bool {
        classNames.map { $0 == other.classNames } ?? (Set(labels) == Set(other.labels))
    }

    /// Where most of its images are. A place whose name refers to another part of the data set counts only when there
    /// is not a better one: RFMiD numbers the images of each part from 1.
    package func place(in listing: FolderListing) -> ImagePlace {
        var best = (place: ImagePlace(folder: "", pattern: nil, found: 0), fits: 0)
        for folder in Self.candidates(listing) {
            for pattern in [nil] + patterns(in: folder, listing) {
                let found = images.count { image in
                    listing.file(pattern?.replacingOccurrences(of: "{ID}", with: image) ?? image, in: folder) != nil
                }
                guard found > 0 else { continue }
                let other = SplitWord(in: pattern ?? "") ?? SplitWord(in: folder)
                let fits = word == nil || other == nil ? 1 : word == other ? 2 : 0
                if (fits, found) > (best.fits, best.place.found) {
                    best = (ImagePlace(folder: folder, pattern: pattern, found: found), fits)
                }
            }
        }
        return best.place
    }

    /// Folders with images and those above them, for tables that name images with a folder in front.
    private static func candidates(_ listing: FolderListing) -> [String] {
        var all: Set<String> = [""]
        for folder in listing.images.keys {
            var path = folder
            while !path.isEmpty, all.insert(path).inserted { path = PathName.folder(of: path) }
        }
        return all.sorted()
    }

    /// "train_{ID}" and the like, where a folder has files such as "train_17.png" and the table says 17.
    private func patterns(in folder: String, _ listing: FolderListing) -> [String] {
        guard images.prefix(20).allSatisfy({ Int($0) != nil }) else { return [] }
        let stems = (listing.images[folder] ?? []).map(PathName.stem)
        let prefixes = Set(stems.map { stem in stem.prefix(stem.count - stem.reversed().prefix { $0.isNumber }.count) })
        return prefixes.filter { !$0.isEmpty }.sorted().prefix(20).map { $0 + "{ID}" }
    }
}
