import Backbones
import Basics
import FundusImaging
import NN
import Torch

/// Runs a model over photographs, without recording anything for differentiation.
public final class Predictor {
    private let classifier: Classifier
    private let input: PixelInput
    private let device: Device
    private let precision: Precision

    /// Prepares a network for prediction: evaluation mode on `device`; batch norms folded when `folding`, which
    /// changes the network for good.
    public init(
        _ classifier: Classifier, _ normalization: Normalization, device: Device, precision: Precision,
        folding: Bool = false
    ) throws {
        self.classifier = classifier
        self.device = device
        self.precision = precision
        input = try PixelInput(normalization, device: device)
        try classifier.move(to: device)
        if folding { try classifier.backbone.foldBatchNorms() }
    }

    /// The raw logits of a batch of pictures, float32 on the CPU, [N, classes] row by row.
    public func logits(_ pixels: [UInt8], count: Int, resolution: Int) throws -> [Float] {
        classifier.setTraining(false)
        return try Autograd.inference {
            try Autocast.run(precision, on: device) {
                try classifier(input(pixels, count: count, resolution: resolution)).array()
            }
        }
    }

    /// The raw logits of some pictures of a cache, one row for each item, in order.
    ///
    /// - Parameter progress: told how many pictures are done.
    public func logits(
        cache: ImageCache, items: [BatchItem], augmentation: AugmentationSettings = .none, seed: UInt64 = 0,
        batchSize: Int = 64, threads: Int = 1, shouldStop: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
    ) throws -> [Float] {
        let loader = try BatchLoader(
            cache: cache, items: items, batchSize: batchSize, augmentation: augmentation, seed: seed, threads: threads)
        var all: [Float] = []
        var done = 0
        while let batch = try loader.next() {
            if shouldStop() { throw CancellationError() }
            all += try logits(batch.pixels, count: batch.items.count, resolution: batch.resolution)
            done += batch.items.count
            progress(done)
        }
        return all
    }
}

extension ModelDescription {
    /// Probabilities from raw logits, [N, classes] row by row.
    ///
    /// For single-label data a class without training images has probability 0: its logit was never trained.
    public func probabilities(_ logits: [Float]) throws -> [Float] {
        guard !logits.isEmpty else { return [] }
        let z = try Tensor(logits, shape: [logits.count / classes.count, classes.count])
        switch labels {
        case .multi: return try z.sigmoid().array()
        case .single:
            let excluded = classes.indices.map { c -> Float in (trainingImages?[c] ?? 1) > 0 ? 0 : -1e30 }
            return try (z + Tensor(excluded)).logSoftmax(1).exp().array()
        }
    }
}
