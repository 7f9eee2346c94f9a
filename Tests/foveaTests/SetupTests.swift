import Foundation
import TestSupport
import Testing

/// A copy of `tools/setup.py` with a cache, a compiler and a pip that the test makes up; nothing is downloaded.
struct SetupTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        let project = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        for name in ["tools/setup.py", "tools/wheels.txt"] {
            try folder.write(Data(contentsOf: project.appendingPathComponent(name)), to: "project/" + name)
        }
        for library in ["libtorch-2.11.0", "libvips-8.18.7"] {
            try folder.write("x", to: "cache/\(library)/lib/x.so")
            try folder.write(#"{"lib/x.so": {"size": 1, "sha256": ""}}"#, to: "cache/\(library)/manifest.json")
        }
        try folder.write("raise SystemExit(1)\n", to: "python/pip.py")
        try useSwift("6.3.1")
    }

    private func useSwift(_ version: String) throws {
        try folder.write("#!/bin/sh\necho 'Swift version \(version) (swift-\(version)-RELEASE)'\n", to: "bin/swift")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path + "/bin/swift")
    }

    private func run(
        _ arguments: [String] = [], _ variables: [String: String] = [:]
    ) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", folder.path + "/project/tools/setup.py"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        var environment = ProcessInfo.processInfo.environment
        environment["PATH"] = folder.path + "/bin:" + (environment["PATH"] ?? "/usr/bin:/bin")
        environment["PYTHONPATH"] = folder.path + "/python"
        environment["FOVEA_CACHE"] = folder.path + "/cache"
        environment["LIBTORCH"] = nil
        for (name, value) in variables { environment[name] = value }
        process.environment = environment
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    private func compare(_ refusals: [(cause: String, run: (status: Int32, text: String))], with name: String) throws {
        #expect(refusals.allSatisfy { $0.run.status == 1 })
        let texts = refusals.map { ($0.cause, $0.run.text) }
        #expect(try MessageSnapshot.differences(name, texts: texts, leavingOut: folder.path) == [])
    }

    private func link() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/project/.deps/libtorch")
    }

    @Test func leftoversOfKilledRunsAreRemoved() throws {
        try folder.write("half", to: "cache/.libtorch-abc/wheels/torch.whl")
        #expect(try run().status == 0)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache/.libtorch-abc"))
        #expect(try link() == folder.path + "/cache/libtorch-2.11.0")
    }

    @Test func variablesMayBeRelativeOrEmpty() throws {
        #expect(try run([], ["FOVEA_CACHE": "cache"]).status == 0)
        #expect(try link() == folder.path + "/cache/libtorch-2.11.0")
        let other = try run(["--check"], ["FOVEA_CACHE": "", "XDG_CACHE_HOME": folder.path + "/xdg"])
        #expect(other.text.contains(folder.path + "/xdg/fovea/libtorch-2.11.0"))
    }

    @Test func aDamagedManifestIsReplacedAndPipIsMissed() throws {
        let refusals = try ["{", "[]", "{}", #"{"lib/x.so": 1}"#].map { text in
            try folder.write(text, to: "cache/libvips-8.18.7/manifest.json")
            return (cause: text, run: try run(["--check"]))
        }
        try compare(refusals, with: "setup-manifest")
        // It names the interpreter, of which there are many.
        let made = try run()
        #expect(made.status == 1 && made.text.contains("apt-get install python3-pip"), "\(made.text)")
    }

    @Test func anotherLibtorchMustBeOfTheSameVersion() throws {
        func header(_ minor: Int) -> String {
            "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR \(minor)\n#define TORCH_VERSION_PATCH 0\n"
        }
        try folder.write("", to: "own/lib/libtorch_cpu.so")
        let unknown = try run([], ["LIBTORCH": "own"])
        try folder.write(header(7), to: "own/include/torch/headeronly/version.h")
        let old = try run([], ["LIBTORCH": "own"])
        try compare([("without headers", unknown), ("libtorch 2.7", old)], with: "setup-libtorch")
        try folder.write(header(11), to: "own/include/torch/headeronly/version.h")
        #expect(try run([], ["LIBTORCH": "own"]).status == 0)
        #expect(try link() == folder.path + "/own")
    }

    @Test func anOlderSwiftIsRefused() throws {
        try useSwift("6.1.2")
        try compare([("Swift 6.1.2", try run())], with: "setup-swift")
    }
}
