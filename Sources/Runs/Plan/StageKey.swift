import Basics
import Configuration
import Foundation
import NN
import Settings
import Torch
import Training

/// What decides what a stage comes to, as far as it is known before anything is trained: two stages with the same key
/// are the same stage.
///
/// It is encoded canonically, as JSON with sorted keys, without absent members, and with numbers that are not whole as the
/// bits of their IEEE 754 form; its `digest` names the stage in the store. Device and threads are not in it: a stage that
/// was finished on another device, or with more threads, is finished. What a stage begins with and learns from is there by
/// the digests of those stages' keys, so that all keys of a run are known before its first stage is trained.
public struct StageKey: Codable, Hashable, Sendable {
    /// Raised when the same key would stand for another outcome; stages stored under an earlier version are not reused.
    public static let currentVersion = 1

    var version = Self.currentVersion
    /// The name of the stage in the store.
    var stage: String
    /// The version of libtorch.
    var engine: String
    /// Decides the outcome of a training; nil for a view bank.
    var network: Network?
    /// Decides the numbers of a view bank; nil for a training.
    var bank: Bank?

    /// A training.
    struct Network: Codable, Hashable, Sendable {
        /// The section `model` without the path of the weights.
        var model: [String: String]
        /// The hash of `model.weights`; nil for random weights.
        var weights: String?
        /// The section `image`.
        var image: [String: String]
        /// `data.labels`.
        var labelKind: String
        /// The classes that are learnt, in order.
        var classes: [String]
        var training: Training
        /// The section `technique`, without the second stage where this is not one.
        var technique: [String: String]
        /// The images that are trained on.
        var trained: Rows
        /// The images on which the network is measured while it is trained; nil where it is not.
        var measured: Measured?
        var start: Start
        /// Which of the images a teacher sees; nil where all are seen.
        var subset: Subset?
        /// What a student learns from its teachers; nil for other networks.
        var distillation: Distillation?
    }

    /// A training's images, by the hashes of their contents and labels, in order.
    struct Rows: Codable, Hashable, Sendable {
        var images: String
        var labels: String
    }

    /// A measurement between epochs: it is a part of the stored history.
    struct Measured: Codable, Hashable, Sendable {
        var everyEpochs: Int
        var rows: Rows
    }

    /// Where a network begins.
    struct Start: Codable, Hashable, Sendable {
        /// What seeds random weights and a new head; nil where another stage is continued.
        var seedName: String?
        /// The key of the stage that is continued.
        var stage: String?
    }

    /// A teacher's images.
    struct Subset: Codable, Hashable, Sendable {
        var negatives: String
        var positiveCount: Int
        var negativeCount: Int
    }

    /// A student's teachers.
    struct Distillation: Codable, Hashable, Sendable {
        /// The section `distillation`, without its preset.
        var settings: [String: String]
        /// The classes of each teacher, by the name of its subset.
        var subsets: [[String]]
        /// The keys of the teachers.
        var teachers: [String]
        /// The key of the plain model that is measured beside the teachers; nil where nothing is measured.
        var reference: String?
        /// The images on which they are measured.
        var inner: Rows?
    }

    /// A view bank.
    struct Bank: Codable, Hashable, Sendable {
        /// The keys of the teachers, in the order of the bank's columns.
        var teachers: [String]
        var views: Int
        var seed: UInt64
        var precision: String
        /// The section `image`.
        var image: [String: String]
        /// The section `augmentation`.
        var augmentation: [String: String]
        /// The images' contents, in order.
        var images: String
    }

    /// The canonical encoding.
    public var canonical: Data {
        // Strings, whole numbers and their containers: nothing here can fail to be encoded.
        return (try? JSONFormat.encoded(self, pretty: false)) ?? Data()
    }

    /// SHA-256 of the canonical encoding, in hexadecimal.
    public var digest: String { Digest.sha256(canonical) }
}

extension StageKey {
    /// How a network is trained: a `TrainingPlan` without the number of threads.
    struct Training: Codable, Hashable, Sendable {
        var epochs: Int
        var minimumSteps: Int
        var batchSize: Int
        var dropsLast: Bool
        var accumulation: Int
        var optimizer: String
        var rate: String
        var weightDecay: String
        var schedule: String
        var warmUpSteps: Int
        var gradientLimit: String?
        var averageDecay: String?
        var backboneRate: String
        /// The section `augmentation`.
        var augmentation: [String: String]
        var views: Int?
        var mixing: String?
        var precision: String
        var seed: UInt64
        /// Steps that may be left out where a loss or gradient is not finite.
        var skipLimit: Int

        init(_ plan: TrainingPlan, skipLimit: Int) {
            epochs = plan.epochs
            minimumSteps = plan.minimumSteps
            batchSize = plan.batchSize
            dropsLast = plan.dropsLast
            accumulation = plan.accumulation
            optimizer =
                switch plan.optimizer {
                case .adamW(let beta1, let beta2, let epsilon):
                    "adamw " + [beta1, beta2, epsilon].map(StageKey.exact).joined(separator: " ")
                case .sgd(let momentum, let nesterov): "sgd \(StageKey.exact(momentum)) \(nesterov)"
                }
            rate = StageKey.exact(plan.rate)
            weightDecay = StageKey.exact(plan.weightDecay)
            schedule = plan.schedule.rawValue
            warmUpSteps = plan.warmUpSteps
            gradientLimit = plan.gradientLimit.map(StageKey.exact)
            averageDecay = plan.averageDecay.map(StageKey.exact)
            backboneRate = StageKey.exact(plan.backboneRate)
            var augmentation = ViewSettings()
            augmentation.ranges = plan.augmentation
            self.augmentation = StageKey.values(of: augmentation)
            views = plan.views
            mixing =
                switch plan.mixing {
                case .none: nil
                case .mixup(let alpha): "mixup \(StageKey.exact(alpha))"
                case .cutmix(let alpha): "cutmix \(StageKey.exact(alpha))"
                }
            precision = plan.precision.rawValue
            seed = plan.seed
            self.skipLimit = skipLimit
        }
    }

    /// A number by the bits of its IEEE 754 form, in hexadecimal: another way of printing numbers changes no key.
    static func exact(_ number: Double) -> String { "0x" + String(number.bitPattern, radix: 16) }

    /// The values of a section by their keys in the file, such as "teachers.rate", with numbers that are not whole by their
    /// bits.
    static func values(of section: some ConfigurationSection) -> [String: String] {
        ConfigurationWriter.values(section).mapValues { text in
            guard Int(text) == nil, let number = Double(text) else { return text }
            return exact(number)
        }
    }
}
