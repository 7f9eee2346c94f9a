import Basics
import Execution
import Foundation
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch

/// What `fovea train --dry-run` prints.
@Suite struct RunForecastTests {
    @Test func storedStagesAreNotToDo() throws {
        let folder = try TemporaryFolder()
        let job = try SmallJob(in: folder.path)
        func forecast() throws -> String {
            let context = ExecutionContext(device: .cpu, threads: 1)
            return try Run(job.settings, context).forecast().table().text(for: Terminal())
        }
        let before = try forecast()
        // Nothing was written.
        #expect(!FileManager.default.fileExists(atPath: job.settings.output))
        let stages = before.split(separator: "\n").filter { $0.contains("to do") }.count - 1
        #expect(stages > 4 && before.contains("\(stages) of \(stages) to do"), "\(before)")
        #expect(before.contains("teacher-") && before.contains("bank-") && before.contains("student"))
        try job.execute()
        // The cache does not remember files that were written less than two seconds before they were read.
        var after = try forecast()
        for _ in 0..<200 where !after.contains("0 of \(stages) to do") {
            usleep(100_000)
            try job.execute(isResuming: true)
            after = try forecast()
        }
        #expect(after.contains("0 of \(stages) to do"), "\(after)")
        #expect(after.split(separator: "\n").filter { $0.contains("stored") }.count == stages)
        // Another student needs the teachers that are there.
        var other = job
        other.settings.distillation?.lambda = 0.5
        let context = ExecutionContext(device: .cpu, threads: 1)
        let third = try Run(other.settings, context).forecast().table().text(for: Terminal())
        #expect(third.contains("1 of \(stages) to do"), "\(third)")
        // A damaged view bank is made again, by both; a damaged network ends both.
        func damage(_ prefix: String, in folder: String) throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: folder)
            let name = try #require(names.first { $0.hasPrefix(prefix) && !$0.hasSuffix(".lock") })
            let path = folder + "/" + name + (name.hasSuffix(".safetensors") ? "" : "/model.safetensors")
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            bytes[bytes.count - 1] ^= 1
            try bytes.write(to: URL(fileURLWithPath: path))
            return path
        }
        _ = try damage("region", in: job.settings.stageFolder + "/banks")
        let withoutBank = try forecast()
        #expect(withoutBank.contains("1 of \(stages) to do"), "\(withoutBank)")
        func expect(_ words: String, remedy: String) {
            for error in [foveaError { _ = try forecast() }, foveaError { try job.execute(isResuming: true) }] {
                #expect(error?.kind == .data && error?.message == words, "\(String(describing: error))")
                #expect(error?.remedy?.contains(remedy) == true)
            }
        }
        let path = try damage("teacher", in: job.settings.stageFolder)
        let stage = path.replacing("/model.safetensors", with: "")
        expect("\(path) is not the file that training wrote", remedy: "Delete the folder \(stage)")
        unlink(path)
        expect("\(path) is missing", remedy: "Delete the folder \(stage)")
        let record = stage + "/stage.json"
        unlink(record)
        try Folder.make(record)
        expect("\(record) is not the file that training wrote", remedy: "Delete the folder \(stage)")
        try FileManager.default.removeItem(atPath: stage)
        try AtomicFile.write("", to: stage)
        expect("\(stage) is not a folder, but a finished stage is kept in one", remedy: "Delete it")
        unlink(stage)
        try job.execute(isResuming: true)
        let banks = job.settings.stageFolder + "/banks/"
        let name = try #require(
            FileManager.default.contentsOfDirectory(atPath: banks).first { $0.hasSuffix(".safetensors") })
        unlink(banks + name)
        try Folder.make(banks + name)
        expect("\(banks + name) is a folder where a view bank is kept", remedy: "Delete it")
    }
}
