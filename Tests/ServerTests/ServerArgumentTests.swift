import Basics
import Foundation
import Server
import TestSupport
import Testing

/// What `fovea serve` is told.
struct ServerArgumentTests {
    @Test func modelsAreNamed() throws {
        let models = try NamedModel.all(["runs/a", "b=runs/x=y", "/c/model.safetensors"])
        #expect(models.map(\.name) == ["a", "b", "c"])
        #expect(models.map(\.folder) == ["runs/a", "runs/x=y", "/c"])
        #expect(
            foveaError { _ = try NamedModel.all(["x/a", "y/a"]) }?.message.contains("two models are called \"a\"")
                == true)
        #expect(foveaError { _ = try NamedModel.all(["runs/my model"]) }?.kind == .configuration)
        #expect(
            foveaError { _ = try NamedModel.all(["my name=runs/x"]) }?.message.contains("\"my name\" cannot stand")
                == true)
        #expect(foveaError { _ = try NamedModel.all(["/"]) }?.kind == .configuration)
    }

    @Test(arguments: [
        ("localhost", true), ("127.0.0.1", true), ("127.9.9.9", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("127.evil.example", false), ("example.org", false),
    ])
    func onlyLoopbackIsLocal(_ host: String, _ expected: Bool) { #expect(ServerAddress.isLocal(host) == expected) }

    @Test(arguments: [("[::1]", "::1"), ("::1", "::1"), ("127.0.0.1", "127.0.0.1"), ("[", "[")])
    func anAddressIsTakenAsItIsPrinted(_ host: String, _ expected: String) {
        #expect(ServerAddress.withoutBrackets(host) == expected)
    }

    @Test func aHostThatIsNotKnownIsNamed() {
        #expect(foveaError { try ServerAddress.requireKnown("127.0.0.1") } == nil)
        let error = foveaError { try ServerAddress.requireKnown("no such host") }
        #expect(error?.kind == .configuration && error?.message.contains("\"no such host\"") == true)
    }

    /// A container gives a secret to the group that its process is in.
    @Test(arguments: [(0o600, false), (0o440, false), (0o644, true), (0o604, true)])
    func aTokenThatAllUsersReadIsWarnedAbout(_ mode: Int, _ expected: Bool) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("0123456789abcdef", to: "token")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        #expect(ServerToken.isReadByOthers(path) == expected)
    }

    @Test func aTokenIsOneLine() throws {
        let folder = try TemporaryFolder()
        #expect(try ServerToken.read(folder.write("0123456789abcdef\n", to: "good")) == "0123456789abcdef")
        for (number, text) in ["", "short", "0123456789 abcdef", "0123456789\nabcdef01", "0123456789abcdeé"]
            .enumerated()
        {
            let path = try folder.write(text, to: "\(number)")
            #expect(foveaError { _ = try ServerToken.read(path) }?.kind == .configuration, "\(text)")
        }
        #expect(foveaError { _ = try ServerToken.read(folder.path + "/missing") }?.kind == .configuration)
        #expect(foveaError { _ = try ServerToken.read(folder.path) }?.kind == .configuration)
    }
}
