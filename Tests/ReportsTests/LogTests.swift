import Basics
import Foundation
import Reports
import Testing

private func temporaryFolder() throws -> String {
    let folder = FileManager.default.temporaryDirectory.path + "/fovea-logs-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return folder
}

@Suite struct CRC32CTests {
    /// The examples of RFC 3720, appendix B.4.
    @Test func rfc3720() {
        #expect(CRC32C.checksum([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(0..<32) == 0x46DD_794E)
        #expect(CRC32C.checksum((0..<32).reversed()) == 0x113F_DB5C)
        let command: [UInt8] = [
            0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0,
            0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
        ]
        #expect(CRC32C.checksum(command) == 0xD996_3A56)
    }
}

@Suite struct EventWriterTests {
    /// The golden file was written by TensorBoard's own Python classes: `Golden/events.py`.
    @Test func matchesTensorBoard() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let writer = try EventWriter(folder: folder, time: 1_700_000_000.25, host: "golden")
        writer.scalar("training/loss", 0.6931471805599453, step: 1, time: 1_700_000_001.5)
        writer.scalar("validation/mAP", 0.256, step: 300, time: 1_700_000_002.5)
        writer.scalar("validation/mAP", nil, step: 301, time: 1_700_000_003.5)
        writer.text("configuration", "seed: 1\nname: \"é\"\n", step: 0, time: 1_700_000_004.5)
        try writer.flush()
        #expect(writer.path == folder + "/events.out.tfevents.1700000000.golden")
        let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "Golden/events.bin")
        #expect(try Data(contentsOf: URL(fileURLWithPath: writer.path)) == Data(contentsOf: golden))
    }

    @Test func flushedEpochsStandInTheFileAndNamesDoNotCollide() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let first = try EventWriter(folder: folder, time: 5, host: "a/b host")
        let second = try EventWriter(folder: folder, time: 5, host: "a/b host")
        #expect(first.path.hasSuffix("/events.out.tfevents.5.a-b-host"))
        #expect(second.path == first.path + ".2")
        let before = try Data(contentsOf: URL(fileURLWithPath: first.path))
        first.scalar("x", 1, step: 1)
        #expect(try Data(contentsOf: URL(fileURLWithPath: first.path)) == before)
        try first.flush()
        let after = try Data(contentsOf: URL(fileURLWithPath: first.path))
        #expect(after.count > before.count && after.starts(with: before))
    }

    @Test func aMissingFolderIsAStorageError() {
        #expect(throws: FoveaError.self) { try EventWriter(folder: "/nowhere/at/all") }
    }
}

@Suite struct HistoryFileTests {
    @Test func rowsAreWrittenReadBackAndReplacedAfterAResume() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/history.csv"
        var history = try HistoryFile(path: path)
        try history.append(HistoryRow(stage: "teacher \"a, b\"", epoch: 1, step: 10, trainingLoss: 0.1 + 0.2))
        try history.append(HistoryRow(stage: "plain", epoch: 1, step: 10, trainingLoss: 2, validationMAP: 0.25))
        try history.append(
            HistoryRow(stage: "plain", epoch: 2, step: 20, trainingLoss: .nan, seconds: 3.5, skippedSteps: 2))
        #expect(
            try String(contentsOfFile: path, encoding: .utf8) == #"""
                stage,epoch,step,training_loss,label_loss,distillation_loss,feature_loss,validation_map,\#
                validation_mauc,learning_rate,images_per_second,seconds,skipped_steps
                "teacher ""a, b""",1,10,0.30000000000000004,,,,,,,,,
                plain,1,10,2.0,,,,0.25,,,,,
                plain,2,20,,,,,,,,,3.5,2.0

                """#)
        var resumed = try HistoryFile(path: path)
        #expect(resumed.rows.count == 3)
        #expect(resumed.rows[0] == history.rows[0])
        #expect(resumed.rows[2].trainingLoss == nil)
        let repeated = HistoryRow(stage: "plain", epoch: 2, step: 20, trainingLoss: 1)
        try resumed.append(repeated)
        #expect(try HistoryFile(path: path).rows == [history.rows[0], history.rows[1], repeated])
    }

    @Test func aFileOfAVersionWithFewerColumnsIsContinued() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/history.csv"
        let columns = HistoryFile.columns.dropLast().joined(separator: ",")
        try AtomicFile.write(columns + "\nplain,1,10,2,,,,,,,,4\n", to: path)
        var history = try HistoryFile(path: path)
        #expect(history.rows == [HistoryRow(stage: "plain", epoch: 1, step: 10, trainingLoss: 2, seconds: 4)])
        try history.append(HistoryRow(stage: "plain", epoch: 2, step: 20, skippedSteps: 0))
        #expect(try HistoryFile(path: path).rows == history.rows)
    }

    /// Earlier versions wrote the loss on the labels as `training_loss`, and a column that was always empty.
    @Test(arguments: ["", ",seconds,skipped_steps"]) func aFileOfAVersionWithOtherColumnsIsContinued(
        _ more: String
    ) throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/history.csv"
        let columns =
            "stage,epoch,step,training_loss,distillation_loss,validation_loss,validation_map,validation_mauc,"
            + "learning_rate,images_per_second"
        let cells = more.isEmpty ? "" : ",4,0"
        try AtomicFile.write(
            columns + more + "\nplain,1,10,2,,,0.5,,,\(cells)\nstudent,1,10,2,0.25,,,,0.001,\(cells)\n", to: path)
        var history = try HistoryFile(path: path)
        let (seconds, skipped) = more.isEmpty ? (nil, nil) : (4.0, 0.0)
        let expected = [
            HistoryRow(
                stage: "plain", epoch: 1, step: 10, trainingLoss: 2, labelLoss: 2, validationMAP: 0.5, seconds: seconds,
                skippedSteps: skipped),
            HistoryRow(
                stage: "student", epoch: 1, step: 10, trainingLoss: 2.25, labelLoss: 2, distillationLoss: 0.25,
                learningRate: 0.001, seconds: seconds, skippedSteps: skipped),
        ]
        #expect(history.rows == expected)
        try history.append(HistoryRow(stage: "student", epoch: 2, step: 20, trainingLoss: 1))
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        #expect(lines[0] == HistoryFile.columns.joined(separator: ","))
        #expect(try HistoryFile(path: path).rows == history.rows && history.rows.prefix(2) == expected[...])
    }

    @Test func foreignAndBrokenFilesAreNamed() throws {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/history.csv"
        try AtomicFile.write("a,b\n1,2\n", to: path)
        #expect(throws: FoveaError.self) { try HistoryFile(path: path) }
        let columns = HistoryFile.columns.joined(separator: ",")
        let foreign = try #require(throws: FoveaError.self) {
            try AtomicFile.write(columns + ",loss_of_a_later_version\n", to: path)
            _ = try HistoryFile(path: path)
        }
        #expect(foreign.message.contains("loss_of_a_later_version") && foreign.remedy != nil)
        try AtomicFile.write(columns + "\nplain,1,10,x,,,,,,,,,\n", to: path)
        let error = #expect(throws: FoveaError.self) { try HistoryFile(path: path) }
        #expect(error?.message.contains("history.csv:2, ") == true)
        #expect(error?.message.contains("training_loss") == true)
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        #expect(throws: FoveaError.self) { try HistoryFile(path: path) }
    }
}
