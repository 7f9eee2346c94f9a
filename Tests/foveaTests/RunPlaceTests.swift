import Basics
import Foundation
import Phantoms
import RunTestSupport
import TestSupport
import Testing

/// A run is evaluated with its own files from any folder.
@Suite(.serialized) struct RunPlaceTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        _ = try PhantomDataset(.few(), folder: folder.path + "/A/p").draw(threads: 2)
        try folder.write(
            """
            data:
              table: p/labels.csv
              images: p/images
              attributes: p/attributes.yaml
              split: {method: column}
            image: {resolution: 32, crop: none}
            model: {architecture: mobilenetv1_100_short}
            training: {epochs: 2, batch_size: 16}
            evaluation: {bootstrap: 0, every: 0, minimum_positive_patients: 2}
            distillation: null
            stages: kept
            cache: cache
            output: runs/run

            """, to: "A/c.yaml")
    }

    private func run(_ place: String, _ arguments: [String]) throws -> ProgramRun {
        try ProgramRun(arguments, at: folder.path + "/" + place)
    }

    private struct Judged: Decodable {
        var labelTables: [String: String]
        enum CodingKeys: String, CodingKey { case labelTables = "label_tables" }
    }

    private func tables(_ json: String) throws -> [String: String] {
        try JSONDecoder().decode(Judged.self, from: Data(contentsOf: URL(fileURLWithPath: json))).labelTables
    }

    @Test func anotherProjectOfTheSameLayoutIsNotTaken() throws {
        let cpu = ["--device", "cpu", "--threads", "1"]
        let trained = try run("A", ["train", "c.yaml"] + cpu)
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(trained.output.hasSuffix("To look at: runs/run/report.html\n"))
        // B has the same names, other labels.
        let labels = try String(contentsOfFile: folder.path + "/A/p/labels.csv", encoding: .utf8)
        try FileManager.default.copyItem(atPath: folder.path + "/A/p", toPath: folder.path + "/B-p")
        try Folder.make(folder.path + "/B")
        try FileManager.default.moveItem(atPath: folder.path + "/B-p", toPath: folder.path + "/B/p")
        try folder.write(labels.replacing(",1,", with: ",0,"), to: "B/p/labels.csv")
        let json = folder.path + "/j.json"
        let judged = try run("B", ["evaluate", "../A/runs/run", "--json", json] + cpu)
        #expect(judged.status == 0, "\(judged.errors)")
        let own = folder.path + "/A/p/labels.csv"
        #expect(try tables(json) == [own: Digest.sha256(labels)])
        #expect(!judged.errors.contains("not the file that the run was made with"))
        let inspected = try run("B", ["inspect", "../A/runs/run/config.yaml", "--quick"])
        #expect(inspected.output.contains(own) && inspected.status == 0, "\(inspected.errors)")

        // It is resumed from elsewhere, with its stages and its configuration.
        let before = try String(contentsOfFile: folder.path + "/A/runs/run/config.yaml", encoding: .utf8)
        try folder.write("mine", to: "A/runs/run/report.html")
        let resumed = try run("B", ["train", "--resume", "../A/runs/run"] + cpu)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(resumed.errors.contains("was not written by `fovea report` (Move it away"), "\(resumed.errors)")
        #expect(!resumed.errors.contains("\\u{A}"))
        #expect(resumed.errors.contains("finished before"), "\(resumed.errors)")
        #expect(!Folder.exists(folder.path + "/B/kept") && !Folder.exists(folder.path + "/B/cache"))
        #expect(try String(contentsOfFile: folder.path + "/A/runs/run/config.yaml", encoding: .utf8) == before)

        // Both moved: from where the run is.
        try FileManager.default.moveItem(atPath: folder.path + "/A", toPath: folder.path + "/C")
        let moved = try run("B", ["evaluate", "../C/runs/run", "--json", json] + cpu)
        #expect(moved.status == 0, "\(moved.errors)")
        #expect(try tables(json) == [folder.path + "/C/p/labels.csv": Digest.sha256(labels)])
        #expect(try run("B", ["train", "--resume", "../C/runs/run"] + cpu).errors.contains("finished before"))
        #expect(!Folder.exists(folder.path + "/A"))

        // Changed: stated. Gone: where it was looked for.
        try folder.write(labels + "\n", to: "C/p/labels.csv")
        let changed = try run("B", ["evaluate", "../C/runs/run"] + cpu)
        #expect(changed.status == 0 && changed.errors.contains("is not the file that the run was made with"))
        try FileManager.default.removeItem(atPath: folder.path + "/C/p/labels.csv")
        let gone = try run("B", ["evaluate", "../C/runs/run"] + cpu)
        #expect(gone.status == 65)

        // A relative path that leads nowhere says from where it counts.
        let nowhere = try run("B", ["evaluate", "../C/runs/run", "--labels", "nowhere.csv"] + cpu)
        #expect(nowhere.status == 65)
        let refusals = [(cause: "a label table that is gone", text: gone.errors), ("a relative path", nowhere.errors)]
        #expect(try MessageSnapshot.differences("places", texts: refusals, leavingOut: folder.path) == [])
    }

    @Test func theDescriptionInAComparisonsFolderSaysWhereItsPathsCountFrom() throws {
        try folder.write(
            "datasets: [{name: p, config: c.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\noutput: out\nbootstrap: 20\n",
            to: "A/comparison.yaml")
        let cpu = ["--device", "cpu", "--threads", "1"]
        let made = try run("A", ["compare", "comparison.yaml"] + cpu)
        #expect(made.status == 0, "\(made.errors)")
        #expect(try run("A", ["compare", "out/comparison.yaml", "--report"] + cpu).status == 0)
        try Folder.make(folder.path + "/B")
        let elsewhere = try run("B", ["compare", "../A/out/comparison.yaml", "--report"] + cpu)
        #expect(elsewhere.status == 78)
        let refusal = [(cause: "compare", text: elsewhere.errors)]
        #expect(try MessageSnapshot.differences("comparison-places", texts: refusal, leavingOut: folder.path) == [])
    }
}
