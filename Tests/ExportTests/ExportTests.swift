import Backbones
import Basics
import Execution
import Export
import Foundation
import FundusImaging
import Models
import RunFiles
import RunTestSupport
import TestSupport
import Testing
import Torch

/// `fovea export`. What other programs make of the files is tested by `tools/check_onnx.py` with onnx and ONNX Runtime.
@Suite(.serialized) struct ExportTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func bundle(_ architecture: Architecture, side: Int = 32) throws -> ModelBundle {
        let description = ModelDescription(
            architecture: architecture, classes: ["a", "b", "c"], image: .init(resolution: side, crop: .none))
        return ModelBundle(description, try description.makeClassifier())
    }

    /// Each is translated without a word about it outside `Backbones`.
    @Test(arguments: Architecture.allCases.filter { !$0.rawValue.contains("large") })
    func everyArchitectureIsTranslated(_ architecture: Architecture) throws {
        let path = folder.path + "/model.onnx"
        try ModelExport(bundle(architecture)).write(to: OutputFile(path, named: "--onnx"))
        #expect(try ModelExport.isOne(path))
        if let python = ProcessInfo.processInfo.environment["FOVEA_PYTHON"], !python.isEmpty {
            try ModelExport(bundle(architecture)).writeReference(to: folder.path + "/reference")
        }
    }
}
