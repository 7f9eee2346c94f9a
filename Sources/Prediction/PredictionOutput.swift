import Basics
import Evaluation
import Foundation
import FundusImaging
import Models
import Reports
import Torch

extension ModelPrediction {
    /// The table, and below it what is to be known of its numbers.
    public func text(limit: Int = 5, for terminal: Terminal) -> String {
        var notes: [String] = []
        if rows.contains(where: { row in model.classes.indices.contains { rule.isAbove(row, $0) == true } }) {
            notes.append("> marks findings: probabilities above their threshold, which come first.")
        }
        let count = model.classes.count
        if limit < count, rows.contains(where: { columns(of: $0, limit: limit).count < count }) {
            notes.append("Not all of the \(count) classes are shown: --top \(count) shows them.")
        }
        let shown = Set(rows.flatMap { columns(of: $0, limit: limit) })
        let few = calibration.map { calibration in
            shown.sorted().filter { calibration.positives[$0] < ModelCalibration.enoughPositives }
                .map { "\(model.titles[$0]) (\(calibration.positives[$0]))" }
        }
        if let few, !few.isEmpty {
            notes.append(
                "Calibrated on fewer than \(ModelCalibration.enoughPositives) images with the finding, so a rough guess: "
                    + Pluralization.listing(few) + ".")
        }
        return table(limit: limit).text(for: terminal) + (notes.isEmpty ? "" : "\n")
            + notes.map { $0 + "\n" }.joined()
    }

    /// The classes that are shown for an image: first those above their threshold, then others of the `limit` most probable,
    /// each from the most to the least probable; last that of images without a finding.
    private func columns(of row: Row, limit: Int) -> [Int] {
        let order = model.classes.indices.filter { $0 != rule.normal }
            .sorted { row.probabilities[$0] > row.probabilities[$1] }
        let above = order.filter { rule.isAbove(row, $0) == true }
        return above + order.prefix(limit).filter { !above.contains($0) }
            + [rule.normal].compactMap { limit > 0 ? $0 : nil }
    }

    /// For each photograph its classes; thresholds are on the last of the probabilities.
    package func table(limit: Int = 5) -> TextTable {
        let isCalibrated = calibration != nil
        let isPoor = rows.contains { !$0.shownWarnings.isEmpty }
        var table = TextTable(
            ["Image"] + (isPoor ? ["Quality"] : []) + ["", "Class", "Probability"]
                + (isCalibrated ? ["Calibrated"] : [])
                + [isCalibrated ? "Threshold (calibrated)" : "Threshold", "Above"])
        for row in rows {
            if !table.rows.isEmpty { table.rules.insert(table.rows.count) }
            var isFirst = true
            for column in columns(of: row, limit: limit) {
                let isAbove = rule.isAbove(row, column)
                var cells: [TextTable.Cell] = [.text(isFirst ? row.image : "")]
                if isPoor { cells.append(.text(isFirst ? row.shownWarnings.joined(separator: ", ") : "")) }
                cells += [
                    .text(isAbove == true ? ">" : ""), .text(model.titles[column]),
                    .number(Double(row.probabilities[column]), decimals: 4),
                ]
                if isCalibrated { cells.append(.number(row.calibrated.map { Double($0[column]) }, decimals: 4)) }
                table.append(
                    cells + [
                        .number(rule.shownThreshold(column), decimals: 4),
                        .text(
                            isAbove.map { $0 ? "yes" : "no" }
                                ?? (column == rule.normal ? "not a finding" : "no threshold")),
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
            /// What people call them; null where nothing is known but `classes`.
            @ExplicitNull var classLabels: [String]?
            /// The one that is never in `aboveThreshold`.
            @ExplicitNull var normalClass: String?
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
            precision: precision, classes: model.classes, classLabels: model.classLabels,
            normalClass: model.normal.map { model.classes[$0] }, operatingPoint: rule.name,
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
