import Basics
import Foundation
import FundusImaging
import Settings

/// The label tables of a folder that belong together: one, or one for each part of the data set.
struct LabelTableChoice {
    /// The tables to use, training first, each with the place of its images.
    let chosen: [(table: SurveyedTable, place: ImagePlace)]
    /// Names of other tables with labels.
    let passedOver: [String]

    /// Chooses the tables that label the most images; among equal ones those without rows that lack an image, then those
    /// that say which images train.
    ///
    /// - Throws: `FoveaError` of kind `data` when no table labels any image of the folder.
    init(_ listing: FolderListing) throws {
        var problems: [String] = []
        var tables: [(table: SurveyedTable, place: ImagePlace)] = []
        for name in listing.tables {
            do {
                let table = try SurveyedTable(path: PathName.joined(listing.folder, name), name: name)
                guard !table.labels.isEmpty else {
                    problems.append(
                        "\(name): no column of 0 and 1, and none called label with the names of classes; it has "
                            + Pluralization.listing(table.others))
                    continue
                }
                let place = table.place(in: listing)
                if place.found == 0 {
                    let first = table.images.first ?? "-"
                    let images = listing.images.lazy.flatMap { folder, names in
                        names.lazy.map { PathName.joined(folder, $0) }
                    }
                    let alike = images.first { $0.lowercased().hasSuffix(first.lowercased()) }
                    problems.append(
                        "\(name): none of its images is there, such as \(first)"
                            + (alike.map { "; there is \($0), which differs in upper and lower case" } ?? ""))
                } else {
                    tables.append((table, place))
                }
            } catch let error as FoveaError {
                problems.append(([error.message] + [error.remedy].compactMap(\.self)).joined(separator: ". "))
            }
        }
        var candidates = tables.map { [$0] }
        let parts = SplitWord.allCases.compactMap { word in tables.first { $0.table.word == word } }
        if parts.count > 1, let first = parts.first,
            parts.allSatisfy({ $0.table.hasClasses(of: first.table) && $0.table.splits.isEmpty })
        {
            candidates.append(parts)
        }
        let best = candidates.max { Self.rank($0).lexicographicallyPrecedes(Self.rank($1)) }
        guard let best else {
            throw FoveaError(
                .data,
                listing.tables.isEmpty
                    ? "no label table (a CSV file) was found in \(listing.folder)"
                    : "no CSV file in \(listing.folder) labels its photographs:",
                listing: Array(problems.prefix(5)),
                remedy: (listing.tables.isEmpty ? Self.tableOfFolders(listing) : nil)
                    ?? "A label table has a column \"image\" with the files' names, and one column of 0 and 1 for each class "
                    + "or one column \"label\" with the name of each image's class.")
        }
        chosen = best
        let used = Set(best.map(\.table.name))
        passedOver = tables.map(\.table.name).filter { !used.contains($0) }
    }

    /// How a table is made where each class has a folder; nil where folders lie otherwise.
    private static func tableOfFolders(_ listing: FolderListing) -> String? {
        let places = listing.images.keys.map { $0.split(separator: "/").map(String.init) }
        let isDivided = places.allSatisfy { $0.first.flatMap(SplitWord.init(in:)) != nil }
        let depth = isDivided ? 2 : 1
        let classes = Set(places.compactMap(\.last)).sorted()
        guard classes.count > 1, places.allSatisfy({ $0.count == depth }) else { return nil }
        let (header, files, row) =
            isDivided
            ? ("image,split,label", "*/*/*", "d=${f%/*}; echo \"$f,${d%/*},${d#*/}\"")
            : ("image,label", "*/*", "echo \"$f,${f%/*}\"")
        return "Where each class has a folder (\(Pluralization.listing(classes, limit: 3))), this makes the table: "
            + "(cd \(ShellWord.quoted(listing.folder)) && (echo \(header); for f in \(files); do \(row); done) > labels.csv)"
    }

    private static func rank(_ tables: [(table: SurveyedTable, place: ImagePlace)]) -> [Int] {
        let found = tables.reduce(0) { $0 + $1.place.found }
        let rows = tables.reduce(0) { $0 + $1.table.images.count }
        let isDivided = tables.count > 1 || !tables[0].table.splits.isEmpty || tables[0].table.folds.count > 1
        return [found, found == rows ? 1 : 0, isDivided ? 1 : 0, -tables.count]
    }
}
