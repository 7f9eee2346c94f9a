import Basics
import Foundation

/// The folder of a comparison, and the folder from which its paths count: `sources.json` in it.
public struct ComparisonFolder: Codable {
    /// The description's name in the folder.
    public static let descriptionName = "comparison.yaml"
    private static let own = [
        descriptionName, "comparison.md", "comparison.json", "means.csv", "differences.csv", "groups.csv", "costs.csv",
        "cells.csv", "decisions.csv",
    ]

    private var format = 1
    private var fovea = Program.version
    /// Where the comparison was begun.
    private var madeIn = FileManager.default.currentDirectoryPath

    private enum CodingKeys: String, CodingKey {
        case format, fovea
        case madeIn = "made_in"
    }

    /// Makes the folder, or takes it over from a process before.
    ///
    /// - Throws: `FoveaError` of kind `configuration` where it holds files that a comparison would overwrite and that none
    ///   wrote.
    static func accept(_ folder: String) throws {
        let record = folder + "/" + RunSources.name
        if access(record, F_OK) == 0 { return }
        func isFilled(_ name: String) -> Bool {
            !((try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + name)) ?? []).isEmpty
        }
        // Comparisons of earlier versions left no record, but cells.
        if !isFilled("cells") {
            let foreign =
                own.filter { access(folder + "/" + $0, F_OK) == 0 } + (isFilled("plots") ? ["plots/"] : [])
            guard foreign.isEmpty else {
                throw FoveaError(
                    .configuration,
                    "\(folder) holds files that a comparison would overwrite and that were not written by one: "
                        + Wording.listing(foreign), remedy: "Choose another `output`, or move these files away.")
            }
        }
        try Folder.make(folder)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(encoder.encode(ComparisonFolder()) + Data("\n".utf8), to: record)
    }

    /// Refuses the description in a comparison's own folder where its relative paths would now lead elsewhere.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the folder from which they count.
    public static func requireOrigin(of description: String, _ settings: ComparisonSettings) throws {
        let folder = PathName.folder(of: description)
        guard PathName.last(of: description) == descriptionName,
            let data = try RegularFile.contents(
                of: PathName.joined(folder, RunSources.name), atMost: 1 << 20),
            let record = try? JSONDecoder().decode(ComparisonFolder.self, from: data)
        else { return }
        let paths = [settings.output] + [settings.stages].compactMap { $0 } + settings.datasets.map(\.configuration)
        let here = FileManager.default.currentDirectoryPath
        guard record.madeIn != here, let relative = paths.first(where: { !$0.hasPrefix("/") }) else { return }
        throw FoveaError(
            .configuration,
            "\(description) names \"\(relative)\", which counts from \(record.madeIn), where the comparison was begun; the "
                + "working directory is \(here)", remedy: "Change to that folder first: cd \(record.madeIn)")
    }
}
