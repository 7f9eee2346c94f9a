import Backbones
import Basics
import Settings
import Weights

/// The file of `model.weights`, opened once for a whole run: what is loaded is what its hash stands for, also when the
/// file is replaced or removed meanwhile.
package struct PretrainedWeights {
    let file: WeightFile
    /// The hash of what was opened.
    package let sha256: String

    /// Opens the file; nil where none is named.
    package init?(_ settings: ModelSettings) throws {
        guard let path = settings.weights else { return nil }
        file = try WeightFile.open(path, stateDict: settings.stateDict)
        sha256 = try file.sha256()
    }

    /// Verifies that the file was not changed in place.
    func verify() throws {
        guard try file.sha256() == sha256 else {
            throw FoveaError(
                .data, "model.weights: \(file.path) was changed while the run used it",
                remedy: "Restore the file, then resume with `fovea train --resume`.")
        }
    }
}

extension ModelSettings {
    /// Loads `model.weights`, where it is given, into everything but the head; gives the report for the user.
    ///
    /// - Parameter opened: the file, where it is open already.
    /// - Throws: `FoveaError` of kind `data` that names the file and, where it can be determined, the network whose
    ///   weights it holds.
    func loadWeights(into network: Classifier, _ opened: PretrainedWeights? = nil) throws -> String? {
        guard let weights else { return nil }
        try opened?.verify()
        let file = try opened?.file ?? WeightFile.open(weights, stateDict: stateDict)
        do {
            let report = try network.load(
                file, headName: network.backbone.headName, prefix: prefix, .backbone())
            return "\(weights): \(report.description)"
        } catch let error as FoveaError where error.kind == .data {
            guard let held = Architecture(holding: file), held != architecture else { throw error }
            throw FoveaError(
                .data,
                "model.weights: \(weights) holds weights of \(held.rawValue), and model.architecture is "
                    + architecture.rawValue,
                remedy: "Set model.architecture: \(held.rawValue), or name other weights.")
        }
    }
}
