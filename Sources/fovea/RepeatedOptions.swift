import ArgumentParser
import Foundation

/// Options that are given several times though they have one value: the parser would take the last one without a word.
enum RepeatedOptions {
    /// A command as the parser describes it (`--experimental-dump-help`).
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable { let name: String }
            let kind: String
            let isRepeating: Bool
            let names: [Name]?
        }
        let commandName: String
        let arguments: [Argument]?
        let subcommands: [Command]?
    }

    private struct Dump: Decodable { let command: Command }

    /// Refuses an option with one value that occurs twice.
    ///
    /// - Parameter arguments: those of the program, without its name.
    /// - Throws: `ValidationError` that names it.
    static func refuse(in arguments: [String]) throws {
        let given = arguments.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }
            .map { String($0.dropFirst(2).prefix { $0 != "=" }) }
        let repeated = Set(given.filter { name in given.count { $0 == name } > 1 })
        guard !repeated.isEmpty else { return }
        var command = try JSONDecoder().decode(Dump.self, from: Data(Fovea._dumpHelp().utf8)).command
        for word in arguments {
            guard let next = command.subcommands?.first(where: { $0.commandName == word }) else { break }
            command = next
        }
        let single = (command.arguments ?? []).filter { $0.kind == "option" && !$0.isRepeating }
            .flatMap { $0.names ?? [] }.map(\.name)
        guard let name = given.first(where: { repeated.contains($0) && single.contains($0) }) else { return }
        throw ValidationError("--\(name) is given \(given.count { $0 == name }) times, and has one value")
    }
}
