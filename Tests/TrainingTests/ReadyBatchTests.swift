import Backbones
import Basics
import FundusImaging
import Losses
import Models
import NN
import Sampling
import TestSupport
import Testing
import Torch
import Training

/// Epochs on one ready batch, as the benchmark of the loader times them.
@Suite struct ReadyBatchTests {
    @Test func readyEpochsTrainOnTheFirstBatchOfTheEpochBefore() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["10", "01", "11", "00", "10"])
        var plan = plainPlan(epochs: 4, batchSize: 2)
        plan.views = nil
        var seen: [[Int]] = []
        let objective = Spy { _, logits, targets, items in
            seen.append(items.map { $0.row * 10 + $0.view })
            return try BinaryCrossEntropy()(logits: logits, labels: targets.labels, mask: nil)
        }
        let session = try TrainingSession(
            makeTrainer(plan, data), tinyNetwork(classes: 2), .symmetric, objective: objective,
            stream: EpochStream(InOrder(rows: [0, 1, 2, 3, 4]), views: nil))
        session.isReady = { $0.isMultiple(of: 2) }
        let history = try session.run()
        // There is no ready batch for the first epoch, so it is loaded.
        #expect(seen == [[0, 10], [20, 30], [1, 11], [21, 31], [1, 11], [1, 11], [3, 13], [23, 33]])
        #expect(history.map(\.images) == [4, 4, 4, 4] && history.map(\.steps) == [2, 4, 6, 8])
    }
}
