import Basics
import ConfigurationFile
import NN
import Torch

/// How a network is trained.
public struct TrainingSettings: Sendable, Equatable {
    /// The optimisers.
    public enum OptimizerName: String, Sendable, CaseIterable {
        case adamw
        case sgd
    }

    /// Passes over the data.
    public var epochs = 10
    /// Images per step.
    public var batchSize = 64
    /// Whether a last batch that is not full is left out.
    public var dropsLast = true
    /// Batches whose gradients are added before a step.
    public var accumulation = 1
    /// The optimiser.
    public var optimizer = OptimizerName.adamw
    /// The highest learning rate.
    public var rate = 1e-3
    /// Momentum of SGD.
    public var momentum = 0.9
    /// Nesterov's form of momentum.
    public var nesterov = false
    /// Weight decay on all parameters.
    public var weightDecay = 0.01
    /// The form of the learning rate over time.
    public var schedule = Schedule.Form.cosine
    /// Steps of linear warm-up.
    public var warmUpSteps = 60
    /// The largest norm of the gradients; nil for no limit.
    public var gradientLimit: Double?
    /// The share of the old average of the weights kept at each step; nil for no average.
    public var averageDecay: Double?
    /// Factor on the backbone's learning rate; 0 freezes it.
    public var backboneRate = 1.0
    /// Whether batch norms take their statistics over the images of all processes.
    public var syncsBatchNorm = false
    /// Arithmetic of the network; nil for bfloat16 on a GPU and the faster one on a processor, which is measured once for
    /// each machine and network.
    public var precision: Precision?
    /// Of which the best on an inner split of the training patients is taken; empty: the other keys say how long.
    public var candidates: [TrainingCandidate] = []
    /// Steps that each training may leave out because a loss or gradient is not finite.
    public var skipLimit = 0

    /// The defaults.
    public init() {}
}

extension TrainingSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training images"),
        Field("batch_size", \.batchSize, .integer(1...4096), "Images per step"),
        Field("drop_last", \.dropsLast, .flag, "Leave out a last batch that is not full"),
        Field("accumulation", \.accumulation, .integer(1...1024), "Batches whose gradients make one step"),
        Field("optimizer", \.optimizer, .choice, "The optimiser"),
        Field("rate", \.rate, .number(above: 0, through: 10), "Highest learning rate"),
        Field("momentum", \.momentum, .number(from: 0, below: 1), "Momentum of SGD").used { $0.optimizer == .sgd },
        Field("nesterov", \.nesterov, .flag, "Nesterov's form of SGD").used { $0.optimizer == .sgd },
        Field("weight_decay", \.weightDecay, .number(0...10), "Weight decay on all parameters"),
        Field("schedule", \.schedule, .choice, "The learning rate after the warm-up"),
        Field("warm_up_steps", \.warmUpSteps, .integer(0...1_000_000), "Steps of linear warm-up"),
        Field(
            "gradient_limit", \.gradientLimit, .optional(.number(above: 0, through: 1e9)),
            "Largest norm of the gradients; null: none"),
        Field(
            "average_decay", \.averageDecay, .optional(.number(above: 0, below: 1)),
            "Moving average of the weights (EMA); null: none"),
        Field("backbone_rate", \.backboneRate, .number(0...1), "Factor on the backbone's learning rate; 0 freezes it"),
        Field(
            "sync_batch_norm", \.syncsBatchNorm, .flag,
            "Where several processes train: batch statistics over the images of all of them"
        ).implied { !$0.syncsBatchNorm },
        Field(
            "precision", \.precision, .choice(or: "auto"),
            "Arithmetic of the network; losses are always float32. auto: the faster one"
        ).resolved,
        Field(
            "candidates", \.candidates, .list(.section, count: 0...100),
            "Trainings of which the best on an inner split of the training patients is taken"
        ).resolved,
        Field(
            "skip_limit", \.skipLimit, .integer(0...1_000_000),
            "Steps left out at most where a loss or gradient is not finite; 0: the first stops the run"
        ).unused,  // A training that was finished left out the steps that it did under any limit.
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard !nesterov || (optimizer == .sgd && momentum > 0) else {
            throw FoveaError(
                .configuration, "nesterov is true with optimizer \(optimizer.rawValue), momentum \(momentum)",
                remedy: "Nesterov's form needs optimizer: sgd and a momentum above 0.")
        }
    }
}

/// How long a network may be trained: one of several, of which the best is taken.
public struct TrainingCandidate: Sendable, Equatable {
    /// Passes over the data.
    public var epochs = 10
    /// The form of the learning rate over time.
    public var schedule = Schedule.Form.cosine
    /// The share of the old average of the weights kept at each step; nil for no average.
    public var averageDecay: Double?

    /// The defaults.
    public init() {}

    /// What a control should have tried: as long as the plain model, 2, 3.3 and 6.6 times as long, and twice in a row, each with
    /// and without averaged weights.
    package static func standard(epochs: Int) -> [TrainingCandidate] {
        let lengths: [(share: Double, schedule: Schedule.Form)] = [
            (1, .cosine), (2, .cosine), (3.3, .cosine), (6.6, .cosine), (2, .cosineTwice),
        ]
        return [nil, 0.99].flatMap { decay in
            lengths.map { share, schedule in
                var candidate = TrainingCandidate()
                candidate.epochs = max(1, Int((share * Double(epochs)).rounded()))
                candidate.schedule = schedule
                candidate.averageDecay = decay
                return candidate
            }
        }
    }

    /// In words, for logs and reports.
    package var words: String {
        Pluralization.count(epochs, "epoch") + ", \(schedule.rawValue)"
            + (averageDecay.map { ", average_decay \($0)" } ?? "")
    }
}

extension TrainingCandidate: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), required: true, "Passes over the training images"),
        Field("schedule", \.schedule, .choice, "The learning rate after the warm-up"),
        Field(
            "average_decay", \.averageDecay, .optional(.number(above: 0, below: 1)),
            "Moving average of the weights (EMA); null: none"),
    ]
}

extension TrainingSettings {
    /// The same with what a candidate says.
    package func taking(_ candidate: TrainingCandidate) -> TrainingSettings {
        var taken = self
        taken.epochs = candidate.epochs
        taken.schedule = candidate.schedule
        taken.averageDecay = candidate.averageDecay
        return taken
    }
}
