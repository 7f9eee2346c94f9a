import Basics
import Foundation

/// The files of a folder that matter for training, told apart by their endings.
struct FolderListing {
    /// The folder.
    let folder: String
    /// Names of image files by their folder, which is relative to `folder`; "" is `folder` itself.
    private(set) var images: [String: Set<String>] = [:]
    /// CSV files, relative, in order of depth and name.
    private(set) var tables: [String] = []
    /// YAML files.
    private(set) var descriptions: [String] = []
    /// Weight files.
    private(set) var weights: [String] = []

    private static let maximumDepth = 5

    /// Lists a folder and what is below it, five levels deep; hidden files and the folders of runs are passed over.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is no folder that can be read.
    init(_ folder: String) throws {
        self.folder = folder
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else {
            throw FoveaError(.data, "the folder \(folder) does not exist", remedy: "Check the path.")
        }
        guard isFolder.boolValue, let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw FoveaError(
                .data, "\(folder) is not a folder that can be read", remedy: "Name the folder of the data.")
        }
        add(names, in: "", depth: 0)
        tables = Self.sorted(tables)
        descriptions = Self.sorted(descriptions)
        weights = Self.sorted(weights)
    }

    /// The number of images.
    var imageCount: Int { images.values.reduce(0) { $0 + $1.count } }

    /// The name of the file, ending included, of an image that a table in `place` calls `name`.
    func file(_ name: String, in place: String) -> String? {
        let path = PathName.joined(place, name)
        guard let files = images[PathName.folder(of: path)] else { return nil }
        let base = PathName.last(of: path)
        if files.contains(base) { return base }
        return PhotographFile.endings.lazy.flatMap { [base + "." + $0, base + "." + $0.uppercased()] }
            .first(where: files.contains)
    }

    private mutating func add(_ names: [String], in place: String, depth: Int) {
        let isRun =
            names.contains("metrics.json") || names.contains("stage.json")
            || (names.contains("config.json") && names.contains("model.safetensors"))
        guard !isRun else { return }
        for name in names where !name.hasPrefix(".") {
            let path = PathName.joined(place, name)
            switch PathName.ending(of: name) {
            case let ending where PhotographFile.endings.contains(ending): images[place, default: []].insert(name)
            case "csv": tables.append(path)
            case "yaml", "yml": descriptions.append(path)
            case "safetensors", "pth", "pt": weights.append(path)
            default:
                guard depth < Self.maximumDepth,
                    let inner = try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + path)
                else { continue }
                add(inner, in: path, depth: depth + 1)
            }
        }
    }

    private static func sorted(_ paths: [String]) -> [String] {
        paths.sorted { one, other in
            let depths = [one, other].map { $0.count { $0 == "/" } }
            return (depths[0], one) < (depths[1], other)
        }
    }
}
