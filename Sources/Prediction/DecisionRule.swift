import Basics
import Models

/// From which probability on an image is called positive for each class.
package struct DecisionRule: Sendable, Equatable {
    /// What names it: "sensitivity=0.9"; nil for the thresholds of the model.
    package let name: String?
    /// Nil for a class without one, as that of images without a finding.
    package let thresholds: [Double?]
    /// Whether they are thresholds on calibrated probabilities.
    package let isCalibrated: Bool
    /// The same thresholds on calibrated probabilities; nil for a model without a calibration.
    package let calibratedThresholds: [Double?]?
    /// The class of images without a finding.
    package let normal: Int?

    /// The thresholds of a model, on its own probabilities.
    init(of model: ModelDescription, _ calibration: ModelCalibration?) {
        name = nil
        normal = model.normal
        let own = Self.without(model.normal, model.thresholds ?? model.classes.map { _ in nil })
        thresholds = own
        isCalibrated = false
        calibratedThresholds = calibration.map { calibration in
            own.enumerated().map { column, threshold in
                threshold.map { calibration.probability($0, class: column) }
            }
        }
    }

    /// An operating point of a calibration, such as "sensitivity=0.9".
    ///
    /// - Throws: `FoveaError` of kind `configuration` where the model has no calibration, or the calibration no such point.
    init(_ name: String, of model: ModelDescription, _ calibration: ModelCalibration?, folder: String) throws {
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
        normal = model.normal
        thresholds = Self.without(normal, found.1)
        isCalibrated = true
        calibratedThresholds = thresholds
    }

    private static func without(_ normal: Int?, _ thresholds: [Double?]) -> [Double?] {
        thresholds.enumerated().map { $0 == normal ? nil : $1 }
    }

    /// The threshold of a class on the probability that is shown for it: the calibrated one where there is one.
    func shownThreshold(_ column: Int) -> Double? { (calibratedThresholds ?? thresholds)[column] }

    /// Whether an image is positive for a class; nil where the class has no threshold, as that of images without a finding.
    package func isAbove(_ row: ModelPrediction.Row, _ column: Int) -> Bool? {
        let probabilities = isCalibrated ? row.calibrated ?? row.probabilities : row.probabilities
        return thresholds[column].map { Double(probabilities[column]) >= $0 }
    }

    /// The classes for which an image is positive; the most probable finding where there is none.
    package func findings(_ row: ModelPrediction.Row) -> [Int] {
        let above = thresholds.indices.filter { isAbove(row, $0) ?? false }
        guard above.isEmpty else { return above }
        return row.probabilities.indices.filter { $0 != normal }
            .max { row.probabilities[$0] < row.probabilities[$1] }.map { [$0] } ?? []
    }
}
