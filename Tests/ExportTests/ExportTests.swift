import Backbones
import Basics
import Execution
import Export
import Foundation
import FundusImaging
import Models
import NN
import RunFiles
import RunTestSupport
import TestSupport
import Testing
import Torch

/// `fovea export`: that every network is translated, and that other programs compute the same with it.
///
/// The latter by onnx's checker and ONNX Runtime in the Python environment that `tools/test_environment.py` makes and
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
        let bundle = ModelBundle(description, try description.makeClassifier())
        try bundle.disturb()
        return bundle
    }

    /// What a Python program prints; fails the test where its status is not 0.
    private func run(_ arguments: [String], sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.python))
        process.arguments = arguments
        let pipe = Pipe()
        (process.standardOutput, process.standardError) = (pipe, pipe)
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(text)", sourceLocation: sourceLocation)
        return text
    }

    /// onnx's full check, then the comparison that users get with `--reference`.
    private func check(_ export: ModelExport, hasMaps: Bool) throws {
        let path = folder.path + "/model.onnx"
        try export.write(to: OutputFile(path, named: "--onnx", isEarlier: ModelExport.isOne))
        try export.writeReference(to: folder.path + "/reference")
        _ = try run(["-c", "import onnx, sys; onnx.checker.check_model(sys.argv[1], full_check=True)", path])
        let text = try run([folder.path + "/reference/compare.py", path])
        // Each output alone and in a batch.
        #expect(text.count { $0 == "\n" } == (hasMaps ? 8 : 6), "\(text)")
    }

    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"), arguments: Architecture.allCases)
    func onnxRuntimeComputesTheSame(_ architecture: Architecture) throws {
        // Those with a class token have no exact maps.
        let hasMaps = !architecture.rawValue.hasPrefix("vit_") || architecture.rawValue.contains("_gap_")
        try check(ModelExport(bundle(architecture)), hasMaps: hasMaps)
    }

    /// Calibrated probabilities, their classes in the metadata, and a file that is replaced only by another export.
    @Test(.enabled(if: python != nil, "needs onnx and ONNX Runtime (FOVEA_PYTHON)"))
    func aCalibratedModelHasItsCalibrationInside() throws {
        let path = folder.path + "/model"
        try Folder.make(path)
        try bundle(.mobilenetv1Short).save(to: path)
        let weights = try ModelBundle.weightsHash(in: path)
        let contents = (10..<30).map { "\"\($0)\"" }.joined(separator: ", ")
        try AtomicFile.write(
            """
            {"classes": ["a", "b, \\"c\\"", "d"], "data": {"contents": [\(contents)], "hash": "", "images": 20,
             "path": "x", "split": "all"}, "format": 1, "offset": [0.5, -0.5, 0],
             "points": {"sensitivity": {"0.9": [0.6, null, 0.1]}, "specificity": {}}, "positives": [9, 9, 9],
             "precision": "float32", "slope": [1.5, 0.5, 1], "weights_sha256": "\(weights)"}
            """, to: path + "/calibration.json")
        let export = try ModelExport(path, ExecutionContext(device: .cpu, threads: 1))
        try check(export, hasMaps: true)
        let program = "import onnx, sys; print({p.key: p.value for p in onnx.load(sys.argv[1]).metadata_props})"
        let text = try run(["-c", program, folder.path + "/model.onnx"])
        #expect(text.contains("'calibrated': 'true'") && text.contains("'weights_sha256': '\(weights)'"), "\(text)")
    }

    @Test func onlyAnExportIsReplaced() throws {
        let path = folder.path + "/mine.onnx"
        try AtomicFile.write("mine", to: path)
        let error = foveaError { _ = try OutputFile(path, named: "--onnx", isEarlier: ModelExport.isOne) }
        #expect(
            error?.message == "--onnx \(path) exists and was not written by this command: it would be overwritten")
        try Folder.make(folder.path + "/notes")
        try AtomicFile.write("mine", to: folder.path + "/notes/compare.txt")
        let other = foveaError { try ModelExport(bundle(.mobilenetv1Short)).writeReference(to: folder.path + "/notes") }
        #expect(other?.message == "--reference is \(folder.path)/notes, which holds other files than a reference")
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
