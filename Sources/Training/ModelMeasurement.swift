import Backbones
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Models
import NN
import Torch

/// Runs networks over rows of a cohort and ranks what comes out.
public struct ModelMeasurement {
    private let data: TrainingData
    private let device: Device
    private let precision: Precision
    private let normalization: Normalization
    private let shouldStop: () -> Bool

    /// Prepares measurements; `shouldStop` is asked before each batch and ends them with a `CancellationError`.
    public init(
        _ data: TrainingData, normalization: Normalization, device: Device, precision: Precision,
        shouldStop: @escaping () -> Bool = { false }
    ) {
        self.shouldStop = shouldStop
        self.data = data
        self.normalization = normalization
        self.device = device
        self.precision = precision
    }

    /// The raw logits of a network for some rows, row by row.
    public func logits(
        _ network: Classifier, rows: [Int], shouldStop: (() -> Bool)? = nil, progress: (Int) -> Void = { _ in }
    ) throws -> [Float] {
        let predictor = try Predictor(network, normalization, device: device, precision: precision)
        return try predictor.logits(
            cache: data.cache, items: rows.map { BatchItem(row: $0, view: 0) }, batchSize: 128,
            shouldStop: shouldStop ?? self.shouldStop, progress: progress)
    }

    /// Labels and scores of some rows for the given columns of the cohort, ready for evaluation.
    ///
    /// - Parameter scores: one row for each of `rows`, one number for each of `columns`.
    public func outcomes(rows: [Int], columns: [Int], scores: [Float]) throws -> Outcomes {
        try Outcomes(
            classes: columns.map { data.cohort.classes[$0] }, images: rows.map { data.cohort.photographs[$0].image },
            labels: rows.flatMap { row in columns.map { data.cohort.label(row, $0) } }, scores: scores,
            patients: data.cohort.knowsPatients ? rows.map { data.cohort.photographs[$0].patient } : [])
    }

    /// Average precision and area under the ROC curve of each column on some rows.
    public func summary(_ network: Classifier, rows: [Int], columns: [Int]) throws -> ClassSummary {
        ClassSummary(try outcomes(rows: rows, columns: columns, scores: logits(network, rows: rows)))
    }
}
