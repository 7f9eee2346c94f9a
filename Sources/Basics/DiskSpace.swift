import Foundation

/// Room on a file system.
public enum DiskSpace {
    /// What will be written somewhere.
    public struct Need: Sendable {
        /// How many bytes.
        public let bytes: Int
        let folder: String
        let what: String

        /// - Parameters:
        ///   - folder: it need not exist yet.
        ///   - what: in the plural, such as "models and view banks".
        public init(_ bytes: Int, in folder: String, for what: String) {
            self.bytes = bytes
            self.folder = folder
            self.what = what
        }
    }

    /// Refuses work whose results would not fit, taken together where they go to the same file system.
    ///
    /// - Parameter work: "this run".
    /// - Throws: `FoveaError` of kind `storage` when a file system has less left; nothing where the system does not
    ///   say.
    public static func require(_ needs: [Need], of work: String, remedy: String) throws {
        var systems: [(number: Int, place: String, free: Int, needs: [Need])] = []
        for need in needs where need.bytes > 0 {
            let place = existing(need.folder)
            guard let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place),
                let free = (attributes[.systemFreeSize] as? NSNumber)?.intValue
            else { continue }
            let number = (attributes[.systemNumber] as? NSNumber)?.intValue ?? -1 - systems.count
            if let known = systems.firstIndex(where: { $0.number == number }) {
                systems[known].needs.append(need)
            } else {
                systems.append((number, place, free, [need]))
            }
        }
        for system in systems {
            let sum = system.needs.reduce(0) { $0 + $1.bytes }
            guard system.free < sum else { continue }
            let parts = system.needs.map { "\($0.what) \(mebibytes($0.bytes))" }.joined(separator: ", ")
            throw FoveaError(
                .storage,
                "\(work) needs about \(mebibytes(sum)) (\(parts)), and \(system.place) has \(mebibytes(system.free)) left",
                remedy: remedy)
        }
    }

    /// The folder itself, or the one above it that is there.
    private static func existing(_ folder: String) -> String {
        var place = URL(fileURLWithPath: folder).standardizedFileURL
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
            place.deleteLastPathComponent()
        }
        return place.path
    }

    /// Rounded up, so that nothing is never what is missing.
    /// A number of bytes in whole MiB, rounded up, such as "12 MiB".
    public static func mebibytes(_ bytes: Int) -> String { "\((max(0, bytes) + (1 << 20) - 1) >> 20) MiB" }
}
