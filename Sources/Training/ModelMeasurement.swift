import Backbones
import Basics
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Models
import NN
import Torch

/// Runs networks over rows of a cohort and ranks the outputs.
public struct ModelMeasurement {
    private let data: TrainingData
    private let device: Device
    private let precision: Precision
    private let normalization: Normalization
    private let threads: Int
    private let communicator: any Communicator
    private let shouldStop: () -> Bool

    /// Prepares measurements; `threads` make batches and rank classes, `shouldStop` is called before each batch and
    /// ends them with a `CancellationError`. The processes of `communicator` divide the batches among them.
    public init(
        _ data: TrainingData, normalization: Normalization, device: Device, precision: Precision, threads: Int = 1,
        communicator: any Communicator = SingleProcess(),
        shouldStop: @escaping () -> Bool = { false }
    ) {
        self.threads = threads
        self.communicator = communicator
        self.shouldStop = shouldStop
        self.data = data
        self.normalization = normalization
        self.device = device
        self.precision = precision
    }

    /// The raw logits of a network for some rows, row by row, in the precision of the training.
    ///
    /// - Parameter name: what to call the network in messages.
    /// - Throws: `FoveaError` of kind `numerical` that names the images with an output that is not finite.
    public func logits(_ network: Classifier, name: String, rows: [Int]) throws -> [Float] {
        try logits(
            Predictor(network, normalization, device: device, precision: precision), name: name, rows: rows)
    }

    /// The probabilities of a finished model for some rows, row by row, as `fovea evaluate` computes them.
    ///
    /// - Parameter name: what to call the network in messages.
    /// - Throws: `FoveaError` of kind `numerical` that names the images with an output that is not finite.
    public func probabilities(_ model: ModelBundle, name: String, rows: [Int]) throws -> [Float] {
        try model.description.probabilities(logits(model.predictor(device: device), name: name, rows: rows))
    }

    private func logits(_ predictor: Predictor, name: String, rows: [Int]) throws -> [Float] {
        let bar = bar(name, rows)
        let logits = try predictor.logits(
            cache: data.cache, items: rows.map { BatchItem(row: $0, view: 0) }, batchSize: 128, threads: threads,
            communicator: communicator, shouldStop: shouldStop, progress: { bar.update($0) })
        try refuseNonFinite(logits, name, "an output", rows)
        return logits
    }

    /// The pooled features of the undistorted images of some rows, row by row.
    ///
    /// - Parameter name: what to call the network in messages.
    /// - Throws: `FoveaError` of kind `numerical` where one is not finite.
    public func features(_ network: Classifier, name: String, rows: [Int]) throws -> [Float] {
        let predictor = try Predictor(network, normalization, device: device, precision: precision)
        var features: [Float] = []
        let bar = bar(name, rows)
        try predictor.forEachBatch(
            cache: data.cache, items: rows.map { BatchItem(row: $0, view: 0) }, withFeatures: true, batchSize: 128,
            threads: threads, communicator: communicator, shouldStop: shouldStop
        ) { outputs, done in
            features += outputs.features
            bar.update(done)
        }
        try refuseNonFinite(features, name, "a feature", rows)
        return features
    }

    /// Shows how far a measurement is. It is not finished by a line of its own: there is one each epoch.
    private func bar(_ name: String, _ rows: [Int]) -> ProgressReporter {
        ProgressReporter("\(name), predicting", total: rows.count, unit: "images")
    }

    /// Names the images with an output that is not finite.
    private func refuseNonFinite(_ outputs: [Float], _ name: String, _ what: String, _ rows: [Int]) throws {
        guard outputs.contains(where: { !$0.isFinite }) else { return }
        let width = outputs.count / rows.count
        let images = rows.indices.filter { row in
            outputs[row * width..<(row + 1) * width].contains { !$0.isFinite }
        }.map { data.cohort.photographs[rows[$0]].image }
        throw FoveaError(
            .numerical,
            "\(name): \(what) is not finite for \(images.count) of \(Pluralization.count(rows.count, "image")): the training has "
                + "diverged. \(Pluralization.listing(images))",
            remedy: "Lower the learning rate (training.rate; distillation.teachers.rate for a teacher), or set "
                + "training.gradient_limit.")
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
    public func summary(_ network: Classifier, name: String, rows: [Int], columns: [Int]) throws -> ClassSummary {
        ClassSummary(
            try outcomes(rows: rows, columns: columns, scores: logits(network, name: name, rows: rows)),
            threads: threads)
    }
}
