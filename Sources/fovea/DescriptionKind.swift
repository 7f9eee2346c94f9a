import Basics
import Foundation

/// Of the two kinds of YAML file, configurations of runs and descriptions of comparisons, each is refused in one message
/// where the other one is expected.
enum DescriptionKind {
    /// - Throws: `FoveaError` of kind `configuration` for the configuration of a run.
    static func requireComparison(_ path: String) throws {
        let keys = keys(of: path)
        guard keys.contains("data"), keys.isDisjoint(with: ["datasets", "techniques"]) else { return }
        throw FoveaError(
            .configuration, about: path,
            "is the configuration of a run; a comparison is a file that names such configurations, and techniques",
            remedy:
                "For instance, with these two lines: datasets: [{name: mine, config: \(PathName.last(of: path))}] and techniques: "
                + "[{name: bce}, {name: asl, set: [technique.loss=asymmetric]}]. docs/comparing.md has all keys.")
    }

    /// - Throws: `FoveaError` of kind `configuration` for the description of a comparison.
    static func requireRun(_ path: String) throws {
        let keys = keys(of: path)
        guard keys.isSuperset(of: ["datasets", "techniques"]) else { return }
        throw FoveaError(
            .configuration, about: path, "is the description of a comparison, not the configuration of a run",
            remedy: "`fovea compare \(ShellWord.quoted(path))` runs it.")
    }

    /// The keys that begin lines; none of what cannot be read, of which the reader says what is wrong.
    private static func keys(of path: String) -> Set<String> {
        guard let data = try? RegularFile.contents(of: path, atMost: 1 << 20),
            let text = String(validating: data, as: UTF8.self)
        else { return [] }
        return Set(text.split(separator: "\n").compactMap { $0.prefixMatch(of: /([a-z_]+):/).map { String($0.1) } })
    }
}
