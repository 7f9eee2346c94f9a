import Foundation
import Phantoms
import Testing

/// What becomes of a run whose messages or results cannot be written.
@Suite(.serialized) struct StreamTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        var phantoms = PhantomSettings()
        phantoms.trainingPatients = 12
        phantoms.validationPatients = 8
        phantoms.side = 64
        phantoms.minimumValidationPositives = 2
        phantoms.prevalence = [.drusen: 0.4, .enlargedCup: 0.3]
        _ = try PhantomDataset(phantoms, folder: folder.path + "/p").draw(threads: 2)
        try folder.write(
            """
            data: {table: p/labels.csv, images: p/images, split: {method: column}}
            image: {resolution: 32, crop: none}
            model: {architecture: mobilenetv1_100_short}
            training: {epochs: 1, batch_size: 8}
            evaluation: {bootstrap: 0, minimum_positive_patients: 1}
            output: run
            cache: cache
            distillation: null

            """, to: "c.yaml")
        try folder.write(
            "datasets: [{name: d, config: c.yaml}]\ntechniques: [{name: bce}]\narms: [plain]\noutput: comparison\n",
            to: "comparison.yaml")
        try folder.write("image,A\n1.png,0.5\n2.png,0.2\n", to: "s.csv")
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "l.csv")
    }

    @Test(arguments: [
        "2>/dev/full", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/null 2>&- <&-", "2> >(true)", "2>/proc/self/status",
    ])
    func aLogThatCannotBeWrittenStopsNothing(redirection: String) throws {
        let run = try ProgramRun(
            shell: "trap '' PIPE; \"$FOVEA\" train c.yaml --device cpu --threads 1 \(redirection)", in: folder)
        #expect(run.status == 0, "\(run.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/run/metrics.json"))
        // Nothing that was printed went into a file whose descriptor is that of a closed stream.
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/run/.lock")).isEmpty)
    }

    @Test(arguments: [
        "--help", "--version", "help train", "doctor", "inspect p/labels.csv --images p/images", "init p",
        "train c.yaml", "predict model p/images", "predict model p/images --json",
        "evaluate model c.yaml", "evaluate --predictions s.csv --labels l.csv", "compare comparison.yaml --dry-run",
        "compare comparison.yaml", "phantoms drawn --training 4 --validation 4 --positives 1 --side 64",
        "bench step --model mobilenetv1 --steps 1 --warmup 0 --batch 1",
        "bench step --model mobilenetv1 --steps 1 --warmup 0 --batch 1 --json",
        "bench inference --model mobilenetv1_100 --size 32 --steps 1 --warmup 0 --json",
    ])
    func resultsThatCannotBeDeliveredAreAnError(arguments: String) throws {
        if arguments.contains(" model ") {
            #expect(try ProgramRun(["train", "c.yaml", "--set", "output=model"], in: folder).status == 0)
        }
        let run = try ProgramRun(shell: "\"$FOVEA\" \(arguments) >/dev/full", in: folder)
        #expect(run.status == 160)
        #expect(
            run.errors.contains(
                "error: cannot write the results to the standard output: No space left on device\n"), "\(run.errors)")
        let pages = ["train c.yaml": ["run/report.html", "run/report.json", "run/model-card.md"]]
            .merging(["compare comparison.yaml": ["comparison/report.html", "comparison/report.json"]]) { $1 }
        for page in pages[arguments] ?? [] {
            #expect(
                FileManager.default.fileExists(atPath: folder.path + "/" + page), "\(page): files are written first")
        }
    }

    @Test func aReaderThatHasGoneEndsTheProgramQuietly() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let run = try ProgramRun(
            ["evaluate", "--predictions", "s.csv", "--labels", "l.csv", "--json", "out.json"], in: folder,
            standardOutput: pipe.fileHandleForWriting)
        #expect(run.status == -SIGPIPE)
        #expect(run.errors.isEmpty, "\(run.errors)")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/out.json"), "files are written first")
    }

    @Test func namesFromFilesCannotSteerTheTerminalOrFillIt() throws {
        let long = String(repeating: "x", count: 100_000)
        let odd = "A\u{1B}[31m\u{7}\u{202E}"
        try folder.write("image,\(odd),\(long)\n1.png,1,0\n2.png,0,1\n", to: "odd-l.csv")
        try folder.write("image,\(odd),\(long)\n1.png,0.5,0.5\n2.png,0.2,0.1\n", to: "odd-s.csv")
        try folder.write("image,\(odd)\n1.png,0.5\n3\u{1B}]0;x\u{7}.png,0.2\n", to: "unmatched.csv")
        for arguments in [
            "evaluate --predictions odd-s.csv --labels odd-l.csv --bootstrap 0",
            "evaluate --predictions unmatched.csv --labels odd-l.csv --bootstrap 0",
            "evaluate --predictions odd-s.csv --labels l.csv --bootstrap 0",
            "inspect odd-l.csv --images p/images", "predict none\u{1B}[1m x\u{1B}[2J.png",
            "train none\u{1B}[31m.yaml", "train c.yaml --set output=run\u{1B}[31m",
        ] {
            let run = try ProgramRun(arguments.split(separator: " ").map(String.init), in: folder)
            let text = run.output + run.errors
            for sign in ["\u{1B}", "\u{7}", "\u{202E}"] {
                #expect(!text.unicodeScalars.contains { String($0) == sign }, "\(arguments): \(text.prefix(2000))")
            }
            #expect(text.utf8.count < 20_000, "\(arguments)")
        }
    }
}
