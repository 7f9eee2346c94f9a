import Basics
import Foundation
import RunFiles

extension ComparisonFolder {
    /// Refuses the description in a comparison's own folder where its relative paths would now lead elsewhere.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the folder from which they count.
    public static func requireOrigin(of description: String, _ settings: ComparisonSettings) throws {
        let folder = PathName.folder(of: description)
        guard PathName.last(of: description) == descriptionName,
            let record = try read(folder)
        else { return }
        let paths = [settings.output] + [settings.stages].compactMap { $0 } + settings.datasets.map(\.configuration)
        let here = FileManager.default.currentDirectoryPath
        guard record.madeIn != here, let relative = paths.first(where: { !$0.hasPrefix("/") }) else { return }
        throw FoveaError(
            .configuration, about: description,
            "names \"\(relative)\", which counts from \(record.madeIn), where the comparison was begun; the "
                + "working directory is \(here)", remedy: "Change to that folder first: cd \(record.madeIn)")
    }
}
