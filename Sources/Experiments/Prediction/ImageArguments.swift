import Basics
import Foundation

/// A photograph to predict: what it is called in tables, and its file.
public struct NamedImage: Sendable, Equatable {
    /// Its name: relative to the folder that was given, or the file's own name.
    public var name: String
    /// Its path.
    public var path: String
}

/// Finds the photographs that the arguments of `fovea predict` name.
public enum ImageArguments {
    /// Files as they are; of folders every photograph (see `PhotographFile`) in them and below, sorted. Each file once.
    ///
    /// Names are short (the file's own, or relative to the folder) as long as that tells the images apart; otherwise
    /// they are the paths.
    /// - Throws: `FoveaError` of kind `data` for a folder without photographs.
    public static func expand(_ arguments: [String]) throws -> [NamedImage] {
        var images: [NamedImage] = []
        var seen = Set<String>()
        for argument in arguments {
            guard Folder.exists(argument) else {
                // A file that does not exist is reported with those that cannot be read.
                let name = PathName.last(of: argument)
                if seen.insert(argument).inserted { images.append(NamedImage(name: name, path: argument)) }
                continue
            }
            let listing = try FolderListing(argument)
            let names = listing.images.flatMap { place, names in
                names.map { PathName.joined(place, $0) }
            }
            guard !names.isEmpty else {
                throw FoveaError(.data, "\(argument) holds no photographs", remedy: PhotographFile.sentence)
            }
            let folder = argument.hasSuffix("/") ? argument : argument + "/"
            for name in names.sorted() where seen.insert(folder + name).inserted {
                images.append(NamedImage(name: name, path: folder + name))
            }
        }
        guard Set(images.map(\.name)).count == images.count else {
            return images.map { NamedImage(name: $0.path, path: $0.path) }
        }
        return images
    }
}
