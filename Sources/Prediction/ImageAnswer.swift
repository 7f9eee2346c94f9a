import Models

/// What a model says about one prepared image; every command and the server compute it here.
package struct ImageAnswer: Sendable {
    /// Raw logits of the classes.
    package let logits: [Float]
    /// Their probabilities.
    package let probabilities: [Float]
    /// The calibrated probabilities; nil for a model without a calibration.
    package let calibrated: [Float]?
    /// Pooled features; empty where neither the caller nor the familiarity needs them.
    package let features: [Float]
    /// What each place adds to the logit of each class; nil where it was not requested or the network has no exact maps.
    package var maps: ClassMaps?
    /// The share of training images that are farther from the middle of all of them than this one; nil where it is not known.
    package let familiarity: Double?

    /// Whether it means anything: no logit is NaN or infinite.
    package var isFinite: Bool { logits.allSatisfy(\.isFinite) }
}

extension InferenceModel {
    /// What the model says about images in memory.
    ///
    /// - Parameter pixels: square RGB images of the model's resolution (image, row, column, channel).
    package func answers(
        _ pixels: [UInt8], count: Int, withFeatures: Bool = false, withMaps: Bool = false
    ) throws -> [ImageAnswer] {
        guard count > 0 else { return [] }
        let outputs = try outputs(pixels, count: count, withFeatures: withFeatures, withMaps: withMaps)
        let probabilities = try description.probabilities(outputs.logits)
        let calibrated = try calibration?.probabilities(outputs.logits, of: description)
        let shares = try familiarity?.shares(outputs.features, count: count)
        let (classes, features) = (description.classes.count, outputs.features.count / count)
        return (0..<count).map { number in
            let own = number * classes..<(number + 1) * classes
            return ImageAnswer(
                logits: Array(outputs.logits[own]), probabilities: Array(probabilities[own]),
                calibrated: calibrated.map { Array($0[own]) },
                features: Array(outputs.features[number * features..<(number + 1) * features]),
                maps: outputs.maps.isEmpty ? nil : outputs.maps[number],
                familiarity: shares?[number])
        }
    }
}
