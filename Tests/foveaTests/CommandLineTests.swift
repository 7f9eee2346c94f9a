import Foundation
import Testing

/// Help and errors as a user reads them, compared with the files in `Golden`.
///
/// After a change of wording: `FOVEA_UPDATE_GOLDEN=1 swift test -c release --filter foveaTests`, then read the difference.
struct CommandLineTests {
    private static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden/"

    private func compare(_ run: ProgramRun, in folder: WorkFolder? = nil, with name: String) throws {
        var text = "status \(run.status)\n--- output\n\(run.output)--- errors\n\(run.errors)"
        // A test's own folder has another name each time.
        if let folder { text = text.replacing(folder.path, with: "FOLDER") }
        let path = Self.golden + name + ".txt"
        if ProcessInfo.processInfo.environment["FOVEA_UPDATE_GOLDEN"] != nil {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let expected = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text == expected, "see Tests/foveaTests/Golden/\(name).txt")
    }

    @Test(arguments: [
        "", "init", "doctor", "inspect", "train", "compare", "evaluate", "calibrate", "predict", "suggest", "report",
        "export", "prepare",
    ])
    func help(command: String) throws {
        let name = command.isEmpty ? "help" : "help-" + command
        try compare(ProgramRun(["help"] + (command.isEmpty ? [] : [command])), with: name)
    }

    @Test(arguments: [
        ("train-nothing", "train"), ("train-missing", "train missing.yaml"),
        ("train-unknown-key", "train wrong.yaml"), ("train-set", "train empty.yaml --set training.epochs=many"),
        ("compare-missing", "compare missing.yaml"), ("compare-both", "compare empty.yaml --dry-run --report"),
        ("compare-empty", "compare empty.yaml"), ("compare-keys", "compare arms.yaml"),
        ("compare-jobs", "compare run.yaml --jobs -1"), ("compare-jobs-word", "compare run.yaml --jobs many"),
        ("compare-jobs-report", "compare run.yaml --report --jobs 2"),
        ("compare-run", "compare run.yaml --dry-run"), ("grace", "doctor --grace 0"),
        ("evaluate-nothing", "evaluate"), ("evaluate-both", "evaluate run --predictions p.csv"),
        ("evaluate-without-labels", "evaluate --predictions p.csv"),
        ("evaluate-foreign", "evaluate run --versus p.csv"),
        ("evaluate-seeds", "evaluate --predictions a --versus b --versus c --same-seeds --labels l"),
        ("evaluate-unmatched", "evaluate --predictions p.csv --labels l.csv"),
        ("evaluate-no-table", "evaluate --predictions none.csv --labels l.csv"),
        ("evaluate-where", "evaluate --predictions p.csv --labels l.csv --where fold"),
        ("evaluate-bootstrap", "evaluate --predictions p.csv --labels l.csv --bootstrap -4"),
        ("evaluate-precision", "evaluate --predictions p.csv --labels l.csv --precision bfloat16"),
        ("calibrate-both", "calibrate run l.csv --labels l.csv"), ("calibrate-images", "calibrate run --images data"),
        ("predict-top", "predict run a.png --top -1"),
        ("predict-no-model", "predict run a.png"), ("report-nothing", "report nothing"),
        ("predict-no-image", "predict run"), ("predict-swapped", "predict data/1.png runs/data"),
        ("predict-near", "predict runs/x data/1.png"), ("predict-json-file", "predict run a.png --json out.json"),
        ("unknown-option", "train run.yaml --dry-rum"), ("serve-host", "serve runs/data --host a..b"),
        ("data-normal", "train normal.yaml --dry-run"), ("suggest-count", "suggest run a.png --count 0"),
        ("inspect-label", "inspect p.csv"), ("inspect-set", "inspect l.csv --set seed=1"),
        ("inspect-folder", "inspect nothing"),
        ("output-folder", "evaluate --predictions p.csv --labels l.csv --json none/x.json"),
        ("init-empty", "init nothing"), ("init-exists", "init data --output exists.yaml"),
        ("threads", "doctor --threads -3"), ("control-characters", "train c.yaml --fast\nstopped\u{1B}[31m"),
        ("control-characters-of-a-value", "doctor --threads=\n"), ("device", "doctor --device tpu"),
        ("export-reference", "export run --onnx m.onnx --reference data"),
        ("train-key", "train data.yaml --epochs 3"), ("train-comparison", "train run.yaml"),
        ("compare-configuration", "compare data.yaml"), ("predict-csv", "predict run a.png --csv x.csv"),
        ("predict-runs", "predict runs 1.png"), ("report-runs", "report runs"),
        ("export-ending", "export run --onnx model.pt"),
        ("export-same", "export run --onnx m --reference ./m/"), ("unknown-command", "trane"),
        ("mistyped-command", "trian config.yaml"),
        ("option-given-twice", "evaluate --where eye=left --where=age=60 --predictions a --predictions b"),
        ("phantoms-range", "phantoms drawn --training 9223372036854775807"),
    ])
    func errors(name: String, arguments: String) throws {
        let folder = try WorkFolder()
        try folder.write("training:\n  epoch: 3\n  rate: fast\n", to: "wrong.yaml")
        try folder.write("", to: "empty.yaml")
        let techniques = "techniques: [{name: bce}, {name: asl, set: [technique.loss=asymetric]}]\n"
        try folder.write(
            "datasets: [{name: d, config: c.yaml}]\n" + techniques + "arms: [plain, rksd]\n", to: "arms.yaml")
        try folder.write("datasets: [{name: d, config: data.yaml}]\n" + techniques + "arms: [plain]\n", to: "run.yaml")
        try folder.write("data: {table: data/labels.csv, images: data}\n", to: "data.yaml")
        try folder.write("image,A\n1.png,0.5\n7.png,0.2\n", to: "p.csv")
        try folder.write("image,A,B\n1.png,1,0\n2.png,0,1\n", to: "l.csv")
        try folder.write("data: {table: l.csv, images: data, normal: AA}\n", to: "normal.yaml")
        for name in ["config.json", "model.safetensors"] { try folder.write("{}", to: "runs/data/" + name) }
        try folder.write("mine\n", to: "exists.yaml")
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "data/labels.csv")
        for name in ["1.png", "2.png"] { try folder.write(WorkFolder.image, to: "data/" + name) }
        try FileManager.default.createDirectory(atPath: folder.path + "/nothing", withIntermediateDirectories: true)
        let run = try ProgramRun(arguments.split(separator: " ").map(String.init), in: folder)
        #expect(run.status != 0)
        try compare(run, in: folder, with: name)
        #expect(try String(contentsOfFile: folder.path + "/exists.yaml", encoding: .utf8) == "mine\n")
    }

    @Test func predictionsAreJudged() throws {
        let folder = try WorkFolder()
        try folder.write("image,A\n1.png,0.5\n2.png,0.2\n", to: "p.csv")
        try folder.write("image,A,B\n2.png,0,1\n1.png,1,0\n", to: "l.csv")
        let run = try ProgramRun(
            ["evaluate", "--predictions", "p.csv", "--labels", "l.csv", "--bootstrap", "0", "--json", "out.json"],
            in: folder)
        try compare(run, with: "evaluate")
        let json = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/out.json"))
        #expect(try JSONSerialization.jsonObject(with: json) is [String: Any])
    }

    @Test func doctorFindsEverything() throws {
        let run = try ProgramRun(["doctor"])
        #expect(run.status == 0)
        #expect(run.output.contains("Everything that Fovea needs is here. Next,"))
        #expect(run.output.contains("\n  fovea init FOLDER "))
    }

    /// The cache lies where the documents say, and `doctor` shows it.
    @Test(arguments: [
        (["HOME": "HERE/h"], "HERE/h/.cache/fovea"), (["HOME": "HERE/h", "XDG_CACHE_HOME": "HERE/x"], "HERE/x/fovea"),
        (["HOME": "HERE/h", "XDG_CACHE_HOME": "", "FOVEA_CACHE": "HERE/f"], "HERE/f"),
    ])
    func theCacheIsWhereTheEnvironmentSays(_ set: [String: String], _ place: String) throws {
        let folder = try WorkFolder()
        var environment = ProcessInfo.processInfo.environment
        for name in ["HOME", "XDG_CACHE_HOME", "FOVEA_CACHE"] { environment[name] = nil }
        for (name, value) in set { environment[name] = value.replacing("HERE", with: folder.path) }
        let run = try ProgramRun(["doctor"], environment: environment)
        #expect(run.output.contains(" " + place.replacing("HERE", with: folder.path) + ": "), "\(run.output)")
    }
}
