import Backbones
import Basics
import Weights

extension ModelSettings {
    /// Loads `model.weights`, where it is given, into everything but the head; gives the report for the user.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file and, where it can be told, the network whose weights it
    ///   holds.
    func loadWeights(into network: Classifier) throws -> String? {
        guard let weights else { return nil }
        let file = try WeightFile.open(weights, stateDict: stateDict)
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
