import Backbones
import Basics
import Foundation
import FundusImaging
import Models
import Settings
import Torch

/// What decides which arithmetic is faster on a processor: the machine, and the training step.
public struct PrecisionQuestion: Codable, Hashable, Sendable {
    /// The model of the processor.
    public var processor: String
    /// Threads of the engine.
    public var threads: Int
    /// The version of libtorch.
    public var engine: String
    /// The network.
    public var architecture: String
    /// Side of an image in pixels.
    public var resolution: Int
    /// Images per step.
    public var batchSize: Int

    /// The question for the step of some settings on this machine.
    init(_ settings: RunSettings, threads: Int) {
        processor = Processor.name
        self.threads = threads
        engine = Engine.version
        architecture = settings.model.architecture.rawValue
        resolution = settings.image.resolution
        batchSize = settings.training.batchSize
    }
}

/// This machine's processor.
package enum Processor {
    /// As /proc/cpuinfo has it, such as "AMD EPYC 9B14"; "unknown" where it is not given.
    package static let name =
        SystemFile.text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        .flatMap { $0.split(separator: ":", maxSplits: 1).last }?.trimmingCharacters(in: .whitespaces) ?? "unknown"
}

/// Seconds of a training step in both kinds of arithmetic.
public struct PrecisionTimes: Codable, Hashable, Sendable {
    /// In float32.
    public var float32: Double
    /// In bfloat16.
    public var bfloat16: Double

    /// Puts two measured times together.
    public init(float32: Double, bfloat16: Double) {
        self.float32 = float32
        self.bfloat16 = bfloat16
    }

    /// bfloat16 where it saves more than 5 % of the time: below that its rounding buys nothing.
    public var best: Precision { bfloat16 < 0.95 * float32 ? .bfloat16 : .float32 }

    /// Whether these can be measured times.
    var isPossible: Bool { [float32, bfloat16].allSatisfy { $0.isFinite && $0 > 0 } }
}
