import Basics
import Foundation

/// Reads a configuration from YAML and `--set` arguments.
///
/// Keys left out keep their defaults. Unknown keys, wrong types, impossible values, doubled keys, aliases and tags are
/// errors that name the file and line (or the `--set`), the dotted key, what was found and what is allowed; up to ten
/// are reported at once.
public enum ConfigurationReader {
    /// Reads the file at `path`, then applies `settings` in order.
    ///
    /// - Parameters:
    ///   - settings: the arguments of `--set`, each `a.b=value` with the value in YAML.
    ///   - environment: the variables that paths may use.
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func read<Section: ConfigurationSection>(
        _ type: Section.Type, file path: String, settings: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Section {
        try read(type, yaml: contents(of: path), source: path, settings: settings, environment: environment)
    }

    /// Reads YAML text, then applies `settings` in order; `source` names the text in messages.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func read<Section: ConfigurationSection>(
        _ type: Section.Type, yaml: String, source: String, settings: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Section {
        let text = YAMLText { FilePlace(source, line: $0) }
        var tree = try text.tree(yaml) ?? Tree(content: .mapping([]), place: FilePlace(source))
        // A file of comments alone is a null document.
        if case .scalar(let scalar) = tree.content, scalar.isNull { tree.content = .mapping([]) }
        guard case .mapping = tree.content else {
            throw FoveaError(
                .configuration, at: tree.place, "a configuration is a list of \"key: value\", and this is \(tree.words)"
            )
        }
        for setting in settings { try apply(setting, to: &tree) }
        guard case .mapping(let entries) = tree.content else { return Section() }
        var reading = Reading(environment: environment)
        let top = KeyPosition(path: "", place: FilePlace(source), expected: "a section")
        let section = Section.read(entries, top, Section(), &reading)
        if let error = reading.error { throw error }
        return section ?? Section()
    }

    private static func apply(_ setting: String, to tree: inout Tree) throws {
        let place = FilePlace("--set " + Tree.printable(setting))
        let sides = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let keys = (sides.first ?? "").split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, keys.allSatisfy({ !$0.isEmpty }) else {
            throw FoveaError(
                .configuration, at: place, "key=value is expected, such as training.epochs=10 or distillation=null")
        }
        let nothing = Tree(content: .scalar(Scalar(text: "", isPlain: true)), place: place)
        let value = try YAMLText { _ in place }.tree(String(sides[1])) ?? nothing
        try tree.set(keys[...], to: value)
    }

    private static func contents(of path: String) throws -> String {
        guard let data = try RegularFile.contents(of: path, atMost: YAMLText.maximumBytes, kind: .configuration) else {
            throw FoveaError(
                .configuration, "cannot read the configuration \(path): no such file",
                remedy: "`fovea init FOLDER` writes a first configuration.", place: FilePlace(path))
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw FoveaError(.configuration, at: FilePlace(path), "not a text in UTF-8")
        }
        return text
    }
}
