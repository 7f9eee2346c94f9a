import Basics
import Foundation
import Testing

/// Good files with random damage: each is read or refused, quickly, within bounded memory, and never brings the program
/// down. Each target runs in a process of its own, so that a trap is seen and memory can be measured.
@Suite struct FuzzTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// The good files of a target: those of other modules' tests, and the corpus beside this file.
    private static func files(_ target: String) throws -> [String] {
        let folders = ["image": "FundusImagingTests/Golden/odd", "weights": "WeightsTests/Golden"]
        let folder = tests.appendingPathComponent(folders[target] ?? "fuzzTests/Corpus/\(target)").path
        let endings = ["image": [".jpg", ".png", ".tiff", ".webp", ".gif"], "weights": [".pth", ".safetensors"]]
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted().filter { name in
            endings[target].map { $0.contains { name.hasSuffix($0) } } ?? true
        }
        return names.map { folder + "/" + $0 }
    }

    private struct Outcome {
        let status: Int32
        let output: String
        let lastRead: String
    }

    private static func run(_ arguments: [String]) throws -> Outcome {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let place = NSTemporaryDirectory() + "fovea-fuzz-\(UUID().uuidString)"
        let (out, log) = (place + ".out", place + ".log")
        _ = FileManager.default.createFile(atPath: out, contents: nil)
        defer { for path in [out, log] { try? FileManager.default.removeItem(atPath: path) } }
        let process = Process()
        process.executableURL = program.appendingPathComponent("fuzz")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["FOVEA_FUZZ_LOG": log, "SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardOutput = FileHandle(forWritingAtPath: out)
        process.standardError = process.standardOutput
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, output: try String(contentsOfFile: out, encoding: .utf8),
            lastRead: (try? String(contentsOfFile: log, encoding: .utf8)) ?? "")
    }

    /// 10,000 each; FOVEA_FUZZ_RUNS sets more.
    @Test(.timeLimit(.minutes(60)), arguments: ["image", "weights", "configuration", "attributes", "table", "request"])
    func damagedFilesAreReadOrRefused(_ target: String) throws {
        let files = try Self.files(target)
        #expect(!files.isEmpty)
        let environment = ProcessInfo.processInfo.environment
        let runs = environment["FOVEA_FUZZ_RUNS"].flatMap(Int.init) ?? 10_000
        let outcome = try Self.run([target, String(runs), environment["FOVEA_FUZZ_SEED"] ?? "1"] + files)
        #expect(outcome.status == 0, "\(target) ended at \(outcome.lastRead): \(outcome.output)")
        let numbers = outcome.output.split { !$0.isNumber }.compactMap { Int($0) }
        try #require(numbers.count == 3, "\(outcome.output)")
        // Some damage does no harm, most does.
        #expect(numbers[0] == runs && numbers[1] > runs / 100 && numbers[1] < runs, "\(outcome.output)")
        // Sanitizers keep freed memory for a while.
        let limit = environment["FOVEA_FUZZ_MEGABYTES"].flatMap(Int.init) ?? 200
        #expect(numbers[2] < limit, "\(outcome.output)")
    }

    @Test func aFindingIsReported() throws {
        #expect(try Self.run(["image", "0", "1"]).status == 64)
        let missing = try Self.run(["image", "0", "1", "/nowhere/none.png"])
        #expect(missing.status != 0)
    }
}
