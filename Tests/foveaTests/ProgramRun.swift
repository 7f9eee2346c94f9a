import Foundation
import Phantoms
import RunTestSupport

/// A run of the program that was built with these tests.
struct ProgramRun {
    let status: Int32
    let output: String
    let errors: String

    /// Runs `fovea` with the given arguments, 100 columns wide, without colour, and waits for it.
    ///
    /// A signal that ended it is a negative status.
    /// - Parameters:
    ///   - place: the working directory, where that is not a test's own folder.
    ///   - environment: its environment; nil: that of this process.
    init(
        _ arguments: [String], in folder: WorkFolder? = nil, at place: String? = nil, standardOutput: FileHandle? = nil,
        environment: [String: String]? = nil
    ) throws {
        try self.init(
            Self.program, arguments, at: place ?? folder?.path, standardOutput: standardOutput,
            environment: environment)
    }

    /// Runs a script of the shell, in which `$FOVEA` is the program.
    init(shell script: String, in folder: WorkFolder) throws {
        try self.init(
            URL(fileURLWithPath: "/bin/bash"), ["-c", script], at: folder.path, standardOutput: nil, environment: nil)
    }

    private init(
        _ program: URL, _ arguments: [String], at place: String?, standardOutput: FileHandle?,
        environment given: [String: String]?
    ) throws {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        if let place { process.currentDirectoryURL = URL(fileURLWithPath: place) }
        var environment = given ?? ProcessInfo.processInfo.environment
        environment["COLUMNS"] = "100"
        environment["LC_ALL"] = "C.UTF-8"
        environment["NO_COLOR"] = "1"
        environment["FOVEA"] = Self.program.path
        process.environment = environment
        // Files rather than pipes: a pipe that nobody reads yet could fill up.
        let record = NSTemporaryDirectory() + "fovea-run-\(UUID().uuidString)"
        let paths = [record + ".out", record + ".err"]
        for path in paths { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        process.standardOutput = standardOutput ?? FileHandle(forWritingAtPath: paths[0])
        process.standardError = FileHandle(forWritingAtPath: paths[1])
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        output = try String(contentsOfFile: paths[0], encoding: .utf8)
        errors = try String(contentsOfFile: paths[1], encoding: .utf8)
    }

    /// It lies beside the test program.
    static var program: URL {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        return tests.deletingLastPathComponent().appendingPathComponent("fovea")
    }
}

/// A folder of its own for each test, removed afterwards.
final class WorkFolder {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "fovea-cli-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws { try write(Data(text.utf8), to: name) }

    func write(_ data: Data, to name: String) throws {
        let file = URL(fileURLWithPath: path + "/" + name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try data.write(to: file)
    }

    /// A PNG of one grey pixel.
    static let image =
        Data(
            base64Encoded: "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCB"
                + "d81ytgAAAABJRU5ErkJggg==")
        ?? Data()
}

extension WorkFolder {
    /// Draws a few phantoms into `p` and writes `c.yaml`, which trains a small network on them.
    ///
    /// - Parameters:
    ///   - training: values of that section beside batch size and arithmetic.
    ///   - evaluation: values of that section beside `minimum_positive_patients`.
    func writeSmallRun(training: String, evaluation: String) throws {
        _ = try PhantomDataset(.few(trainingPatients: 40), folder: path + "/p").draw(threads: 2)
        try write(
            """
            data: {table: p/labels.csv, images: p/images, attributes: p/attributes.yaml, split: {method: column}}
            image: {resolution: 32, crop: none}
            model: {architecture: mobilenetv1_100_short}
            training: {batch_size: 16, precision: float32, \(training)}
            evaluation: {\(evaluation), minimum_positive_patients: 2}
            distillation: null
            cache: cache

            """, to: "c.yaml")
    }
}
