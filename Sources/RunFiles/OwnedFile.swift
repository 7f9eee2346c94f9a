import Basics
import Execution
import Foundation
import FundusImaging

/// Files that Fovea keeps in folders of its own: those of runs, models, comparisons, finished stages and caches.
enum OwnedFile {
    /// The folder whose own file lies, or would lie, at a path; nil for none.
    static func owner(of path: String) -> String? {
        var folder = PathName.folder(of: path)
        guard let whole = realpath(folder.isEmpty ? "." : folder, nil) else { return nil }
        defer { free(whole) }
        folder = String(cString: whole)
        var inner = PathName.last(of: path)
        while true {
            if isOwned(PartialFile.finalName(of: inner) ?? inner, in: folder) { return folder }
            guard folder != "/", !folder.isEmpty else { return nil }
            inner = PathName.last(of: folder)
            folder = PathName.folder(of: folder)
        }
    }

    private static func isOwned(_ name: String, in folder: String) -> Bool {
        RunFolder.owns(name, in: folder) || ComparisonFolder.owns(name, in: folder)
            || StageFolder.owns(name, in: folder) || ImageCacheFiles.owns(name, in: folder)
            || ExecutionContext.userCacheOwns(name, in: folder)
    }
}

extension FileManager {
    /// Whether there is a folder at a path with something in it.
    func isFilledFolder(_ path: String) -> Bool { !((try? contentsOfDirectory(atPath: path)) ?? []).isEmpty }
}
