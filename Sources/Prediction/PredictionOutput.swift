import Basics
import Evaluation
import Foundation
import FundusImaging
import Models
import Reports
import Torch

extension ModelPrediction {
    /// For each photograph its classes from the most to the least probable: the first `limit`, and all that are above
    /// their threshold.
    public func table(limit: Int = 5) -> TextTable {
        let isCalibrated = rows.contains { $0.calibrated != nil }
        let isPoor = rows.contains { !$0.shownWarnings.isEmpty }
        var table = TextTable(
            ["Image"] + (isPoor ? ["Quality"] : []) + ["Class", "Probability"] + (isCalibrated ? ["Calibrated"] : [])
                + [rule.isCalibrated ? "Threshold (calibrated)" : "Threshold", "Above"])
        for row in rows {
            if !table.rows.isEmpty { table.rules.insert(table.rows.count) }
            let order = model.classes.indices.sorted { row.probabilities[$0] > row.probabilities[$1] }
            var isFirst = true
            for (rank, column) in order.enumerated() where rank < limit || rule.isAbove(row, column) == true {
                let above = rule.isAbove(row, column)
                var cells: [TextTable.Cell] = [.text(isFirst ? row.image : "")]
                if isPoor { cells.append(.text(isFirst ? row.shownWarnings.joined(separator: ", ") : "")) }
                cells += [
                    .text(model.classes[column]), .number(Double(row.probabilities[column]), decimals: 4),
                ]
                if isCalibrated { cells.append(.number(row.calibrated.map { Double($0[column]) }, decimals: 4)) }
                table.append(
                    cells + [
                        .number(rule.thresholds[column], decimals: 4),
                        .text(above.map { $0 ? "yes" : "no" } ?? "no threshold"),
                    ])
                isFirst = false
            }
        }
        return table
    }

    /// All probabilities as a table that `fovea evaluate --predictions` reads: an image column, one for each class.
    ///
    /// Numbers read back exactly: a rounded one could change sides at a threshold that is itself such a number.
    public var csv: String {
        var text = CSVText(header: ["image"] + model.classes)
        for row in rows { text.append([row.image] + row.probabilities.map { "\(Double($0))" }) }
        return text.text
    }

    /// Everything as JSON.
    public func json() throws -> String {
        struct Quality: Encodable {
            var notFundus: Bool
            @ExplicitNull var reason: String?
            var warnings: [String]
            @ExplicitNull var sharpness: Double?
            @ExplicitNull var brightness: Double?
            @ExplicitNull var overexposed: Double?
            @ExplicitNull var field: Double?
            @ExplicitNull var roundness: Double?

            init(_ row: Row) {
                (notFundus, reason, warnings) = (row.quality?.fault != nil, row.quality?.fault, row.warnings)
                let measures = row.quality?.measures
                (sharpness, brightness) = (measures?.sharpness, measures?.brightness)
                (overexposed, field, roundness) = (measures?.overexposed, measures?.field, measures?.roundness)
            }
        }
        struct Prediction: Encodable {
            var image: String
            var probabilities: [String: Double]
            /// Null for a model without a calibration.
            @ExplicitNull var calibrated: [String: Double]?
            @ExplicitNull var familiarity: Double?
            var quality: Quality
            var aboveThreshold: [String]
        }
        struct Unused: Encodable {
            var image: String
            var reason: String
        }
        struct Document: Encodable {
            var fovea = Program.version
            var precision: Precision
            var classes: [String]
            @ExplicitNull var operatingPoint: String?
            var thresholds: [String: Double]
            var predictions: [Prediction]
            var unreadable: [Unused]
            var notFundus: [Unused]
            var nonFinite: [String]
        }
        func unused(_ isNotFundus: Bool) -> [Unused] {
            failures.filter { $0.isNotFundus == isNotFundus }.map { Unused(image: $0.image, reason: $0.reason) }
        }
        let document = Document(
            precision: precision, classes: model.classes, operatingPoint: rule.name,
            thresholds: Dictionary(
                uniqueKeysWithValues: model.classes.indices.compactMap { column in
                    rule.thresholds[column].map { (model.classes[column], $0) }
                }),
            predictions: rows.map { row in
                Prediction(
                    image: row.image, probabilities: byClass(row.probabilities),
                    calibrated: row.calibrated.map(byClass),
                    familiarity: row.familiarity, quality: Quality(row),
                    aboveThreshold: model.classes.indices.filter { rule.isAbove(row, $0) == true }.map {
                        model.classes[$0]
                    })
            }, unreadable: unused(false), notFundus: unused(true), nonFinite: nonFinite)
        return String(decoding: try JSONFormat.encoded(document), as: UTF8.self)
    }

    private func byClass(_ values: [Float]) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: zip(model.classes, values.map(Double.init)))
    }
}
