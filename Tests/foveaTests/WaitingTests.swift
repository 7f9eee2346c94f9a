import Foundation
import Testing

/// What threads of the engine find in the environment, changed before the OpenMP library reads it.
@Suite struct WaitingTests {
    private static let loader = "/lib64/ld-linux-x86-64.so.2"

    /// Runs `fovea doctor` with the library printing its settings on the standard error stream.
    private func doctor(_ variables: [String: String]) throws -> ProgramRun {
        var environment = ProcessInfo.processInfo.environment
        for name in ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "KMP_LIBRARY"] { environment[name] = nil }
        environment["OMP_DISPLAY_ENV"] = "verbose"
        return try ProgramRun(["doctor"], environment: environment.merging(variables) { $1 })
    }

    @Test func itIsSetBeforeTheLibraryReadsIt() throws {
        let run = try doctor([:])
        #expect(run.status == 0)
        // Once: the program starts again before any library does.
        #expect(run.errors.components(separatedBy: "GOMP_SPINCOUNT = ").count == 2, "\(run.errors)")
        #expect(run.errors.contains("GOMP_SPINCOUNT = '10000'"))
        #expect(run.output.contains("wait for work by GOMP_SPINCOUNT=10000"), "\(run.output)")
    }

    /// There /proc/self/exe is the loader, which must not be executed in place of the program.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: loader), "skipped: there is no \(loader)"))
    func aProgramThatTheLoaderWasToldToRunIsNotExecutedAgain() throws {
        let run = try ProgramRun(
            shell: "env -u GOMP_SPINCOUNT -u OMP_WAIT_POLICY \(Self.loader) \"$FOVEA\" --version", in: WorkFolder())
        let usual = try ProgramRun(["--version"])
        #expect(run.status == 0 && run.output == usual.output, "\(run.output)\(run.errors)")
    }

    @Test(arguments: [("GOMP_SPINCOUNT", "77"), ("OMP_WAIT_POLICY", "PASSIVE"), ("KMP_BLOCKTIME", "5")])
    func whatTheEnvironmentSaysHolds(_ name: String, _ value: String) throws {
        let run = try doctor([name: value])
        #expect(run.output.contains("wait for work by \(name)=\(value)"), "\(run.output)")
        #expect(!run.errors.contains("GOMP_SPINCOUNT = '10000'"))
    }

    /// Otherwise oneDNN waits for ever for the second thread.
    @Test(
        arguments: [("OMP_DYNAMIC", "true"), ("OMP_THREAD_LIMIT", "1"), ("OMP_MAX_ACTIVE_LEVELS", "0")], [nil, "77"])
    func asManyThreadsComputeAsAreRequested(_ variable: (name: String, value: String), _ spins: String?) throws {
        var environment = ProcessInfo.processInfo.environment
        environment["GOMP_SPINCOUNT"] = spins
        environment[variable.name] = variable.value
        let run = try ProgramRun(
            ["bench", "step", "--model", "mobilenetv1", "--precision", "f32", "--threads", "2"]
                + ["--batch", "2", "--steps", "1", "--warmup", "1", "--grace", "1", "--json"],
            environment: environment)
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.output.contains("\"threads\":2"), "\(run.output)")
    }
}
