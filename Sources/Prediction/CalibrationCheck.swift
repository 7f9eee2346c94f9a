import Basics
import Evaluation
import Foundation
import Reports

/// What a model's calibration and operating points come to on labelled photographs.
public struct CalibrationCheck: Encodable, Sendable {
    /// The probabilities of a model, over all known cells.
    package struct Quality: Encodable, Sendable {
        /// The mean negative log-likelihood.
        package var logLoss: Double?
        /// The mean squared error (Brier, 1950).
        var brierScore: Double?
        /// The mean over the classes with a positive of the expected calibration error, 15 bins of equal width.
        var classwiseCalibrationError: Double?
    }

    /// A threshold, and what it reaches.
    package struct Point: Encodable, Sendable {
        package var name: String
        /// What was promised.
        package var sensitivity: Double?
        var specificity: Double?
        @ExplicitNull var threshold: Double?
        @ExplicitNull package var reachedSensitivity: Proportion?
        @ExplicitNull var reachedSpecificity: Proportion?
        /// The positive predictive value: how many of the images above the threshold have the finding.
        @ExplicitNull package var reachedPrecision: Proportion?
        /// The negative predictive value: how many of the images below it do not.
        @ExplicitNull package var reachedNegativePrecision: Proportion?

        init(_ name: String, sensitivity: Double?, specificity: Double?, threshold: Double?) {
            self.name = name
            self.sensitivity = sensitivity
            self.specificity = specificity
            self.threshold = threshold
            reachedSensitivity = nil
            reachedSpecificity = nil
            reachedPrecision = nil
            reachedNegativePrecision = nil
        }
    }

    let images: Int
    package let raw: Quality
    package let calibrated: Quality
    package let points: [Point]
    /// How many of these photographs the calibration was fitted on, by content.
    package let fittedImages: Int

    init(_ calibration: ModelCalibration, _ predictions: LabelledPredictions) throws {
        let probabilities = try calibration.probabilities(predictions.logits, of: predictions.data.description)
        images = predictions.data.rows.count
        raw = Self.quality(try predictions.probabilities, predictions)
        calibrated = Self.quality(probabilities, predictions)
        let fitted = Set(calibration.data.contents)
        fittedImages = predictions.contents.count(where: fitted.contains)
        let count = predictions.data.classes.count
        var points: [Point] = []
        for (column, name) in predictions.data.classes.enumerated() {
            let labels = predictions.data.labels(class: column)
            func point(_ threshold: Double?, sensitivity: Double? = nil, specificity: Double? = nil) -> Point {
                var point = Point(
                    name, sensitivity: sensitivity, specificity: specificity, threshold: threshold)
                guard let threshold else { return point }
                let above = labels.indices.filter { Double(probabilities[$0 * count + column]) >= threshold }
                let (hits, alarms) = (above.count { labels[$0] == 1 }, above.count { labels[$0] == 0 })
                let negatives = labels.count { $0 == 0 }
                point.reachedSpecificity = Proportion(negatives - alarms, of: negatives)
                let positives = labels.count { $0 == 1 }
                point.reachedSensitivity = Proportion(hits, of: positives)
                point.reachedPrecision = Proportion(hits, of: hits + alarms)
                point.reachedNegativePrecision = Proportion(
                    negatives - alarms, of: negatives - alarms + positives - hits)
                return point
            }
            for (share, thresholds) in calibration.points.sensitivity.sorted(by: { $0.key < $1.key }) {
                points.append(point(thresholds[column], sensitivity: Double(share)))
            }
            for (share, thresholds) in calibration.points.specificity.sorted(by: { $0.key < $1.key }) {
                points.append(point(thresholds[column], specificity: Double(share)))
            }
        }
        self.points = points
    }

    private static func quality(_ probabilities: [Float], _ predictions: LabelledPredictions) -> Quality {
        var quality = Quality()
        var (losses, squares, known) = (0.0, 0.0, 0)
        for (probability, label) in zip(probabilities, predictions.data.labels) where label >= 0 {
            let p = min(max(Double(probability), 1e-12), 1 - 1e-12)
            losses -= label == 1 ? log(p) : log1p(-p)
            squares += (Double(probability) - Double(label)) * (Double(probability) - Double(label))
            known += 1
        }
        guard known > 0 else { return quality }
        quality.logLoss = losses / Double(known)
        quality.brierScore = squares / Double(known)
        if let outcomes = try? predictions.outcomes(probabilities) {
            let errors = outcomes.classes.indices.filter { predictions.data.labels(class: $0).contains(1) }
                .compactMap { Calibration(outcomes, class: $0, bins: 15).error }
            quality.classwiseCalibrationError =
                errors.isEmpty ? nil : errors.reduce(0, +) / Double(errors.count)
        }
        return quality
    }

    /// The model's own probabilities beside the calibrated ones.
    func summary() -> TextTable {
        var table = TextTable(["Measure", "As trained", "Calibrated"])
        for (name, path) in [
            ("log loss", \Quality.logLoss), ("Brier score", \.brierScore),
            ("class-wise ECE", \.classwiseCalibrationError),
        ] {
            table.append(
                .text(name), .number(raw[keyPath: path], decimals: 4),
                .number(calibrated[keyPath: path], decimals: 4))
        }
        return table
    }

    /// The sensitivity and specificity that thresholds for a sensitivity of 0.9 reach.
    func pointTable(names: [String: String]) -> TextTable {
        func words(_ proportion: Proportion?) -> String {
            guard let proportion else { return "–" }
            let bounds = [proportion.lower, proportion.upper].map { NumberFormat.fixed($0, decimals: 3) }
            return "\(NumberFormat.fixed(proportion.value, decimals: 3)) [\(bounds.joined(separator: ", "))] of "
                + "\(proportion.total)"
        }
        var table = TextTable(["Class", "Threshold", "Sensitivity [95 %]", "Specificity [95 %]", "PPV", "NPV"])
        for point in points where point.sensitivity == 0.9 {
            table.append(
                .text(names[point.name] ?? point.name), .number(point.threshold, decimals: 4),
                .text(words(point.reachedSensitivity)), .text(words(point.reachedSpecificity)),
                .number(point.reachedPrecision?.value, decimals: 3),
                .number(point.reachedNegativePrecision?.value, decimals: 3))
        }
        return table
    }

    var notes: [String] {
        [
            "Thresholds are those for a sensitivity of 0.9; a class without one had too few positive images. PPV and NPV hold "
                + "where findings are as frequent as here."
        ]
            + (fittedImages > 0
                ? [
                    "\(fittedImages) of the \(Pluralization.count(images, "image")) fitted the calibration, so the figures are "
                        + "somewhat too good."
                ] : [])
    }
}
