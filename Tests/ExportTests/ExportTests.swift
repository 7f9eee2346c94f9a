import Backbones
import Basics
import Execution
import Export
import Foundation
import FundusImaging
import Models
import NN
import Prediction
import RunFiles
import RunTestSupport
import TestSupport
import Testing
import Torch

/// `fovea export`: that every network is translated, and that other programs compute the same with it.
///
/// The latter by onnx's checker and ONNX Runtime in the Python environment that `tools/python_environment.sh` makes and
/// `make test` names in FOVEA_PYTHON.
@Suite(.serialized) struct ExportTests {
    private static let python = ProcessInfo.processInfo.environment["FOVEA_PYTHON"].flatMap { $0.isEmpty ? nil : $0 }
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bundle(_ architecture: Architecture, labels: ModelDescription.LabelKind = .multi) throws -> ModelBundle
    {
        var description = ModelDescription(
            architecture: architecture, classes: ["a", "b, \"c\"", "d"], labels: labels,
            image: .init(resolution: 64, crop: .none), thresholds: [0.5, nil, 0.25])
        description.trainingImages = [5, 0, 7]
        description.classLabels = ["Normal", "B", "D"]
        let bundle = ModelBundle(description, try description.makeClassifier())
        try bundle.disturb()
        return bundle
    }

    /// What a Python program prints; fails the test where it succeeds or fails against expectation.
    private func run(
        _ arguments: [String], succeeds: Bool = true, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = arguments
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect((process.terminationStatus == 0) == succeeds, "\(text)", sourceLocation: sourceLocation)
        return text
    }

    /// onnx's full check, then the comparison that users get with `--reference`.
    private func check(_ export: ModelExport, hasMaps: Bool) throws {
        let path = folder.path + "/model.onnx"
        try export.write(to: OutputFile(path, named: "--onnx", isEarlier: ModelExport.isOne))
        try export.writeReference(to: folder.path + "/reference")
        _ = try run(["-c", "import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)", path])
        let text = try run([folder.path + "/reference/compare.py", path])
        // Each output alone and in a batch, and the verdict.
        #expect(text.count { $0 == "\n" } == (hasMaps ? 9 : 7), "\(text)")
    }

    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"), arguments: Architecture.allCases)
    func onnxRuntimeComputesTheSame(_ architecture: Architecture) throws {
        // Those with a class token have no exact maps.
        let hasMaps = !architecture.rawValue.hasPrefix("vit_") || architecture.rawValue.contains("_gap_")
        try check(ModelExport(bundle(architecture)), hasMaps: hasMaps)
    }

    /// A committee, and one trunk with windows.
    @Test func modelsOfSeveralImagesAreTranslated() throws {
        func model(_ classes: [String], _ regions: [ModelRegion] = []) throws -> ModelBundle {
            let description = ModelDescription(
                architecture: .mobilenetv1Short, classes: classes, image: .init(resolution: 32, crop: .none),
                regions: regions)
            let bundle = ModelBundle(description, try description.makeClassifier())
            try bundle.disturb()
            return bundle
        }
        let window = ImageWindow(x: 0.3, y: 0.5, halfSide: 0.25)
        let shared = try model(
            ["a", "b", "c"], [ModelRegion(name: "disc", window: window, classes: ["c", "a"])])
        let committee = try ModelBundle.committee(
            shared, [("region-b", model(["b"])), ("region-ca", model(["c", "a"]))], shifts: [[0.5], [0, 1]])
        for bundle in [shared, committee] {
            let export = try ModelExport(bundle)
            if Self.python != nil { try check(export, hasMaps: false) }
        }
    }

    /// Without Python: that every operator and argument is translated. The two largest networks have those of the others.
    @Test(
        .enabled(if: python == nil, "onnxRuntimeComputesTheSame translates them"),
        arguments: Architecture.allCases.filter { !$0.rawValue.contains("large") })
    func everyNetworkIsTranslated(_ architecture: Architecture) throws {
        _ = try ModelExport(bundle(architecture))
    }

    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"))
    func otherValuesAreNoticed() throws {
        try check(ModelExport(bundle(.mobilenetv1Short)), hasMaps: true)
        let file = folder.path + "/reference/logits.npy"
        for (wrong, shape) in [(Float.nan, [4, 3]), (1000, [4, 3]), (0, [4, 1])] {
            let values = [Float](repeating: wrong, count: shape[0] * shape[1])
            try AtomicFile.write(NumPyFile.data(values, shape: shape), to: file)
            let text = try run([folder.path + "/reference/compare.py", folder.path + "/model.onnx"], succeeds: false)
            #expect(text.contains("logits of a batch of 1"), "\(text)")
        }
    }

    @Test func anArgumentThatIsNotTranslatedIsAnError() throws {
        let error = foveaError {
            _ = try ONNXTranslation(inputNamed: "x", parameters: [], input: { try .zeros([$0, 4]) }) { x in
                [("y", try Operator("aten::gelu")(.tensor(x), .string("tanh")))]
            }
        }
        #expect(error?.kind == .configuration)
        #expect(error?.message == "aten::gelu has approximate \"tanh\"; only \"none\" is translated to ONNX")
    }

    /// A model in a folder with a calibration; gives the hash of its weights.
    private func saveCalibrated(_ labels: ModelDescription.LabelKind, precision: String) throws -> String {
        let path = folder.path + "/model"
        try Folder.make(path)
        try bundle(.mobilenetv1Short, labels: labels).save(to: path)
        let weights = try ModelBundle.weightsHash(in: path)
        let contents = (10..<30).map { "\"\($0)\"" }.joined(separator: ", ")
        try AtomicFile.write(
            """
            {"classes": ["a", "b, \\"c\\"", "d"], "data": {"contents": [\(contents)], "hash": "", "images": 20,
             "path": "x", "split": "all"}, "format": 1, "offset": [0.5, -0.5, 0],
             "points": {"sensitivity": {"0.9": [0.6, null, 0.1]}, "specificity": {}}, "positives": [9, 9, 9],
             "precision": "\(precision)", "slope": [1.5, 0.5, 1], "weights_sha256": "\(weights)"}
            """, to: path + "/calibration.json")
        return weights
    }

    /// Calibrated probabilities, and what the metadata say of them.
    @Test(
        .enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"),
        arguments: [ModelDescription.LabelKind.multi, .single])
    func aCalibratedModelHasItsCalibrationInside(_ labels: ModelDescription.LabelKind) throws {
        let weights = try saveCalibrated(labels, precision: "float32")
        try check(ModelExport(folder.path + "/model", ExecutionContext(device: .cpu, threads: 1)), hasMaps: true)
        let program = "import onnx, sys; print({p.key: p.value for p in onnx.load(sys.argv[1]).metadata_props})"
        let text = try run(["-c", program, folder.path + "/model.onnx"])
        #expect(text.contains("'class_labels': ") && text.contains("'normal_class': 'a'"), "\(text)")
        for entry in ["'calibrated': 'true'", "'calibration_precision': 'float32'", "'weights_sha256': '\(weights)'"] {
            #expect(text.contains(entry), "\(text)")
        }
    }

    /// The code of docs/exporting.md, with photographs of `fovea prepare`, against `fovea predict`.
    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"))
    func ownPhotographsHaveTheProbabilitiesOfPredict() throws {
        _ = try saveCalibrated(.multi, precision: "float32")
        for number in 0..<5 { try folder.image(number, to: "photographs/\(number).png", width: 90) }
        let context = ExecutionContext(device: .cpu, threads: 1)
        let images = try ImageArguments.expand([folder.path + "/photographs"])
        let inference = try InferenceModel(folder.path + "/model", takesAnyImage: true, context)
        let prediction = try ModelPrediction(inference, images: images, context)
        _ = try PreparedImages(images, for: inference, in: folder.path + "/prepared", context) { _ in }
        try ModelExport(folder.path + "/model", context)
            .write(to: OutputFile(folder.path + "/model.onnx", named: "--onnx", isEarlier: ModelExport.isOne))
        let expected = prediction.rows.map { $0.calibrated ?? [] }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../.."
        let program = """
            import os, re, sys
            text = open(sys.argv[2]).read()
            code = re.search(r"## Your own photographs\\n.*?```python\\n(.*?)```", text, re.DOTALL)[1]
            assert code.count("\\n") <= 10
            os.chdir(sys.argv[1])
            exec(code)
            assert classes == ["a", 'b, "c"', "d"] and probabilities.shape == (5, 3)
            print(abs(probabilities - numpy.array(\(expected))).max() < 1e-4)
            """
        #expect(try run(["-c", program, folder.path, root + "/docs/exporting.md"]) == "True\n")
    }

    @Test func aCalibrationInOtherArithmeticIsWarnedOf() throws {
        _ = try saveCalibrated(.multi, precision: "bfloat16")
        var log = ""
        _ = try ModelExport(
            folder.path + "/model", ExecutionContext(device: .cpu, threads: 1, logger: .telling { log += $0 }))
        #expect(log.contains("calibration.json was fitted in bfloat16"), "\(log)")
    }

    /// The form for tensors, which is exported, and that for arrays, also where probabilities are 0 or 1 in float32.
    @Test(arguments: [ModelDescription.LabelKind.multi, .single])
    func bothFormsOfACalibrationAgree(_ labels: ModelDescription.LabelKind) throws {
        _ = try saveCalibrated(labels, precision: "float32")
        let model = try ModelBundle.loadUnchanged(from: folder.path + "/model").description
        let calibration = try #require(try ModelCalibration.read(for: folder.path + "/model", model))
        let logits: [Float] = [0.5, -1, 2, 200, 0, -200, -3, 8, 7, 16, 1, -0.5, 0, 0, 17]
        let tensor = try calibration.probabilities(Tensor(logits, shape: [5, 3]), of: model)
        for (a, b) in zip(try calibration.probabilities(logits, of: model), try tensor.array(as: Float.self)) {
            #expect(abs(a - b) < 1e-5, "\(a) and \(b)")
        }
    }

    @Test func onlyAnExportIsReplaced() throws {
        let path = folder.path + "/mine.onnx"
        try AtomicFile.write("mine", to: path)
        let error = foveaError { _ = try OutputFile(path, named: "--onnx", isEarlier: ModelExport.isOne) }
        #expect(
            error?.message == "--onnx \(path) exists and was not written by this command: it would be overwritten")
    }

    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"))
    func aModelOfOneLabelIsExportedToo() throws {
        try check(ModelExport(bundle(.mobilenetv1Short, labels: .single)), hasMaps: true)
    }
}

extension ModelBundle {
    /// Gives every weight and statistic another value, as training would: zeros and ones hide mistakes.
    fileprivate func disturb() throws {
        try Autograd.withoutGrad {
            for (name, parameter) in classifier.namedParameters {
                let noise = try Tensor.uniform(parameter.value.shape, 0.9, 1.1)
                let shift = name.hasSuffix("bias") || name.hasSuffix("running_mean") ? 0.05 : 0
                try parameter.value.copy(from: parameter.value * noise + shift)
            }
        }
    }
}
