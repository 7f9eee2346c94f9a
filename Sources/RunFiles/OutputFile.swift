import Basics
import Foundation

/// A file that a user named for what a command writes at its end.
///
/// It is checked before the work, whose result would otherwise be lost, and written through links, into pipes and into
/// devices; a regular file is replaced whole.
public struct OutputFile: Sendable {
    /// As the user named it.
    public let path: String
    /// What names it: "--json".
    public let name: String
    private let place: Place
    /// What to do where it cannot be written here.
    private let remedy: String

    private enum Place {
        /// A regular file, or none yet, with links followed.
        case file(String)
        /// A pipe, a terminal or another device: written to as it is.
        case stream
    }

    /// Verifies that a file can be written.
    ///
    /// - Parameters:
    ///   - name: the option that names it.
    ///   - inputs: files that the command reads.
    ///   - isNew: whether it is only written where there is none (`writeNew`).
    ///   - isEarlier: for a file whose place the command itself chooses: whether the one that is there came of the same command.
    ///     Only such a one is replaced.
    /// - Throws: `FoveaError` of kind `configuration` when it is a folder, a socket or a disk, cannot be written, belongs to a
    ///   run, the image cache or a folder of finished stages, or is one of the inputs.
    public init(
        _ path: String, named name: String, inputs: [String] = [], isNew: Bool = false,
        isEarlier: ((_ path: String) throws -> Bool)? = nil
    ) throws {
        self.path = path
        self.name = name
        remedy = isEarlier == nil ? "Choose another name." : "Move it away."
        place = try Self.place(path, name, remedy: isEarlier == nil ? "Name a file to write." : remedy)
        if case .file(let target) = place {
            try Self.checkFolder(of: target, named: path)
            if isEarlier == nil, let owner = OwnedFile.owner(of: target) {
                throw FoveaError(
                    .configuration, "\(name) \(path) is a file that belongs to \(owner)",
                    remedy: "Choose another name, or a place outside that folder.")
            }
        }
        try refuse(inputs)
        if case .file(let target) = place, !isNew { try requireReplaceable(target, isEarlier) }
    }

    /// Refuses to replace what no command wrote here: a file that is write-protected, a configuration, or neither JSON nor
    /// a table of images; for a place that the command chooses, whatever it did not write.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    private func requireReplaceable(_ target: String, _ isEarlier: ((String) throws -> Bool)?) throws {
        var status = stat()
        guard stat(target, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        var reason: String?
        if status.st_mode & 0o222 == 0 {
            reason = "is write-protected"
        } else if status.st_size == 0 {
            return
        } else if let isEarlier {
            if try !isEarlier(target) { reason = "was not written by this command" }
        } else if ["yaml", "yml"].contains((target as NSString).pathExtension.lowercased()) {
            reason = "is a configuration"
        } else if let file = FileHandle(forReadingAtPath: target) {
            defer { try? file.close() }
            if try !Self.isResult(file.read(upToCount: 4096) ?? Data()) { reason = "is neither a table nor JSON" }
        }
        guard let reason else { return }
        throw FoveaError(
            .configuration, "\(name) \(path) exists and \(reason): it would be overwritten",
            remedy: isEarlier == nil ? "Choose another name, or delete the file first." : remedy)
    }

    /// Whether a file that begins so can be one that a command wrote: JSON, or a table whose first column is the image.
    private static func isResult(_ start: Data) -> Bool {
        !start.contains(0) && ["{", "[", "image,", "image\n"].contains { start.starts(with: Data($0.utf8)) }
    }

    /// Refuses inputs that it would overwrite: the same file under any name.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the input.
    public func refuse(_ inputs: [String]) throws {
        guard case .file(let target) = place, let own = FileIdentity(target),
            let input = inputs.first(where: { FileIdentity($0) == own })
        else { return }
        throw FoveaError(
            .configuration, "\(name) \(path) is \(input), which this command reads: it would be overwritten",
            remedy: remedy)
    }

    /// Refuses that two outputs are one file.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func refuseEqual(_ one: OutputFile?, _ other: OutputFile?) throws {
        guard let one, let other, case .file(let target) = one.place, case .file(let second) = other.place,
            isSame(target, second)
        else { return }
        throw FoveaError(
            .configuration, "\(one.name) and \(other.name) both name \(one.path)", remedy: "Choose two names.")
    }

    /// Refuses a folder that would be made at the place of the file, or below it.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public func refuse(folder: String, named other: String) throws {
        guard case .file(let target) = place else { return }
        var above = PathName.absolute(folder)
        while above != "/" {
            guard !Self.isSame(target, above) else {
                throw FoveaError(
                    .configuration, "\(other) is \(folder), but \(name) writes a file to \(path)",
                    remedy: "Choose two names.")
            }
            above = PathName.folder(of: above)
        }
    }

    /// Whether two paths lead to one file, which need not exist yet: then its folder and name decide.
    private static func isSame(_ one: String, _ other: String) -> Bool {
        if one == other { return true }
        if let file = FileIdentity(one) { return file == FileIdentity(other) }
        func folder(_ path: String) -> FileIdentity? {
            let folder = PathName.folder(of: path)
            return FileIdentity(folder.isEmpty ? "." : folder)
        }
        guard PathName.last(of: one) == PathName.last(of: other), let place = folder(one) else { return false }
        return place == folder(other)
    }

    /// Refuses to replace a description that a user wrote, comments and all, by the complete one that is kept beside the work.
    ///
    /// - Parameters:
    ///   - description: the file that the command reads.
    ///   - kept: where the complete one will be written.
    ///   - text: what will be written.
    /// - Throws: `FoveaError` of kind `configuration` when both are one file, and the text another one.
    public static func refuseReplacing(_ description: String, by kept: String, text: String) throws {
        guard let own = FileIdentity(description), own == FileIdentity(kept),
            FileManager.default.contents(atPath: description) != Data(text.utf8)
        else { return }
        throw FoveaError(
            .configuration, about: description, "would be overwritten by the complete one that is written to \(kept)",
            remedy: "Move it out of that folder, or choose another `output`.")
    }

    /// Whether it is where results are printed, as /dev/stdout is.
    public var isStandardOutput: Bool { Self.descriptor(of: path) == STDOUT_FILENO }

    /// Writes the text: a regular file is then the old one or the new one, whatever happens.
    ///
    /// - Parameter shouldStop: called while a pipe has no reader.
    /// - Throws: `FoveaError` of kind `storage`; `CancellationError` when stopped.
    public func write(_ text: String, shouldStop: () -> Bool = { false }) throws {
        // What is printed continues in the same file.
        if isStandardOutput { return try StandardStream.exactly(text) }
        try write(shouldStop: shouldStop) { sink in try Data(text.utf8).withUnsafeBytes(sink) }
    }

    /// Writes the bytes that `body` passes to its argument, part by part; as `write`.
    public func write(
        shouldStop: () -> Bool = { false }, parts body: (_ sink: (UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        func write(to descriptor: Int32) throws {
            try body { try AtomicFile.writeAll($0, to: descriptor, path: path) }
        }
        if let descriptor = Self.descriptor(of: path) { return try write(to: descriptor) }
        switch place {
        case .file(let target): try AtomicFile.write(to: target) { try write(to: $0) }
        case .stream:
            let descriptor = try openStream(shouldStop)
            defer { close(descriptor) }
            try write(to: descriptor)
        }
    }

    /// Writes the text, but never over a regular file.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when there is one; as `write`.
    public func writeNew(_ text: String) throws {
        guard case .file = place else { return try write(text) }
        try writeNew(Data(text.utf8))
    }

    /// The same for bytes.
    public func writeNew(_ data: Data) throws {
        guard case .file(let target) = place else {
            return try write { sink in try data.withUnsafeBytes(sink) }
        }
        let descriptor = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw AtomicFile.failure("create", path) }
            throw FoveaError(
                .configuration, about: path, "exists already and is left as it is",
                remedy: "Choose another name with \(name).")
        }
        defer { close(descriptor) }
        do {
            try data.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor, path: path) }
        } catch {
            unlink(target)
            throw error
        }
    }

    /// Opens a pipe or device, once it has a reader.
    private func openStream(_ shouldStop: () -> Bool) throws -> Int32 {
        while true {
            // Without O_NONBLOCK, opening a pipe would wait for a reader without hearing of a stop.
            let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            if descriptor >= 0 {
                _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK)
                return descriptor
            }
            guard errno == ENXIO || errno == EINTR else { throw AtomicFile.failure("open", path) }
            if shouldStop() { throw CancellationError() }
            usleep(50_000)
        }
    }

    /// The standard output or error stream, where the path leads to the same file.
    private static func descriptor(of path: String) -> Int32? {
        guard let own = FileIdentity(path) else { return nil }
        return [STDOUT_FILENO, STDERR_FILENO].first { FileIdentity(descriptor: $0) == own }
    }

    private static func place(_ path: String, _ name: String, remedy: String) throws -> Place {
        func refusal(_ words: String) -> FoveaError {
            FoveaError(.configuration, "\(name) \(path) \(words)", remedy: remedy)
        }
        guard !path.isEmpty else { throw FoveaError(.configuration, "\(name) has an empty path") }
        var status = stat()
        if stat(path, &status) == 0 {
            switch status.st_mode & S_IFMT {
            case S_IFREG:
                guard let end = realpath(path, nil) else { return .stream }
                defer { free(end) }
                let target = String(cString: end)
                // A file that was deleted can still be reached by /dev/fd.
                return FileIdentity(target) == FileIdentity(path) ? .file(target) : .stream
            case S_IFIFO, S_IFCHR:
                guard access(path, W_OK) == 0 else { throw refusal("cannot be written to") }
                return .stream
            case S_IFDIR: throw refusal("is a folder")
            case S_IFBLK: throw refusal("is a disk")
            default: throw refusal("is \(RegularFile.noun(for: status.st_mode))")
            }
        }
        let code = errno
        guard code == ENOENT || code == ENOTDIR else {
            throw refusal("cannot be written: \(String(cString: strerror(code)))")
        }
        return .file(endOfLinks(path))
    }

    /// Where a link to a file that does not exist yet leads.
    private static func endOfLinks(_ path: String) -> String {
        var path = path
        // As many as the system follows.
        for _ in 0..<40 {
            guard let next = try? FileManager.default.destinationOfSymbolicLink(atPath: path) else { return path }
            path = next.hasPrefix("/") ? next : PathName.joined(PathName.folder(of: path), next)
        }
        return path
    }

    /// Verifies that a file can be made beside the target, by which `AtomicFile` replaces it.
    private static func checkFolder(of target: String, named path: String) throws {
        let folder = PathName.folder(of: target)
        func refusal(_ words: String, _ remedy: String) -> FoveaError {
            FoveaError(
                .configuration, about: path, "cannot be written: the folder \(folder.isEmpty ? "." : folder) \(words)",
                remedy: remedy)
        }
        if access(folder.isEmpty ? "." : folder, W_OK | X_OK) != 0 {
            let code = errno
            if code == ENOENT { throw refusal("does not exist", "Make the folder first, or choose another one.") }
            // A file without the right to be executed is not permitted either.
            var status = stat()
            if code == ENOTDIR || stat(folder, &status) == 0 && status.st_mode & S_IFMT != S_IFDIR {
                throw refusal("is not a folder", "Choose another folder.")
            }
            throw refusal(
                "is not writable: \(String(cString: strerror(code)))",
                code == EROFS
                    ? "Choose another folder." : "Choose another folder, or change the permissions of this one.")
        }
        guard access(PartialFile.path(for: target), F_OK) == 0 || errno != ENAMETOOLONG else {
            throw refusal("has too long a path for a file in it", "Choose a folder whose path is shorter.")
        }
    }
}
