import Basics
import ConfigurationFile
import Foundation
import Settings

/// A configuration from a file. The paths in that of a run folder are resolved against where the run was made; in any
/// other they count from the working directory.
public struct RunConfiguration: Sendable {
    /// As the file has it.
    public let written: RunSettings
    /// With the paths resolved, and with `--set`.
    public let settings: RunSettings
    /// The run folder; nil where the file is not that of a run.
    let folder: String?
    private let missing: [RunSources.Missing]

    /// The file's name in a run folder.
    public static let name = "config.yaml"

    /// Reads a file, then applies the arguments of `--set`, whose paths count from the working directory.
    ///
    /// - Throws: `FoveaError` of kind `configuration`, or of kind `data` when the run's `sources.json` is damaged.
    public init(file path: String, settings given: [String] = []) throws {
        let place = PathName.folder(of: path)
        guard PathName.last(of: path) == Self.name, let sources = try RunSources.read(place) else {
            written = try ConfigurationReader.read(RunSettings.self, file: path, settings: given)
            settings = written
            folder = nil
            missing = []
            return
        }
        written = try ConfigurationReader.read(RunSettings.self, file: path)
        let (resolved, missing) = try sources.resolve(written, in: place.isEmpty ? "." : place)
        settings =
            given.isEmpty
            ? resolved
            : try ConfigurationReader.read(
                RunSettings.self, yaml: ConfigurationWriter.yaml(resolved, commented: false), source: path,
                settings: given)
        folder = place.isEmpty ? "." : place
        // What `--set` replaces is not missing.
        let kept = Set(settings.paths.map { "\($0.key) \($0.path)" })
        let named = Dictionary(resolved.paths.map { ($0.key, $0.path) }) { first, _ in first }
        self.missing = missing.filter { kept.contains("\($0.key) \(named[$0.key] ?? "")") }
    }

    /// Verifies that the run's files are where they were, or are in the same place relative to the run folder.
    ///
    /// - Parameter weights: whether `model.weights` is requested too, as for a run that is resumed.
    /// - Throws: `FoveaError` of kind `data` that names the first that is not, and where it was looked for.
    public func requireFiles(weights: Bool = false) throws {
        guard let folder, let first = missing.first(where: { weights || $0.key != "model.weights" }) else { return }
        let places = first.places.enumerated().map { index, place in
            place
                + (index == 0
                    ? " (where it was when the run was made)" : " (the same place relative to the run folder)")
        }
        throw FoveaError(
            .data,
            "\(first.key) of the run in \(folder) is \"\(first.written)\", and there is no such file or folder: it was "
                + "looked for at " + places.joined(separator: " and at "),
            remedy: weights
                ? "Move it back, or write where it is now into \(folder)/\(Self.name)."
                : "Move it back, or \(Self.otherPlace(first.key, folder)); or evaluate on a table: --labels TABLE.")
    }

    /// How to name another file for a key: `--set` cannot reach into a list.
    private static func otherPlace(_ key: String, _ folder: String) -> String {
        key.contains("[")
            ? "write where it is now into \(folder)/\(name)" : "name another: --set \(key)=PATH"
    }
}
