import Basics
import Foundation

/// Finds the file of an image that a table names, inside one folder and nowhere else.
struct ImageLocator {
    private let folder: String
    private let realFolder: String
    private let pattern: String?
    private let index = NameIndex()

    /// - Throws: `FoveaError` when the folder is missing, or the pattern lacks its place for the name.
    init(folder: String, pattern: String?) throws {
        guard !folder.isEmpty else {
            throw FoveaError(
                .configuration, "no image folder is given: data.images is empty",
                remedy: "Name the folder of the photographs in data.images; with data.tables, in images of each table.")
        }
        let found = Self.realPath(folder)
        if found == nil, errno != ENOENT, errno != ENOTDIR {
            throw Self.unreachable(folder, "the image folder \(folder)")
        }
        guard let real = found, Folder.exists(real) else {
            throw FoveaError(.data, "the image folder \(folder) does not exist", remedy: "Check the path.")
        }
        guard access(real, R_OK | X_OK) == 0 else { throw Self.unreachable(folder, "the image folder \(folder)") }
        if let pattern, pattern.components(separatedBy: "{ID}").count != 2 {
            throw FoveaError(
                .configuration, "the image pattern \"\(pattern)\" must contain {ID} exactly once",
                remedy: "For instance \"train_{ID}.png\".")
        }
        self.folder = folder
        realFolder = real
        self.pattern = pattern
    }

    /// The path of the image called `name` in the table, and whether there is such a file.
    ///
    /// - Throws: `FoveaError` at `place` when the name leads out of the folder or fits several files.
    func locate(_ name: String, place: () -> FilePlace) throws -> (path: String, exists: Bool) {
        let file = pattern?.replacingOccurrences(of: "{ID}", with: name) ?? name
        guard !file.hasPrefix("/"), !file.split(separator: "/").contains("..") else {
            throw FoveaError(
                .data, at: place(), "the image \"\(file)\" leads out of the image folder \(folder)",
                remedy: "Name images relative to the folder, without a leading / and without \"..\".")
        }
        var found: [String] = []
        if Self.isFile(PathName.joined(folder, file)) {
            found = [file]
        } else if !Self.hasEnding(file) {
            let endings = PhotographFile.endings + PhotographFile.endings.map { $0.uppercased() }
            found = endings.map { file + "." + $0 }.filter { Self.isFile(PathName.joined(folder, $0)) }
        }
        // Only where no file has exactly this name: on Linux two files may have equivalent names.
        if found.isEmpty { found = equivalents(of: file) }
        guard found.count <= 1 else {
            throw Self.ambiguous(file, found, place())
        }
        guard let only = found.first else {
            var status = stat()
            // Where it cannot be looked, the file may be there.
            if stat(PathName.joined(folder, file), &status) != 0, errno != ENOENT, errno != ENOTDIR {
                throw Self.unreachable(PathName.joined(folder, file), "\(place()): the image \"\(file)\" in \(folder)")
            }
            return (PathName.joined(folder, file), false)
        }
        let path = PathName.joined(folder, only)
        guard let real = Self.realPath(path), real.hasPrefix(realFolder == "/" ? "/" : realFolder + "/") else {
            throw FoveaError(
                .data, at: place(), "the image \"\(only)\" is a link that leads out of the image folder \(folder)",
                remedy: "Name the folder in which the files really are.")
        }
        return (path, true)
    }

    /// The error for something that may be there and cannot be looked at, from `errno`.
    private static func unreachable(_ path: String, _ what: String) -> FoveaError {
        let code = errno
        return FoveaError(
            SystemFault.kind(code, orElse: .data), "\(what) cannot be read: \(String(cString: strerror(code)))",
            remedy: SystemFault.remedy(code)
                ?? (code == EACCES
                    ? "Check the permissions of \(path) and of the folders above it." : "Check the path."))
    }

    /// The error for a name of several files.
    private static func ambiguous(_ file: String, _ found: [String], _ place: FilePlace) -> FoveaError {
        // Equal texts are canonically equivalent: on a screen they look the same.
        guard found.allSatisfy({ $0 == found[0] }) else {
            return FoveaError(
                .data, at: place, "the image \"\(file)\" fits several files: \(found.joined(separator: ", "))",
                remedy: "Write the ending in the table, or remove all but one of the files.")
        }
        return FoveaError(
            .data, at: place,
            "the image \"\(file)\" fits several files whose names look the same and are written with different "
                + "characters: " + found.map(NameDifference.spelled).joined(separator: ", "),
            remedy: "Rename or remove all but one of them, or write exactly one of these names in the table.")
    }

    /// Files whose names are canonically equivalent to the one requested, or have another case of the ending where that
    /// is left out; folders on the way too.
    private func equivalents(of file: String) -> [String] {
        let parts = file.split(separator: "/").map(String.init)
        guard let last = parts.last else { return [] }
        var places = [""]
        for part in parts.dropLast() {
            places = places.flatMap { place in
                index.equivalents(of: part, in: PathName.joined(folder, place)).map { place + $0 + "/" }
            }
        }
        return places.flatMap { place -> [String] in
            let above = PathName.joined(folder, place)
            let same = index.equivalents(of: last, in: above)
            let names = same.isEmpty && !Self.hasEnding(last) ? index.photographs(called: last, in: above) : same
            return names.map { place + $0 }.filter { Self.isFile(PathName.joined(folder, $0)) }
        }
    }

    private static func hasEnding(_ name: String) -> Bool {
        PhotographFile.endings.contains((name as NSString).pathExtension.lowercased())
    }

    /// Whether there is a regular file at `path` (links are followed).
    static func isFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
