import Basics
import Foundation
import Synchronization

/// What a file of a list holds: the hash of its content, or why it cannot be read.
enum ContentIdentity: Sendable, Equatable {
    /// SHA-256 in hexadecimal.
    case hash(String)
    /// The reason, to be put after the path.
    case unreadable(String)

    /// 64 characters for keys and tables.
    var text: String {
        switch self {
        case .hash(let hash): hash
        case .unreadable: String(repeating: "-", count: 64)
        }
    }
}

/// Remembers the content hash of files, so that an unchanged file is not read again to know what it holds.
///
/// A file counts as unchanged while its size, inode and both of its times, in nanoseconds, are the same. A file that was
/// changed less than two seconds before it was hashed is not remembered: it could change again within the same tick.
struct ContentIndex {
    private struct Stamp: Hashable {
        var size = 0
        var inode: UInt64 = 0
        var modified = 0
        var changed = 0
    }
    private struct Entry {
        var stamp: Stamp
        var hash: String
    }

    private let path: String

    /// An index kept in the file at `path`, which need not exist.
    init(path: String) {
        self.path = path
    }

    /// What each file holds, in order; nil when `shouldStop` said so.
    func identities(
        of paths: [String], pixelLimit: Int, threads: Int, shouldStop: @Sendable () -> Bool
    ) throws -> [ContentIdentity]? {
        let known = load()
        let stamps = paths.map(Self.stamp)
        var identities = [ContentIdentity?](repeating: nil, count: paths.count)
        for (i, path) in paths.enumerated() {
            if let stamp = stamps[i], let entry = known[path], entry.stamp == stamp {
                identities[i] = .hash(entry.hash)
            }
        }
        let unknown = identities.indices.filter { identities[$0] == nil }
        guard !unknown.isEmpty else { return identities.compactMap { $0 } }
        let found = Mutex([ContentIdentity?](repeating: nil, count: unknown.count))
        let isDone = try Parallel.forEach(count: unknown.count, threads: threads, shouldStop: shouldStop) { i in
            let identity = try Self.identity(of: paths[unknown[i]], pixelLimit: pixelLimit)
            found.withLock { $0[i] = identity }
        }
        guard isDone else { return nil }
        var fresh: [String: Entry] = [:]
        let settled = Int(Date().timeIntervalSince1970 * 1e9) - 2_000_000_000
        for (i, identity) in zip(unknown, found.withLock { $0 }) {
            identities[i] = identity
            if case .hash(let hash) = identity, let stamp = stamps[i], stamp == Self.stamp(paths[i]),
                max(stamp.modified, stamp.changed) < settled
            {
                fresh[paths[i]] = Entry(stamp: stamp, hash: hash)
            }
        }
        if !fresh.isEmpty { save(load().merging(fresh) { $1 }) }
        return identities.compactMap { $0 }
    }

    /// The hashes of those files that are remembered and unchanged; nil for the others.
    func known(_ paths: [String]) -> [String?] {
        let entries = load()
        return paths.map { path in
            guard let entry = entries[path], entry.stamp == Self.stamp(path) else { return nil }
            return entry.hash
        }
    }

    private static func identity(of path: String, pixelLimit: Int) throws -> ContentIdentity {
        do {
            return .hash(Digest.sha256(try ImageFile(path: path, pixelLimit: pixelLimit).bytes))
        } catch let error as FoveaError where error.kind == .data {
            return .unreadable(reason(of: error, path: path))
        }
    }

    /// An error's message without the path in front, so that it can be kept with the content.
    static func reason(of error: any Error, path: String) -> String {
        let message = error.problem
        return message.hasPrefix(path + " ") ? String(message.dropFirst(path.count + 1)) : "cannot be read: " + message
    }

    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            size: Int(status.st_size), inode: UInt64(status.st_ino),
            modified: status.st_mtim.tv_sec * 1_000_000_000 + status.st_mtim.tv_nsec,
            changed: status.st_ctim.tv_sec * 1_000_000_000 + status.st_ctim.tv_nsec)
    }

    /// The first line is the hash of the rest; then a line per file: hash, size, inode, two times, path.
    private func load() -> [String: Entry] {
        guard let data = FileManager.default.contents(atPath: path), data.count > 65,
            Digest.sha256(data.dropFirst(65)) == String(decoding: data.prefix(64), as: UTF8.self)
        else { return [:] }
        var entries: [String: Entry] = [:]
        for line in data.dropFirst(65).split(separator: 10) {
            let fields = line.split(separator: 32, maxSplits: 5, omittingEmptySubsequences: false).map {
                String(decoding: $0, as: UTF8.self)
            }
            guard fields.count == 6, let size = Int(fields[1]), let inode = UInt64(fields[2]),
                let modified = Int(fields[3]), let changed = Int(fields[4])
            else { continue }
            entries[fields[5]] = Entry(
                stamp: Stamp(size: size, inode: inode, modified: modified, changed: changed), hash: fields[0])
        }
        return entries
    }

    /// Whether a file begins as an index does, damaged or not.
    static func isOne(_ path: String) -> Bool {
        guard let file = FileHandle(forReadingAtPath: path), let start = try? file.read(upToCount: 65) else {
            return false
        }
        return start.count == 65 && start[64] == 10
            && start.prefix(64).allSatisfy { 0x30...0x39 ~= $0 || 0x61...0x66 ~= $0 }
    }

    /// An index that cannot be written costs only time, so that is not an error. A file of this name that is none stays.
    private func save(_ entries: [String: Entry]) {
        var status = stat()
        guard stat(path, &status) != 0 || status.st_size == 0 || Self.isOne(path) else { return }
        var body = ""
        for (path, entry) in entries.sorted(by: { $0.key < $1.key }) where !path.contains("\n") {
            let stamp = entry.stamp
            body += "\(entry.hash) \(stamp.size) \(stamp.inode) \(stamp.modified) \(stamp.changed) \(path)\n"
        }
        try? AtomicFile.write(Digest.sha256(body) + "\n" + body, to: path)
    }
}
