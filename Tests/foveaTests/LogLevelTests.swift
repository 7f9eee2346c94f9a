import Foundation
import TestSupport
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

    @Test func anotherLevelIsRefused() throws {
        let refusals = try ["loud", "INFO", " info", "0"].flatMap { level in
            let variable = try doctor(variable: level)
            let option = try doctor(["--log-level", level], variable: nil)
            #expect(variable.status == 78 && option.status == 64)
            return [
                (cause: "FOVEA_LOG_LEVEL=" + level, text: variable.errors), ("--log-level " + level, option.errors),
            ]
        }
        #expect(try MessageSnapshot.differences("log-levels", texts: refusals) == [])
    }
}
