import Basics
import Foundation
import NIOCore
import Prediction
import Serving

/// A model on the command line of `fovea serve`.
public struct NamedModel: Sendable, Equatable {
    /// What requests call it.
    public let name: String
    /// Its folder.
    public let folder: String

    /// Reads the arguments: FOLDER, which is called as its last part, or NAME=FOLDER.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a name that cannot stand in an address, or that two have.
    public static func all(_ arguments: [String]) throws -> [NamedModel] {
        let models = try arguments.map(NamedModel.init)
        for (number, model) in models.enumerated() {
            guard let other = models[..<number].first(where: { $0.name == model.name }) else { continue }
            throw FoveaError(
                .configuration, "two models are called \"\(model.name)\": \(other.folder) and \(model.folder)",
                remedy: "Give one of them a name: NAME=\(ShellWord.quoted(model.folder)).")
        }
        return models
    }

    private init(_ argument: String) throws {
        if let sign = argument.firstIndex(of: "="), ServedModel.isName(String(argument[..<sign])) {
            name = String(argument[..<sign])
            folder = InferenceModel.folder(String(argument[argument.index(after: sign)...]))
            return
        }
        if let sign = argument.firstIndex(of: "="), !Folder.exists(argument) {
            throw FoveaError(
                .configuration,
                "\(argument): \"\(argument[..<sign])\" cannot stand in an address; letters, digits and ._- can",
                remedy: "Choose another NAME=FOLDER.")
        }
        folder = InferenceModel.folder(argument)
        // Of "." and "..", what they stand for.
        name = URL(fileURLWithPath: folder).standardizedFileURL.lastPathComponent
        guard ServedModel.isName(name) else {
            throw FoveaError(
                .configuration,
                "the folder \(folder) has a name that cannot stand in an address; letters, digits and ._- can",
                remedy: "Choose what requests call it: NAME=\(ShellWord.quoted(folder)).")
        }
    }
}

/// The token that callers must know.
public enum ServerToken {
    /// Reads it from a file: its only line, 16 to 1,000 characters that can stand in a header.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func read(_ path: String) throws -> String {
        guard let data = try RegularFile.contents(of: path, atMost: 4096, kind: .configuration) else {
            throw FoveaError(
                .configuration, "cannot read \(path): \(RegularFile.noSuchFile(path))", remedy: remedy)
        }
        let token = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard 16...1000 ~= token.utf8.count, token.utf8.allSatisfy({ 33...126 ~= $0 }) else {
            throw FoveaError(
                .configuration, about: path,
                "does not hold a token: one line of 16 to 1000 letters, digits and punctuation, without spaces",
                remedy: remedy)
        }
        return token
    }

    /// Whether all users of the machine may read the file; its group may, as in a container.
    public static func isReadByOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o004 != 0
    }

    private static let remedy = "Make one with `openssl rand -hex 32 > token`, readable by you only (chmod 600 token)."
}

extension ServerAddress {
    /// A host without the brackets in which addresses of version 6 stand before a port.
    public static func withoutBrackets(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// Verifies that a host is an address, or a name that has one.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    public static func requireKnown(_ host: String) throws {
        guard (try? SocketAddress.makeAddressResolvingHost(host, port: 0)) == nil else { return }
        throw FoveaError(
            .configuration,
            "--host is \"\(host)\", which is neither an address nor a name that this machine can look up",
            remedy: "Give 127.0.0.1 for this machine only, 0.0.0.0 for all its addresses, or one of them.")
    }

    /// Whether only programs on this machine reach a host.
    public static func isLocal(_ host: String) -> Bool {
        ["localhost", "::1"].contains(host.lowercased())
            || (host.hasPrefix("127.") && host.allSatisfy { $0.isNumber || $0 == "." })
    }
}
