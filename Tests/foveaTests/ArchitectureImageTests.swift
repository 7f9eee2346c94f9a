import Foundation
import Testing

/// The image of the modules in the documents matches `Package.swift`.
@Suite struct ArchitectureImageTests {
    private static let project = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Runs `tools/draw_architecture.py --check` of a project.
    private func check(_ project: URL) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", project.path + "/tools/draw_architecture.py", "--check"]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test func itIsUpToDate() throws {
        #expect(try check(Self.project) == 0, "run tools/draw_architecture.py")
    }

    @Test func anImportMoreOrLessIsNoticed() throws {
        let folder = try WorkFolder()
        for name in ["Package.swift", "tools/draw_architecture.py", "docs/images/architecture.svg"] {
            try folder.write(Data(contentsOf: Self.project.appendingPathComponent(name)), to: name)
        }
        #expect(try check(URL(fileURLWithPath: folder.path)) == 0)
        let package = try String(contentsOfFile: folder.path + "/Package.swift", encoding: .utf8)
        let changed = package.replacing(
            #"module("Sampling", "Basics")"#, with: #"module("Sampling", "Evaluation", "Basics")"#)
        #expect(changed != package)
        try folder.write(changed, to: "Package.swift")
        #expect(try check(URL(fileURLWithPath: folder.path)) == 1)
    }
}
