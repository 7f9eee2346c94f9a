import Basics
import Foundation

extension MachineCheck {
    /// Where the documents lie that help and messages name: beside the program's folder where it is installed, above it where it
    /// was built. None where they were left out.
    static func documents() -> [Finding] {
        var folder = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        // Where it is built, it lies four folders deep.
        for _ in 0..<4 {
            folder = PathName.folder(of: folder)
            let documents = PathName.joined(folder, "docs")
            if FileManager.default.fileExists(atPath: PathName.joined(documents, "using-a-model.md")) {
                return [Finding(subject: "documents", text: documents)]
            }
        }
        return []
    }
}
