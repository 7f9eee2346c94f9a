import Basics
import Foundation
import FundusImaging

/// A photograph to predict: what it is called in tables, and its file.
public struct NamedImage: Sendable, Equatable {
    /// Its name: relative to the folder that was given, or the file's own name.
    public var name: String
    /// Its path.
    public var path: String
}

/// Finds the photographs that the arguments of `fovea predict` name.
public enum ImageArguments {
    /// Files as they are; of folders every photograph in them and below, sorted: files that begin as an image whatever
    /// they are called, and those that are called so (`PhotographFile`). Each file once, whatever names it has.
    ///
    /// Names are short (the file's own, or relative to the folder) as long as that distinguishes the images; otherwise
    /// they are the paths.
    /// - Parameter report: called with what is skipped: one line per reason, with the number and the first names.
    /// - Throws: `FoveaError` of kind `data` for a folder without photographs.
    public static func expand(_ arguments: [String], report: (String) -> Void = { _ in }) throws -> [NamedImage] {
        var images: [NamedImage] = []
        var passedOver = PassedOver()
        var taken = Set<FileIdentity>()
        var absent = Set<String>()
        for argument in arguments {
            guard !argument.isEmpty else {
                throw FoveaError(
                    .data, "the path of an image is empty", remedy: "Is a variable of the shell not set?")
            }
            guard Folder.exists(argument) else {
                // A file that does not exist is reported with those that cannot be read.
                let isNew = FileIdentity(argument).map { taken.insert($0).inserted } ?? absent.insert(argument).inserted
                if isNew {
                    images.append(NamedImage(name: PathName.last(of: argument), path: argument))
                } else {
                    passedOver.add(argument, .sameFile)
                }
                continue
            }
            let listing = try FolderListing(argument)
            passedOver.add(listing.passedOver, in: argument)
            for path in listing.otherFiles { passedOver.add(PathName.joined(argument, path), .notImage) }
            guard listing.imageCount > 0 else {
                for note in passedOver.notes { report(note) }
                throw FoveaError(.data, about: argument, "holds no photographs", remedy: PhotographFile.sentence)
            }
            var names: [String] = []
            for file in listing.imageFiles {
                if taken.insert(file.identity).inserted {
                    names.append(file.path)
                } else {
                    passedOver.add(PathName.joined(argument, file.path), .sameFile)
                }
            }
            images += names.sorted().map { NamedImage(name: $0, path: PathName.joined(argument, $0)) }
        }
        for note in passedOver.notes { report(note) }
        guard Set(images.map(\.name)).count == images.count else {
            return images.map { NamedImage(name: $0.path, path: $0.path) }
        }
        return images
    }
}
