import Basics
import Foundation

/// The names of an image cache's files: an index of contents, and a folder of packs for each kind of image settings.
public enum ImageCacheFiles {
    /// Remembers what photographs hold.
    static let index = "contents.index"
    /// Held by the process that builds a pack of its folder.
    static let lock = "build.lock"
    /// What the name of a pack ends with.
    static let pack = ".pack"
    /// What follows the name of a pack whose building was stopped.
    static let stopped = ".stopped.partial"

    /// The name of the folder for the packs of some settings.
    static func packFolder(_ settings: ImageSettings) -> String {
        "\(settings.resolution)-" + Digest.sha256(settings.key).prefix(12)
    }

    private static func isPackFolder(_ name: String) -> Bool { name.wholeMatch(of: /[0-9]{1,5}-[0-9a-f]{12}/) != nil }

    /// The paths of a cache's folders of packs.
    private static func packFolders(in cache: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: cache)) ?? []).filter(isPackFolder)
            .map { PathName.joined(cache, $0) }
    }

    /// Whether a file or folder of this name in `folder` belongs to an image cache there.
    public static func owns(_ name: String, in folder: String) -> Bool {
        guard name == index || isPackFolder(name) else { return false }
        return ContentIndex.isOne(PathName.joined(folder, index))
            || packFolders(in: folder).contains { access(PathName.joined($0, lock), F_OK) == 0 }
    }

    /// Removes unfinished packs: of processes that have ended without a word all, whatever their settings; of builds that
    /// were stopped those in `folder`, where they have been used, and in other folders those that were not used for
    /// a week.
    ///
    /// - Parameter folder: that of the packs whose build begins. Its lock is held.
    static func removeLeftOver(in cache: String, building folder: String) {
        PartialFile.removeLeftOver(in: cache) { $0 == index }
        for packs in packFolders(in: cache) {
            PartialFile.removeLeftOver(in: packs) { $0.hasSuffix(pack) }
            let oldest = packs == folder ? Date.distantFuture : Date(timeIntervalSinceNow: -7 * 86_400)
            for name in (try? FileManager.default.contentsOfDirectory(atPath: packs)) ?? []
            where name.hasSuffix(pack + stopped) {
                let path = PathName.joined(packs, name)
                let attributes = try? FileManager.default.attributesOfItem(atPath: path)
                if let changed = attributes?[.modificationDate] as? Date, changed < oldest { unlink(path) }
            }
        }
    }
}
