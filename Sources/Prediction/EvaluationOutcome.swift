import Basics
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Reports
import Torch

/// What `fovea evaluate` found.
public struct EvaluationOutcome: Sendable {
    /// What was evaluated, for headings.
    public var subject: String
    /// Its metrics.
    public var evaluation: EvaluationResult
    /// What it is compared with.
    public var referenceSubject: String?
    /// The metrics of that.
    public var reference: EvaluationResult?
    /// The subject minus the reference, on the same images.
    public var difference: PairedResult?
    /// How many of the images evaluated are known to have trained the model; nil where that is not known.
    public var trainedImages: Int?
    /// How far the eyes of the table, by which windows lie, are those that a prediction estimates; nil without either.
    public var eyes: EyeAgreement?
    /// The arithmetic in which a model was judged; nil for probabilities of a table.
    public var precision: Precision?
    /// How the model's calibration does on these images; nil where it has none.
    public var calibration: CalibrationCheck?
    /// The label tables, with the hashes of what was read.
    var tables: [SourceFile] = []
    /// What the reader should mind.
    public var notes: [String] = []
    /// Names of classes for people.
    public var names: [String: String] = [:]
    /// The probabilities behind it, where a model was evaluated.
    public var outcomes: Outcomes?

    init(subject: String, evaluation: EvaluationResult) {
        self.subject = subject
        self.evaluation = evaluation
    }

    /// Everything as JSON: `evaluation`, and `reference` and `difference`, which are null without a comparison.
    public func json() throws -> String {
        struct Document: Encodable {
            var fovea = Program.version
            var subject: String
            var evaluation: EvaluationResult
            var calibration: CalibrationCheck?
            @ExplicitNull var trainedImages: Int?
            @ExplicitNull var eyes: EyeAgreement?
            @ExplicitNull var precision: Precision?
            var labelTables: [String: String]
            @ExplicitNull var referenceSubject: String?
            @ExplicitNull var reference: EvaluationResult?
            @ExplicitNull var difference: PairedResult?
        }
        let document = Document(
            subject: subject, evaluation: evaluation, calibration: calibration, trainedImages: trainedImages,
            eyes: eyes, precision: precision,
            labelTables: Dictionary(tables.map { ($0.path, $0.sha256) }) { first, _ in first },
            referenceSubject: referenceSubject, reference: reference, difference: difference)
        return String(decoding: try JSONFormat.encoded(document), as: UTF8.self)
    }

    /// The tables for a terminal.
    public func text(for terminal: Terminal) -> String {
        var parts: [String] = []
        func add(_ title: String, _ tables: [TextTable], _ notes: [String]) {
            let body = tables.map { $0.text(for: terminal) }.joined(separator: "\n")
            parts.append(
                terminal.styled(title, .bold) + "\n" + body + notes.map { $0 + "\n" }.joined())
        }
        let tables = EvaluationTables(evaluation, names: names)
        if let reference, let difference, let referenceSubject {
            // Columns with long headings, such as those of many files, would fit no terminal.
            let isShort = subject.count <= 24 && referenceSubject.count <= 24
            let two = DifferenceTables(
                difference, candidate: isShort ? subject : "candidate",
                reference: isShort ? referenceSubject : "reference", names: names)
            add(subject, [tables.summary()], [])
            add(referenceSubject, [EvaluationTables(reference, names: names).summary()], [])
            add("\(subject) minus \(referenceSubject)", [two.summary(), two.classes()], two.notes())
        } else {
            let arithmetic = precision.map { ["The model was computed in \($0.rawValue)."] } ?? []
            add(subject, [tables.summary(), tables.classes()], tables.notes() + arithmetic)
            if let calibration {
                add("Calibrated probabilities", [calibration.summary()], [])
                add("Operating points", [calibration.pointTable(names: names)], calibration.notes)
            }
        }
        return parts.joined(separator: "\n")
    }
}
