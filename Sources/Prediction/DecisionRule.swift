import Basics
import Models

/// From which probability on an image is called positive for each class.
package struct DecisionRule: Sendable, Equatable {
    /// What names it: "sensitivity=0.9"; nil for the thresholds of the model.
    package let name: String?
    /// Nil for a class without one.
    package let thresholds: [Double?]
    /// Whether they are thresholds on calibrated probabilities.
    package let isCalibrated: Bool

    /// The thresholds of a model, on its own probabilities.
    init(of model: ModelDescription) {
        name = nil
        thresholds = model.thresholds ?? model.classes.map { _ in nil }
        isCalibrated = false
    }

    /// An operating point of a calibration, such as "sensitivity=0.9".
    ///
    /// - Throws: `FoveaError` of kind `configuration` where the model has no calibration, or the calibration no such point.
    init(_ name: String, of calibration: ModelCalibration?, folder: String) throws {
        guard let calibration else {
            throw FoveaError(
                .configuration, "--at \(name) is an operating point, but \(folder) has no calibration",
                remedy: "Make one with `fovea calibrate \(ShellWord.quoted(folder))`.")
        }
        let known =
            calibration.points.sensitivity.map { ("sensitivity=" + $0.key, $0.value) }
            + calibration.points.specificity.map { ("specificity=" + $0.key, $0.value) }
        guard let found = known.first(where: { $0.0 == name }) else {
            throw FoveaError(
                .configuration, "--at is \"\(name)\", which the calibration of \(folder) does not have",
                remedy: FoveaError.suggestion(for: name, among: known.map(\.0).sorted()))
        }
        self.name = name
        thresholds = found.1
        isCalibrated = true
    }

    /// Whether an image is positive for a class; nil where the class has no threshold.
    package func isAbove(_ row: ModelPrediction.Row, _ column: Int) -> Bool? {
        let probabilities = isCalibrated ? row.calibrated ?? row.probabilities : row.probabilities
        return thresholds[column].map { Double(probabilities[column]) >= $0 }
    }

    /// The classes for which an image is positive; the most probable one where none is.
    package func findings(_ row: ModelPrediction.Row) -> [Int] {
        let above = thresholds.indices.filter { isAbove(row, $0) ?? false }
        guard above.isEmpty else { return above }
        return row.probabilities.indices.max { row.probabilities[$0] < row.probabilities[$1] }.map { [$0] } ?? []
    }
}
