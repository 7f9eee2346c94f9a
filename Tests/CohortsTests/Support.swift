import Basics
import Cohorts
import Foundation

/// A folder that goes away with its owner.
final class Scratch {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "fovea-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path + "/images", withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var images: String { path + "/images" }

    /// Writes `text` to a file of the folder and gives its path.
    func write(_ text: String, to name: String = "labels.csv") throws -> String {
        try AtomicFile.write(text, to: path + "/" + name)
        return path + "/" + name
    }

    /// Makes small files, each with its name as content.
    func makeImages(_ names: String...) throws {
        for name in names { try AtomicFile.write(name, to: images + "/" + name) }
    }
}

/// The text of the error that `body` throws.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "no error"
    } catch {
        return "\(error)"
    }
}

/// The data set folder beside the project, where it exists.
let sharedData: String? = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().resolvingSymlinksInPath()
    let shared = tests.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared").path
    return FileManager.default.fileExists(atPath: shared + "/data/odir256/labels.csv") ? shared : nil
}()

/// A cohort in memory: one string of 0, 1 and ? a photograph.
func makeCohort(
    _ rows: [String], classes: [String]? = nil, patients: [String?]? = nil, folds: [Int?]? = nil,
    splits: [String]? = nil
) throws -> Cohort {
    let names = classes ?? (rows.first ?? "").indices.enumerated().map { "c\($0.offset)" }
    let photographs = rows.indices.map { row in
        Photograph(
            image: "i\(row).png", path: "/nowhere/i\(row).png", patient: patients?[row], fold: folds?[row],
            split: splits?[row])
    }
    let labels = rows.joined().map { $0 == "?" ? Int8(-1) : ($0 == "1" ? 1 : 0) }
    return try Cohort(classes: names, photographs: photographs, labels: labels)
}
