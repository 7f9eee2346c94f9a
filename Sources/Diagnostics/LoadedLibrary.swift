import Basics
import Foundation

/// A shared library of this process: where the loader found it and which version it is.
package struct LoadedLibrary {
    /// The path of its file.
    package let path: String
    /// The version according to the files next to it; nil where there are none.
    package let version: String?

    /// Looks for a library by the beginning of its file's name, such as "libtorch_cpu.so".
    init?(named name: String) {
        guard let path = Self.path(of: name, inMaps: SystemFile.text("/proc/self/maps")) else { return nil }
        self.path = path
        version = Self.version(besideFolderOf: path)
    }

    /// The first path of a memory map whose file begins with `name`.
    package static func path(of name: String, inMaps maps: String) -> String? {
        for line in maps.split(separator: "\n") {
            // Address, rights, offset, device, inode; the path is all that is left, spaces included.
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6 else { continue }
            let path = fields[5].drop { $0 == " " }
            if path.split(separator: "/").last?.hasPrefix(name) ?? false { return String(path) }
        }
        return nil
    }

    /// Fovea's cache has a file VERSION above `lib`, a Python package of torch has `version.py`.
    private static func version(besideFolderOf path: String) -> String? {
        let folder = PathName.folder(of: PathName.folder(of: path))
        if let text = try? String(contentsOfFile: PathName.joined(folder, "VERSION"), encoding: .utf8) {
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let text = try? String(contentsOfFile: PathName.joined(folder, "version.py"), encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("__version__") })
        else { return nil }
        return line.split { "'\"".contains($0) }.dropFirst().first.map(String.init)
    }
}
