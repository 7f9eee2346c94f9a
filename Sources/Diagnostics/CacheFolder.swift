import Basics
import Foundation
import Reports

/// The per-user cache: whether it can be written to, what it holds and how much space is left.
struct CacheFolder {
    let path: String

    init(_ path: String) { self.path = path }

    var findings: [MachineCheck.Finding] {
        var existing = path
        while !existing.isEmpty, existing != "/", !FileManager.default.fileExists(atPath: existing) {
            existing = PathName.folder(of: existing)
        }
        if existing.isEmpty { existing = "." }
        guard access(existing, W_OK | X_OK) == 0 else {
            return [
                .init(
                    subject: "cache", text: "\(path) cannot be written to", state: .fault,
                    remedy: "Choose another folder: export FOVEA_CACHE=FOLDER")
            ]
        }
        let system = try? FileManager.default.attributesOfFileSystem(forPath: existing)
        let free = (system?[.systemFreeSize] as? NSNumber)?.int64Value
        var finding = MachineCheck.Finding(
            subject: "cache",
            text: "\(path): \(Self.words(size)), \(free.map(Self.words) ?? "an unknown amount") free on its disk")
        if let free, free < 2 << 30 {
            finding.state = .note
            finding.remedy = "Training needs space for decoded images: export FOVEA_CACHE=FOLDER on another disk."
        }
        return [finding]
    }

    private var size: Int64 {
        guard let files = FileManager.default.enumerator(atPath: path) else { return 0 }
        var sum: Int64 = 0
        while files.nextObject() != nil {
            if files.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
                sum += (files.fileAttributes?[.size] as? NSNumber)?.int64Value ?? 0
            }
        }
        return sum
    }

    private static func words(_ bytes: Int64) -> String {
        let gigabytes = Double(bytes) / 1_073_741_824
        return gigabytes >= 1 ? NumberFormat.fixed(gigabytes, decimals: 1) + " GiB" : "\(bytes / 1_048_576) MiB"
    }
}
