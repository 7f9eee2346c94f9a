import Foundation

/// A file under construction: `NAME.PID.NUMBER.partial` beside the file that it becomes. A long name is shortened to
/// `longestName` bytes, so that every name that a file may have can be replaced.
///
/// Whoever writes one holds a lock (`flock`) on it, which the system releases when the process ends, however it ends. So
/// a file that no process holds was left by a process that has ended, on whatever machine.
public enum PartialFile {
    private static let ending = "partial"

    /// Bytes of a final name that are kept: with process, number and ending it stays below the 143 bytes that the strictest
    /// file systems in use allow.
    private static let longestName = 100

    /// A name for a file under construction that becomes the one at `path`.
    public static func path(for path: String) -> String {
        let start = path.utf8.lastIndex(of: UInt8(ascii: "/")).map(path.utf8.index(after:)) ?? path.startIndex
        let name = shortened(String(path[start...]))
        return "\(path[..<start])\(name).\(getpid()).\(UInt32.random(in: 0 ... .max)).\(ending)"
    }

    /// A name of at most `longestName` bytes: of a longer one the beginning and what stands behind its last dot, by which
    /// the files that Fovea makes are distinguished.
    private static func shortened(_ name: String) -> String {
        guard name.utf8.count > longestName else { return name }
        let tail = name.unicodeScalars.lastIndex(of: ".").map { name[$0...] } ?? ""
        let end = tail.utf8.count <= 20 ? tail : ""
        var start = String.UnicodeScalarView()
        var count = end.utf8.count
        for scalar in name.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= longestName else { break }
            start.append(scalar)
        }
        return String(start) + end
    }

    /// The name that a file under construction is to get; nil where a name is not one of ours.
    public static func finalName(of name: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.last == Substring(ending),
            parts.suffix(3).prefix(2).allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { 0x30...0x39 ~= $0 } })
        else { return nil }
        let final = parts.dropLast(3).joined(separator: ".")
        return final.isEmpty ? nil : final
    }

    /// Makes and holds one for the file at `path`; gives its path and an open descriptor.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    static func create(for final: String) throws -> (path: String, descriptor: Int32) {
        while true {
            let path = path(for: final)
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw AtomicFile.failure("create", path) }
            // Without locks no process takes it for left over either.
            guard flock(descriptor, LOCK_EX) == 0 else { return (path, descriptor) }
            var status = stat()
            if fstat(descriptor, &status) != 0 || status.st_nlink > 0 { return (path, descriptor) }
            // Removed before it was held.
            close(descriptor)
        }
    }

    /// Removes the files under construction in a folder whose process has ended, for certain; others are left.
    ///
    /// - Parameter isOwn: whether files of a name are made by Fovea in this folder, such as "model.safetensors".
    public static func removeLeftOver(in folder: String, isOwn: (String) -> Bool) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard let final = finalName(of: name), isOwn(final) else { continue }
            removeIfLeftOver(PathName.joined(folder, name))
        }
    }

    private static func removeIfLeftOver(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
        else { return }
        unlink(path)
    }
}
