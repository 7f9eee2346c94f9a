import Basics
import Foundation

/// The files of a folder, and of all folders below it, that matter for training or prediction.
package struct FolderListing {
    /// The folder.
    package let folder: String
    /// Names of image files by their folder, which is relative to `folder`; "" is `folder` itself.
    package private(set) var images: [String: Set<String>] = [:]
    /// The same files, those behind links last.
    package private(set) var imageFiles: [FolderWalk.File] = []
    /// CSV files, relative, in order of depth and name.
    package private(set) var tables: [String] = []
    /// YAML files.
    package private(set) var descriptions: [String] = []
    /// Weight files.
    package private(set) var weights: [String] = []
    /// What is left out, in addition to `otherFiles`.
    package private(set) var passedOver: PassedOver
    /// Files that are not images, tables and weights included.
    package private(set) var otherFiles: [String] = []

    /// Lists a folder and what is below it; hidden files and the folders of runs are skipped.
    ///
    /// An image is a file that begins as one, or is called so: then what is wrong with it is said where it is read.
    /// - Throws: `FoveaError` of kind `data` when it is not a folder that can be read.
    package init(_ folder: String) throws {
        self.folder = folder
        let walk = try FolderWalk(folder)
        passedOver = walk.passedOver
        for file in walk.files { add(file) }
        tables = Self.sorted(tables)
        descriptions = Self.sorted(descriptions)
        weights = Self.sorted(weights)
        otherFiles.sort()
    }

    /// The number of images.
    package var imageCount: Int { imageFiles.count }

    /// The name of the file, ending included, of an image that a table in `place` calls `name`.
    package func file(_ name: String, in place: String) -> String? {
        let path = PathName.joined(place, name)
        guard let files = images[PathName.folder(of: path)] else { return nil }
        let base = PathName.last(of: path)
        if files.contains(base) { return base }
        return PhotographFile.endings.lazy.flatMap { [base + "." + $0, base + "." + $0.uppercased()] }
            .first(where: files.contains)
    }

    private mutating func add(_ file: FolderWalk.File) {
        let name = PathName.last(of: file.path)
        let ending = PathName.ending(of: name)
        var isImage = PhotographFile.endings.contains(ending)
        if !isImage {
            guard let begins = ImageSignature.isImage(PathName.joined(folder, file.path)) else {
                return passedOver.add(file.path, .closedFile)
            }
            isImage = begins
        }
        guard isImage else {
            otherFiles.append(file.path)
            switch ending {
            case "csv": tables.append(file.path)
            case "yaml", "yml": descriptions.append(file.path)
            case "safetensors", "pth", "pt": weights.append(file.path)
            default: break
            }
            return
        }
        imageFiles.append(file)
        images[PathName.folder(of: file.path), default: []].insert(name)
    }

    private static func sorted(_ paths: [String]) -> [String] {
        paths.sorted { one, other in
            let depths = [one, other].map { $0.count { $0 == "/" } }
            return (depths[0], one) < (depths[1], other)
        }
    }
}
