import Basics
import Cohorts
import Foundation
import FundusImaging
import Torch

/// A step whose loss or gradient is NaN or infinite.
struct NonFiniteStep: Codable {
    /// "loss" or "gradient".
    var what: String
    /// "nan", "inf" or "-inf".
    var value: String
    /// The epoch, counted from 1.
    var epoch: Int
    /// The step, counted from 1 over the whole training, skipped ones included.
    var step: Int
    /// The photographs: those of the batch for a loss, of all batches of the step for a gradient.
    var images: [String]
    /// The views of them that were seen.
    var views: [Int]

    init(_ what: String, _ value: Double, _ state: TrainingState, _ items: [BatchItem], _ data: TrainingData) {
        self.what = what
        self.value = value.isNaN ? "nan" : "\(value)"
        epoch = state.epoch + 1
        step = state.steps + state.skippedSteps + 1
        images = items.map { data.cohort.photographs[$0.row].image }
        views = items.map(\.view)
    }

    /// The same with the images of all processes.
    func gathered(over communicator: any Communicator) throws -> NonFiniteStep {
        guard communicator.size > 1 else { return self }
        var all = self
        let parts = try communicator.texts(String(decoding: JSONFormat.encoded(self), as: UTF8.self))
            .map { try JSONFormat.decoded(Self.self, from: Data($0.utf8)) }
        (all.images, all.views) = (parts.flatMap(\.images), parts.flatMap(\.views))
        return all
    }

    /// What happened, where, and on which images.
    var message: String {
        let shown = images.prefix(8).joined(separator: ", ") + (images.count > 8 ? ", ..." : "")
        return "the \(what) became \(value) in epoch \(epoch), step \(step), on the images \(shown)"
    }

    /// What to try.
    static let remedy =
        "Lower training.rate, set training.gradient_limit, use training.precision float32, or leave out a few such "
        + "steps with training.skip_limit."
}
