import Basics
import Cohorts
import Foundation
import Settings

extension RunSettings {
    /// Replaces every path that names an input or a folder shared by runs; the run's own folder is not among them.
    package mutating func changePaths(_ change: (_ key: String, _ path: String) throws -> String) rethrows {
        // A table comes before its images.
        if !data.table.isEmpty { data.table = try change("data.table", data.table) }
        if !data.images.isEmpty { data.images = try change("data.images", data.images) }
        for index in data.tables.indices {
            data.tables[index].path = try change("data.tables[\(index)].path", data.tables[index].path)
            data.tables[index].images = try change("data.tables[\(index)].images", data.tables[index].images)
        }
        data.attributes = try data.attributes.map { try change("data.attributes", $0) }
        model.weights = try model.weights.map { try change("model.weights", $0) }
        stages = try stages.map { try change("stages", $0) }
        cache = try cache.map { try change("cache", $0) }
    }

    /// The paths by key, in the same order.
    package var paths: [(key: String, path: String)] {
        var found: [(String, String)] = []
        var copy = self
        copy.changePaths { key, path in
            found.append((key, path))
            return path
        }
        return found
    }
}

/// Where the files and folders that a run names lay when it was made, and what the files held: `sources.json` of a run
/// folder. The configuration keeps them as they were written.
package struct RunSources: Codable, Equatable {
    /// A file or folder.
    package struct Entry: Codable, Equatable {
        /// The key of the configuration.
        var key: String
        /// The path as the configuration has it.
        var written: String
        /// From the root.
        package var absolute: String
        /// From the run folder.
        var fromRun: String
        /// The hash of the bytes that were parsed; nil for a folder.
        package var sha256: String?
    }

    /// The file's name in a run folder.
    package static let name = "sources.json"

    var format = 1
    var fovea = Program.version
    /// The folder from which relative paths counted.
    package var madeIn: String
    /// The run folder, from the root.
    var runFolder: String
    package var files: [Entry]

    /// Describes a run.
    ///
    /// - Parameters:
    ///   - written: the settings as its configuration has them.
    ///   - used: the same with the paths that were opened.
    ///   - madeIn: where relative paths of `written` count from.
    ///   - hashes: of the files that were read, by key.
    package init(written: RunSettings, used: RunSettings, folder: String, madeIn: String, hashes: [String: String]) {
        let place = PathName.absolute(folder)
        self.madeIn = madeIn
        runFolder = place
        files = zip(written.paths, used.paths).map { written, used in
            let absolute = PathName.absolute(used.path)
            return Entry(
                key: written.key, written: written.path, absolute: absolute,
                fromRun: PathName.relative(absolute, from: place), sha256: hashes[written.key])
        }
    }

    /// Reads those of a run folder; nil where it has none.
    ///
    /// - Throws: `FoveaError` of kind `data` when the file is damaged.
    package static func read(_ folder: String) throws -> RunSources? {
        let path = PathName.joined(folder, name)
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 24) else { return nil }
        guard let sources = try? JSONFormat.decoded(RunSources.self, from: data), sources.format == 1 else {
            throw FoveaError(
                .data, about: path, "is not what a run of this version of Fovea writes",
                remedy: "Restore the file. Without it the run's relative paths count from the working directory.")
        }
        return sources
    }

    /// What the file of a key held; nil where that is not known.
    package func sha256(of key: String) -> String? { files.first { $0.key == key }?.sha256 }

    /// A file or folder that is at none of the places where it may be.
    struct Missing {
        var key: String
        var written: String
        /// Where it was looked for.
        var places: [String]
    }

    /// Settings of the run, which lies in `folder` now, with paths that lead to its files from any working directory.
    ///
    /// A file is taken from where it lay when the run was made, or from the same place relative to the run folder, where
    /// both were moved: whichever holds what the run read. Folders are taken from where their table was found.
    ///
    /// - Throws: `FoveaError` of kind `data` where a file is at none of its places, and one of them cannot be looked at.
    func resolve(_ settings: RunSettings, in folder: String) throws -> (settings: RunSettings, missing: [Missing]) {
        var (resolved, missing) = (settings, [Missing]())
        // Whether the last table lay relative to the run folder.
        var isMoved = false
        try resolved.changePaths { key, path in
            let entry = files.first { $0.key == key && $0.written == path }
            let places = places(path, entry, folder)
            let found = places.filter { access($0, F_OK) == 0 }
            guard let first = found.first else {
                if key != "stages", key != "cache" {
                    for place in places { _ = try RegularFile.exists(place) }
                    missing.append(Missing(key: key, written: path, places: places))
                }
                return isMoved ? places[places.count > 1 ? 1 : 0] : places[0]
            }
            guard let hash = entry?.sha256 else {
                return isMoved ? found.first { $0 != places[0] } ?? first : first
            }
            let chosen =
                found.count == 1 ? first : found.first { (try? Digest.sha256(fileAt: $0)) == hash } ?? first
            isMoved = chosen != places[0]
            return chosen
        }
        return (resolved, missing)
    }

    /// Where a path of the configuration may lead: to where it did, or to the same place seen from the run folder.
    private func places(_ path: String, _ entry: Entry?, _ folder: String) -> [String] {
        let original = entry?.absolute ?? PathName.absolute(path, in: madeIn)
        let fromRun = entry?.fromRun ?? PathName.relative(original, from: runFolder)
        let here = PathName.absolute(folder)
        // The folder may be reached through a link.
        let physical = URL(fileURLWithPath: here).resolvingSymlinksInPath().path
        var seen = Set<String>()
        return ([original] + [here, physical].map { PathName.collapsed(PathName.joined($0, fromRun)) })
            .filter { seen.insert($0).inserted }
    }

    /// The same for a run that is continued from `folder`, with the settings' paths as they were found.
    package func continued(written: RunSettings, used: RunSettings, folder: String, hashes: [String: String])
        -> RunSources
    {
        let moved = PathName.collapsed(
            PathName.joined(PathName.absolute(folder), PathName.relative(madeIn, from: runFolder)))
        return RunSources(
            written: written, used: used, folder: folder, madeIn: Folder.exists(madeIn) ? madeIn : moved,
            hashes: hashes)
    }

    /// The files that held something else when the run was made, in words.
    ///
    /// - Parameters:
    ///   - hashes: those of the files that were read now, by key.
    ///   - paths: where these files lie.
    package func changes(since hashes: [String: String], at paths: [(key: String, path: String)]) -> [String] {
        files.compactMap { entry in
            guard let then = entry.sha256, let now = hashes[entry.key], then != now else { return nil }
            let path = paths.first { $0.key == entry.key }?.path ?? entry.written
            let isOther = ![entry.written, entry.absolute].contains(path)
            return "\(path) (\(entry.key)) is not the file that the run was made with"
                + (isOther ? ", which was \(entry.written)" : "") + ": its SHA-256 "
                + (isOther
                    ? "is \(now.prefix(12))... and that of the run's file was \(then.prefix(12))..."
                    : "was \(then.prefix(12))... and is \(now.prefix(12))... now")
        }
    }

    /// What to say of a run folder that has lost its file.
    package static func missing(in folder: String) -> String {
        "\(PathName.joined(folder, name)) is missing: the relative paths in \(RunConfiguration.name) count from "
            + "\(FileManager.default.currentDirectoryPath), and whether the run's files have changed is not known"
    }
}

extension DataSettings {
    /// The hashes of the tables and attributes that were parsed, by key of the configuration.
    package static func hashes(_ cohort: Cohort, _ attributes: ClassAttributes?, severalTables: Bool) -> [String:
        String]
    {
        var hashes: [String: String] = [:]
        for (index, table) in cohort.tables.enumerated() {
            hashes[severalTables ? "data.tables[\(index)].path" : "data.table"] = table.sha256
        }
        hashes["data.attributes"] = attributes?.sha256
        return hashes
    }
}
