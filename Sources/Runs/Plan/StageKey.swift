import Basics
import ConfigurationFile
import Foundation
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
    public static let currentVersion = 2

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
        /// The section `model`.
        var model: [String: String]
        /// The hash of `model.weights`; nil for random weights.
        var weights: String?
        /// The section `image`.
        var image: [String: String]
        /// The part of the image that is seen; nil for all of it.
        var window: [String]?
        /// Windows that are seen too, and the classes of their heads; nil for none.
        var regions: [[String]]?
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
        /// The eyes, where they decide what is seen.
        var sides: String?
    }

    /// A measurement between epochs. It does not change the network, but it is a part of the stored history, which a run that
    /// reuses the stage shows as its own.
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
        /// The section `distillation`.
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
        /// The part of the image that is seen, and the eyes, which decide where it lies; nil for all of it.
        var window: [String]?
        var sides: String?
        /// The section `augmentation`.
        var augmentation: [String: String]
        /// The images' contents, in order.
        var images: String
    }

    /// SHA-256 of the canonical encoding, in hexadecimal.
    var digest: String {
        // Strings, whole numbers and their containers: nothing here can fail to be encoded.
        Digest.sha256((try? JSONFormat.encoded(self, pretty: false)) ?? Data())
    }
}

extension StageKey {
    /// How a network is trained: a `TrainingPlan` without the number of threads.
    struct Training: Codable, Hashable, Sendable {
        /// The section `training`, with epochs and rates of this training.
        var settings: [String: String]
        var minimumSteps: Int
        /// The section `augmentation`.
        var augmentation: [String: String]
        var views: Int?
        var mixing: String?
        var precision: String
        var seed: UInt64

        init(_ plan: TrainingPlan) {
            settings = StageKey.values(of: plan.settings)
            minimumSteps = plan.minimumSteps
            augmentation = StageKey.values(of: plan.augmentation)
            views = plan.views
            mixing =
                plan.mixing.kind == .none ? nil : plan.mixing.kind.rawValue + " " + StageKey.exact(plan.mixing.shape)
            precision = plan.precision.rawValue
            seed = plan.seed
        }
    }

    /// A number by the bits of its IEEE 754 form, in hexadecimal: another way of printing numbers changes no key.
    static func exact(_ number: Double) -> String { "0x" + String(number.bitPattern, radix: 16) }

    /// The values of a section that decide something, by their keys in the file, such as "teachers.rate", with numbers that
    /// are not whole by their bits. What is made of the others is elsewhere in the key.
    static func values(of section: some ConfigurationSection) -> [String: String] {
        ConfigurationWriter.values(section, [.decides]).mapValues { text in
            guard Int(text) == nil, let number = Double(text) else { return text }
            return exact(number)
        }
    }
}
