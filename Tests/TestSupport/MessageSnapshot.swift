import Basics
import Foundation

/// The wording of a family of errors, in a file of the folder `Messages` beside the tests: tests of single errors check kind
/// and place, one test of the family its words.
///
/// With `FOVEA_UPDATE_GOLDEN` in the environment the file is written.
public enum MessageSnapshot {
    /// The messages that are not as the file has them; empty where all are.
    ///
    /// - Parameters:
    ///   - name: of the file, without its ending.
    ///   - errors: what causes each error, and the error; nil where nothing was thrown.
    ///   - place: a folder whose name differs from run to run, and is left out.
    public static func differences(
        _ name: String, _ errors: [(cause: String, error: FoveaError?)], leavingOut place: String = "",
        test: String = #filePath
    ) throws -> [String] {
        let texts = errors.map { ($0.cause, Printable.message($0.error?.description ?? "none")) }
        return try differences(name, texts: texts, leavingOut: place, test: test)
    }

    /// The same of texts that a program has printed.
    public static func differences(
        _ name: String, texts: [(cause: String, text: String)], leavingOut place: String = "", test: String = #filePath
    ) throws -> [String] {
        let found = texts.map { cause, text in
            "\(String(reflecting: cause.count > 120 ? cause.prefix(120) + "..." : cause))\n    "
                + text.replacing(/\n$/, with: "").replacing(place, with: "").replacing("\n", with: "\n    ") + "\n"
        }
        let path = PathName.joined(PathName.folder(of: test), "Messages/" + name + ".txt")
        let text = found.joined(separator: "\n")
        if ProcessInfo.processInfo.environment["FOVEA_UPDATE_GOLDEN"] != nil {
            try Folder.make(PathName.folder(of: path))
            try AtomicFile.write(text, to: path)
            return []
        }
        let stored = try String(contentsOfFile: path, encoding: .utf8)
        guard stored != text else { return [] }
        return found.filter { !stored.contains($0) } + ["\(path) has \(stored.count) characters, not \(text.count)"]
    }
}
