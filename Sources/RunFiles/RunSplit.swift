import Basics
import Cohorts
import Foundation
import FundusImaging
import Torch

/// Which images trained a run's model and which validated it: `split.csv` of a run folder.
///
/// A split that is made of a table again is another one as soon as the table has other rows.
package struct RunSplit: Sendable {
    /// What a run did with an image.
    package enum Part: String, CaseIterable {
        case training
        case validation
        case excluded
        /// It could not be decoded, and was left out.
        case unreadable
    }

    /// One image.
    package struct Entry: Sendable {
        package var image: String
        package var part: Part
        /// The SHA-256 of the file; nil where it could not be read.
        package var sha256: String?
    }

    /// The file's name in a run folder.
    package static let name = "split.csv"
    private static let header = ["image", "part", "sha256"]

    package let entries: [Entry]

    /// What a run does with its data.
    package init(_ cohort: Cohort, _ cache: ImageCache, _ split: Split) {
        var parts = [Part](repeating: .unreadable, count: cohort.count)
        for (part, rows) in [
            (Part.training, split.training), (.validation, split.validation), (.excluded, split.excluded),
        ] {
            for row in rows { parts[row] = part }
        }
        let unreadable = Set(cache.failures.map(\.index))
        entries = cohort.photographs.indices.map { row in
            Entry(
                image: cohort.photographs[row].image, part: parts[row],
                sha256: unreadable.contains(row) ? nil : cache.contentHash(row))
        }
    }

    /// Reads the file at `path`.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the line.
    package init(path: String) throws {
        let table = try CSVTable(path: path)
        guard table.header == Self.header else {
            throw FoveaError(
                .data, about: path,
                "has the columns \(table.header.joined(separator: ",")); expected: image,part,sha256")
        }
        entries = try (0..<table.rowCount).map { row in
            guard let part = Part(rawValue: table[row, 1]) else {
                throw FoveaError(
                    .data, at: table.place(row: row, column: 1),
                    "found \"\(table[row, 1])\"; allowed: "
                        + Part.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return Entry(image: table[row, 0], part: part, sha256: table[row, 2].isEmpty ? nil : table[row, 2])
        }
    }

    /// The file's text.
    package var text: String {
        var text = CSVText(header: Self.header)
        for entry in entries { text.append([entry.image, entry.part.rawValue, entry.sha256 ?? ""]) }
        return text.text
    }

    /// The images of a part.
    package func images(_ part: Part) -> [Entry] { entries.filter { $0.part == part } }

    /// The images, by name, whose contents are others than in an earlier one, or that only one of both has.
    package func changedImages(since earlier: RunSplit) -> [String] {
        func contents(_ split: RunSplit) -> [String: String] {
            Dictionary(split.entries.map { ($0.image, $0.sha256 ?? "") }) { first, _ in first }
        }
        let (then, now) = (contents(earlier), contents(self))
        return Set(then.keys).union(now.keys).filter { then[$0] != now[$0] }.sorted()
    }

    /// The rows of a cohort that are one part of the run, by the images' names; and what the reader should know.
    ///
    /// - Throws: `FoveaError` of kind `data` where the cohort has none of them.
    package func rows(_ part: Part, of cohort: Cohort) throws -> (rows: [Int], notes: [String]) {
        let rows = Dictionary(uniqueKeysWithValues: cohort.photographs.enumerated().map { ($1.image, $0) })
        let expected = images(part)
        let found = expected.compactMap { rows[$0.image] }.sorted()
        let gone = expected.filter { rows[$0.image] == nil }.map(\.image)
        guard !found.isEmpty else {
            throw FoveaError(
                .data, about: cohort.source, "has none of the \(expected.count) \(part.rawValue) images of the run",
                remedy: "Restore the table that the run was made with, or evaluate on another: --labels TABLE.")
        }
        var notes: [String] = []
        if !gone.isEmpty {
            notes.append(
                "\(gone.count) of the run's \(expected.count) \(part.rawValue) images are no longer in \(cohort.source), so "
                    + "they are not evaluated: " + Pluralization.listing(gone))
        }
        let known = Set(entries.map(\.image))
        let new = cohort.photographs.map(\.image).filter { !known.contains($0) }
        if !new.isEmpty {
            notes.append(
                "\(Pluralization.count(new.count, "image")) of \(cohort.source) came after the run was made, so "
                    + "\(new.count == 1 ? "it is" : "they are") in no part of it and not evaluated (--split all evaluates "
                    + "them too): " + Pluralization.listing(new))
        }
        return (found, notes)
    }
}

/// What a finished run keeps about its data.
package struct RunRecord {
    /// The run folder.
    package let folder: String
    package let split: RunSplit

    /// The run folders that a model's folder may belong to: itself, or the one around a run's plain model.
    package static func folders(of model: String) -> [String] {
        guard PathName.last(of: model) == "plain" else { return [model] }
        let around = PathName.folder(of: model)
        return [model, around.isEmpty ? "." : around]
    }

    /// What `metrics.json` of a folder says of the split; nil for a folder without a finished run of this version.
    ///
    /// - Throws: `FoveaError` of kind `data` when it cannot be opened.
    package static func splitHash(in folder: String) throws -> String? {
        struct Metrics: Decodable { var split: String? }
        let data = try RegularFile.contents(of: PathName.joined(folder, "metrics.json"), atMost: 1 << 30)
        return data.flatMap { try? JSONFormat.decoded(Metrics.self, from: $0) }?.split
    }

    /// Where the split of a model's run should lie and does not; nil where it does, or the model has no run.
    package static func missingSplit(of model: String) throws -> String? {
        try folders(of: model).filter { try splitHash(in: $0) != nil }.map { PathName.joined($0, RunSplit.name) }
            .first { try !RegularFile.exists($0) }
    }

    /// That of the run which a model comes from; nil where the model is alone, or an earlier version made the run.
    ///
    /// - Throws: `FoveaError` of kind `data` when the run is not finished, or its `split.csv` was changed.
    package static func find(for model: String) throws -> RunRecord? {
        guard
            let folder = try folders(of: model).first(where: {
                try RegularFile.exists(PathName.joined($0, RunSplit.name))
            })
        else { return nil }
        let path = PathName.joined(folder, RunSplit.name)
        guard let hash = try splitHash(in: folder) else {
            throw FoveaError(
                .data, about: folder,
                "has a \(RunSplit.name), but no metrics.json: its run is not finished, or a part of it "
                    + "was copied",
                remedy:
                    "Finish it with `fovea train --resume \(ShellWord.quoted(folder))`, or copy the whole run folder.")
        }
        guard try hash == Digest.sha256(fileAt: path) else {
            throw FoveaError(
                .data, "\(path), which says which images trained the model, is not the file that the run wrote",
                remedy: "Restore it, or write it again with `fovea train --resume \(ShellWord.quoted(folder))`.")
        }
        return RunRecord(folder: folder, split: try RunSplit(path: path))
    }
}
