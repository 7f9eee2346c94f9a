import Foundation
import Testing

/// How much is printed: `--log-level`, and FOVEA_LOG_LEVEL where it is not given.
@Suite struct LogLevelTests {
    /// More threads than are used anywhere, which is warned of.
    private func doctor(_ options: [String] = [], variable: String?) throws -> ProgramRun {
        var environment = ProcessInfo.processInfo.environment
        environment["FOVEA_LOG_LEVEL"] = variable
        return try ProgramRun(["doctor", "--threads", "4096"] + options, environment: environment)
    }

    @Test(
        arguments: [
            (nil, nil, true), ("", nil, true), ("error", nil, false), ("warning", nil, true), ("info", nil, true),
            ("debug", nil, true), (nil, "error", false), ("error", "warning", true), ("debug", "error", false),
            ("loud", "warning", true),
        ] as [(String?, String?, Bool)])
    func theOptionWinsOverTheEnvironment(_ variable: String?, _ option: String?, _ isWarned: Bool) throws {
        let run = try doctor(option.map { ["--log-level", $0] } ?? [], variable: variable)
        #expect(run.status == 0)
        #expect(run.errors.contains("warning: --threads is 4096") == isWarned, "\(run.errors)")
    }

    @Test(arguments: ["loud", "INFO", " info", "0"]) func anotherLevelIsRefused(_ level: String) throws {
        let run = try doctor(variable: level)
        #expect(run.status == 78)
        #expect(
            run.errors.contains("error: FOVEA_LOG_LEVEL is \"\(level)\"; allowed: error, warning, info, debug"),
            "\(run.errors)")
        let option = try doctor(["--log-level", level], variable: nil)
        #expect(option.status == 64 && option.errors.contains("debug"), "\(option.errors)")
    }
}
