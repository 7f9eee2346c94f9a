import Foundation

/// A folder and all that is below it, however deep: regular files, and what is skipped, by reason.
///
/// Links are followed after everything else, and no folder is entered twice, so links that lead in a circle end.
package struct FolderWalk {
    /// A regular file.
    package struct File {
        /// Relative to the folder.
        package let path: String
        /// Which file it is, whatever its name.
        package let identity: FileIdentity
    }

    /// The folder.
    package let folder: String
    /// The files: by folder and name, those behind links last.
    package private(set) var files: [File] = []
    /// What is not among them.
    package private(set) var passedOver = PassedOver()

    private var entered: Set<FileIdentity> = []
    private var waiting: [String] = [""]
    private var links: [String] = []
    private var followed = 0

    /// Walks through a folder. Hidden files and the folders of runs below it are skipped.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is not a folder that can be read; of another when the machine fails.
    package init(_ folder: String) throws {
        self.folder = folder
        guard try RegularFile.exists(folder), let identity = FileIdentity(folder) else {
            throw FoveaError(.data, "the folder \(folder) does not exist", remedy: "Check the path.")
        }
        guard Folder.exists(folder) else {
            throw FoveaError(.data, about: folder, "is not a folder", remedy: "Name the folder of the data.")
        }
        guard Self.names(in: folder) != nil else { throw RegularFile.unreadable(folder, .data, errno) }
        entered = [identity]
        while true {
            if let place = waiting.popLast() {
                try list(place)
            } else if followed < links.count {
                followed += 1
                follow(links[followed - 1])
            } else {
                break
            }
        }
    }

    private func absolute(_ path: String) -> String { path.isEmpty ? folder : PathName.joined(folder, path) }

    private mutating func list(_ place: String) throws {
        guard let names = Self.names(in: absolute(place)) else {
            let code = errno
            // A machine that lacks something would leave out what is there.
            guard SystemFault.kind(code, orElse: .data) == .data else {
                throw RegularFile.unreadable(absolute(place), .data, code)
            }
            return passedOver.add(place, .closedFolder, detail: String(cString: strerror(code)))
        }
        // A run may have been made in the folder of its photographs: what the user names is searched.
        if !place.isEmpty, Self.isRun(names) { return passedOver.add(place, .run) }
        var below: [String] = []
        for bytes in names {
            guard let name = String(validating: bytes, as: UTF8.self) else {
                passedOver.add(PathName.joined(place, String(decoding: bytes, as: UTF8.self)), .foreignName)
                continue
            }
            let path = PathName.joined(place, name)
            if name.hasPrefix(".") {
                passedOver.add(path, .hidden)
                continue
            }
            var status = stat()
            guard lstat(absolute(path), &status) == 0 else {
                passedOver.add(path, .closedFile, detail: String(cString: strerror(errno)))
                continue
            }
            switch status.st_mode & S_IFMT {
            case S_IFLNK: links.append(path)
            case S_IFDIR: below.append(path)
            default: take(path, status)
            }
        }
        // The last is taken first.
        for path in below.reversed() { enter(path) }
    }

    /// A link, after everything that is not one.
    private mutating func follow(_ path: String) {
        var status = stat()
        guard stat(absolute(path), &status) == 0 else { return passedOver.add(path, .brokenLink) }
        if status.st_mode & S_IFMT == S_IFDIR { enter(path) } else { take(path, status) }
    }

    private mutating func enter(_ path: String) {
        guard let identity = FileIdentity(absolute(path)) else { return passedOver.add(path, .closedFolder) }
        if entered.insert(identity).inserted { waiting.append(path) } else { passedOver.add(path, .knownFolder) }
    }

    private mutating func take(_ path: String, _ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return passedOver.add(path, .special) }
        files.append(File(path: path, identity: FileIdentity(status)))
    }

    private static func isRun(_ names: [[UInt8]]) -> Bool {
        func has(_ name: String) -> Bool { names.contains { $0.elementsEqual(name.utf8) } }
        return has("metrics.json") || has("stage.json") || (has("config.json") && has("model.safetensors"))
    }

    /// The names in a folder as bytes, sorted; nil with `errno` where it cannot be entered.
    private static func names(in path: String) -> [[UInt8]]? {
        guard let stream = opendir(path) else { return nil }
        defer { closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { start in
                    UnsafeBufferPointer(start: start, count: strlen(start)).map { UInt8(bitPattern: $0) }
                }
            }
            if name != [46], name != [46, 46] { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// What a search of folders leaves out, counted and named.
package struct PassedOver {
    package init() {}

    /// Why something is left out.
    package enum Reason: CaseIterable {
        case notImage
        case closedFolder
        case closedFile
        case sameFile
        case knownFolder
        case brokenLink
        case hidden
        case run
        case special
        case foreignName

        fileprivate var nouns: (one: String, several: String) {
            switch self {
            case .notImage: ("file that is not an image", "files that are not images")
            case .closedFolder: ("folder that cannot be entered", "folders that cannot be entered")
            case .closedFile: ("file or folder that cannot be opened", "files or folders that cannot be opened")
            case .sameFile:
                ("other name of a file that is taken already", "other names of files that are taken already")
            case .knownFolder:
                ("link to a folder that is searched already", "links to folders that are searched already")
            case .brokenLink: ("link that leads nowhere", "links that lead nowhere")
            case .hidden: ("hidden file or folder", "hidden files or folders")
            case .run: ("folder of a run", "folders of runs")
            case .special: ("pipe, socket or device", "pipes, sockets or devices")
            case .foreignName: ("name that is not UTF-8", "names that are not UTF-8")
            }
        }
    }

    package private(set) var names: [Reason: [String]] = [:]

    /// Adds a path, with what the system says of it.
    package mutating func add(_ path: String, _ reason: Reason, detail: String? = nil) {
        names[reason, default: []].append(path + (detail.map { " (\($0))" } ?? ""))
    }

    /// Adds all of another search.
    package mutating func add(_ other: PassedOver, in folder: String) {
        for (reason, paths) in other.names {
            names[reason, default: []] += paths.map { PathName.joined(folder, $0) }
        }
    }

    /// One line per reason: how many, and the first of them.
    package var notes: [String] {
        Reason.allCases.compactMap { reason in
            guard let names = names[reason] else { return nil }
            let (one, several) = reason.nouns
            return
                "skipped: \(Pluralization.count(names.count, one, several)): \(Pluralization.listing(names, limit: 5))"
        }
    }
}
