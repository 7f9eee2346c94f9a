import Foundation
import SystemPackage

/// The parts of a path.
///
/// Not by Foundation, whose `deletingLastPathComponent` traps on a name of one character.
package enum PathName {
    /// What is before the last slash: "" for a name alone, "/" for what lies at the root.
    package static func folder(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// What is behind the last slash.
    package static func last(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    /// The name of a folder, however it is written: as ".", or with a slash behind it.
    package static func name(ofFolder path: String) -> String { last(of: collapsed(absolute(path))) }

    /// What is behind the last dot of a name, in lower case; "" without one.
    package static func ending(of name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// A name without its ending.
    package static func stem(of name: String) -> String {
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// For each path its end, as short as distinguishes all of them: names while these differ, then with the folders
    /// that they are in; whole where only that helps.
    package static func shortest(_ paths: [String]) -> [String] {
        let parts = paths.map { $0.split(separator: "/", omittingEmptySubsequences: false) }
        for depth in 1...max(1, parts.map(\.count).max() ?? 1) {
            let ends = parts.map { $0.suffix(depth).joined(separator: "/") }
            if Set(ends).count == paths.count { return ends }
        }
        return paths
    }

    /// A path from the root; a relative one counts from `base`.
    package static func absolute(_ path: String, in base: String = FileManager.default.currentDirectoryPath) -> String {
        if path.hasPrefix("/") { return path }
        // "a/../b" is left to the system: "a" may be a link.
        return path.utf8.split(separator: UInt8(ascii: "/")).contains { $0.elementsEqual("..".utf8) }
            ? joined(base, path) : collapsed(joined(base, path))
    }

    /// A path from the root without ".", ".." and doubled slashes, by the names alone.
    package static func collapsed(_ path: String) -> String { "/" + parts(path).joined(separator: "/") }

    /// The way from a folder to a path, both from the root: "../../labels.csv"; "." for the folder itself.
    package static func relative(_ path: String, from folder: String) -> String {
        let (to, from) = (parts(path), parts(folder))
        let common = zip(to, from).prefix { $0 == $1 }.count
        let steps = Array(repeating: "..", count: from.count - common) + to[common...]
        return steps.isEmpty ? "." : steps.joined(separator: "/")
    }

    private static func parts(_ path: String) -> [String] {
        var parts: [String] = []
        for part in path.utf8.split(separator: UInt8(ascii: "/")).map({ String(Substring($0)) }) where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts
    }

    /// What lies at `names`, one in the other, in a folder, which may be "": the one way in which paths are joined.
    package static func joined(_ folder: String, _ names: String...) -> String {
        names.reduce(into: FilePath(folder)) { $0.append($1) }.string
    }
}
