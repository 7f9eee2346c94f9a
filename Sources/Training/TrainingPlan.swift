import Basics
import FundusImaging
import Settings
import Torch

/// The recipe of one training: everything but network, data and loss.
///
/// Teachers, students and second stages have settings of their own, which follow from those of the run.
@dynamicMemberLookup
public struct TrainingPlan: Sendable {
    /// What a configuration says of it; each is also a property of the plan.
    public var settings: TrainingSettings
    /// Steps that a small subset gets at least; more epochs are run until they are reached.
    public var minimumSteps = 0
    /// How views differ from the image.
    public var augmentation = AugmentationSettings()
    /// The number of different views of each image; nil for a new one each time.
    public var views: Int?
    /// How images are mixed with each other.
    public var mixing = Mixing()
    /// Arithmetic of the network.
    public var precision = Precision.float32
    /// Seeds sampler, views, dropout.
    public var seed: UInt64 = 0
    /// Threads that prepare batches.
    public var loaderThreads = 1

    /// A plan with the defaults of what is not in the settings.
    public init(_ settings: TrainingSettings = TrainingSettings()) { self.settings = settings }

    /// A setting.
    public subscript<Value>(dynamicMember key: WritableKeyPath<TrainingSettings, Value>) -> Value {
        get { settings[keyPath: key] }
        set { settings[keyPath: key] = newValue }
    }

    /// The batches per epoch of `images` images.
    public func batches(of images: Int) -> Int { batching.count(of: images) }

    /// How an epoch is cut into batches.
    public var batching: Batching { Batching(size: settings.batchSize, dropsLast: settings.dropsLast) }

    /// The steps per epoch of `images` images.
    public func steps(of images: Int) -> Int { Batching(size: settings.accumulation).count(of: batches(of: images)) }

    /// How many images the step of a batch has for each image of that batch: what the batch's mean loss is divided by, so
    /// that the gradients of a step add up to that of the mean over all its images, however full each batch is.
    ///
    /// - Parameters:
    ///   - batch: its number in the epoch, counted from 0.
    ///   - images: those of the epoch.
    ///   - part: how many images of the batch this process computes; nil for all.
    package func shareOfStep(batch: Int, images: Int, part: Int? = nil) -> Double {
        // The last step of an epoch may have fewer batches, the last batch fewer images.
        let step = Batching(size: settings.accumulation).range(batch / settings.accumulation, of: batches(of: images))
        let seen = step.reduce(0) { $0 + batching.range($1, of: images).count }
        return Double(seen) / Double(part ?? batching.range(batch, of: images).count)
    }

    /// The passes over a number of images: `epochs`, or as many as `minimumSteps` need.
    public func passes(over images: Int) -> Int {
        let steps = max(1, steps(of: images))
        return max(settings.epochs, (minimumSteps + steps - 1) / steps)
    }
}
