import Basics
import FundusImaging
import NN
import Torch

/// The recipe of one training: everything but network, data and loss.
public struct TrainingPlan: Sendable {
    /// Passes over the sampler's stream.
    public var epochs = 10
    /// Steps that a small subset gets at least; more epochs are run until they are reached.
    public var minimumSteps = 0
    /// Images per step.
    public var batchSize = 64
    /// Whether a last batch that is not full is left out (never when it is the only one).
    public var dropsLast = true
    /// Batches whose gradients are added up before a step.
    public var accumulation = 1
    /// The optimiser.
    public var optimizer = OptimizerKind.adamW()
    /// The highest learning rate.
    public var rate = 1e-3
    /// Weight decay, on all parameters.
    public var weightDecay = 0.01
    /// The form of the learning rate over time.
    public var schedule = Schedule.Form.cosine
    /// Steps of linear warm-up.
    public var warmUpSteps = 60
    /// The largest common norm of the gradients; nil for no limit.
    public var gradientLimit: Double?
    /// The share of the old average at each step; nil for no averaging of weights.
    public var averageDecay: Double?
    /// Factor on the backbone's learning rate; 0 freezes it.
    public var backboneRate = 1.0
    /// How views differ from the image.
    public var augmentation = AugmentationSettings()
    /// The number of different views of each image; nil for a new one each time.
    public var views: Int?
    /// How images are mixed with each other; nil for not at all.
    public var mixing: Mixing?
    /// Arithmetic of the network.
    public var precision = Precision.float32
    /// Seeds sampler, views, dropout.
    public var seed: UInt64 = 0
    /// Threads that prepare batches.
    public var loaderThreads = 1

    /// The recipe's defaults.
    public init() {}

    /// The batches per epoch of `images` images.
    public func batches(of images: Int) -> Int { batching.count(of: images) }

    /// How an epoch is cut into batches.
    public var batching: Batching { Batching(size: batchSize, dropsLast: dropsLast) }

    /// The steps per epoch of `images` images.
    public func steps(of images: Int) -> Int { Batching(size: accumulation).count(of: batches(of: images)) }

    /// How many images the step of a batch has for each image of that batch: what the batch's mean loss is divided by, so
    /// that the gradients of a step add up to that of the mean over all its images, however full each batch is.
    ///
    /// - Parameters:
    ///   - batch: its number in the epoch, counted from 0.
    ///   - images: those of the epoch.
    package func shareOfStep(batch: Int, images: Int) -> Double {
        // The last step of an epoch may have fewer batches, the last batch fewer images.
        let step = Batching(size: accumulation).range(batch / accumulation, of: batches(of: images))
        let seen = step.reduce(0) { $0 + batching.range($1, of: images).count }
        return Double(seen) / Double(batching.range(batch, of: images).count)
    }

    /// The passes over a number of images: `epochs`, or as many as `minimumSteps` need.
    public func passes(over images: Int) -> Int {
        let steps = max(1, steps(of: images))
        return max(epochs, (minimumSteps + steps - 1) / steps)
    }
}
