import Basics
import Foundation
import Models

/// Folders of finished stages: their names, and what shows that their files are those that training wrote.
package enum StageFolder {
    /// The record of a finished stage, in its folder.
    package static let recordName = "stage.json"

    /// Whether a name is that of a stage's folder: its own, a hyphen and sixteen digits of a hash.
    package static func isStage(_ name: String) -> Bool { name.wholeMatch(of: /.+-[0-9a-f]{16}/) != nil }

    /// The folder of view banks in a store.
    package static let bankFolder = "banks"

    /// Whether a folder holds finished or begun stages or view banks.
    package static func isOne(_ folder: String) -> Bool {
        func names(_ folder: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        }
        return names(folder).contains {
            isStage($0) && Folder.exists(PathName.joined(folder, $0))
                || access(PathName.joined(folder, $0, recordName), F_OK) == 0
        }
            || names(PathName.joined(folder, bankFolder)).contains {
                $0.wholeMatch(of: /.+-[0-9a-f]{16}(-features)?\.(safetensors|lock)/) != nil
            }
    }

    /// Whether a file or folder of this name in `folder` belongs to a store there.
    package static func owns(_ name: String, in folder: String) -> Bool {
        (name == bankFolder || isStage(name)) && isOne(folder)
    }

    /// The hash of a record's text without its own hash. The text counts, not what it is encoded to again: another version
    /// may write numbers in another form.
    package static func contentHash(of data: Data) -> String {
        let text = String(decoding: data, as: UTF8.self)
        return Digest.sha256(text.replacing(/"sha256" : "[0-9a-f]{64}"/, with: "\"sha256\" : \"\""))
    }

    /// Verifies that the model in a folder is the one that training wrote, where the folder is that of a stage.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file.
    package static func requireUnchanged(_ path: String) throws { _ = try verifiedRecord(in: path) }

    /// The record of a stage whose files are those that training wrote; nil without one.
    package static func verifiedRecord(in path: String) throws -> Data? {
        struct Hashes: Decodable {
            var weights: String
            var description: String
            var sha256: String
        }
        let place = PathName.joined(path, recordName)
        if Folder.exists(place) { throw damaged(place, in: path) }
        guard let data = try RegularFile.contents(of: place, atMost: 1 << 28) else { return nil }
        guard let hashes = try? JSONFormat.decoded(Hashes.self, from: data), contentHash(of: data) == hashes.sha256
        else { throw damaged(place, in: path) }
        for (name, hash) in [
            (ModelBundle.weightsName, hashes.weights), (ModelBundle.configurationName, hashes.description),
        ] {
            let file = PathName.joined(path, name)
            guard try RegularFile.exists(file), !Folder.exists(file), try Digest.sha256(fileAt: file) == hash
            else { throw damaged(file, in: path) }
        }
        return data
    }

    package static func damaged(_ file: String, in folder: String) -> FoveaError {
        FoveaError(
            .data, about: file, access(file, F_OK) == 0 ? "is not the file that training wrote" : "is missing",
            remedy: "Delete the folder \(folder); the stage is then trained again.")
    }
}
