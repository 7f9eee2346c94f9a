import Foundation

/// Room on a file system.
public enum DiskSpace {
    /// Refuses work whose result would not fit.
    ///
    /// - Parameters:
    ///   - bytes: what will be written.
    ///   - folder: where; it need not exist yet.
    ///   - what: "models and view banks of this run".
    /// - Throws: `FoveaError` of kind `storage` when the file system of `folder` has less left; nothing where the system
    ///   does not tell.
    public static func require(_ bytes: Int, in folder: String, for what: String, remedy: String) throws {
        var place = URL(fileURLWithPath: folder).standardizedFileURL
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
            place.deleteLastPathComponent()
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue, free < bytes else { return }
        func mebibytes(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
        throw FoveaError(
            .storage, "\(what) take about \(mebibytes(bytes)), and \(place.path) has \(mebibytes(free)) left",
            remedy: remedy)
    }
}
