import Backbones
import Basics
import FundusImaging
import Logging
import Settings
import Torch

/// Chooses the arithmetic where `training.precision` is `auto`: on a processor the faster one, measured once for each
/// machine and network.
public struct PrecisionChoice: Sendable {
    private let file: PrecisionFile
    private let isWorthMeasuring: Bool
    private let measure: @Sendable (RunSettings) throws -> PrecisionTimes

    /// - Parameters:
    ///   - folder: the cache folder that keeps what was measured.
    ///   - isWorthMeasuring: false where the processor has no instructions for bfloat16, which is then never faster.
    ///   - measure: times the step of some settings.
    public init(
        folder: String, isWorthMeasuring: Bool = Engine.hasNativeBFloat16,
        measure: @escaping @Sendable (RunSettings) throws -> PrecisionTimes = PrecisionTimes.init(measuring:)
    ) {
        file = PrecisionFile(folder: folder)
        self.isWorthMeasuring = isWorthMeasuring
        self.measure = measure
    }

    /// The arithmetic of a run's trainings: what its settings say, or for `auto` bfloat16 on a GPU and the faster one on a
    /// processor.
    ///
    /// - Parameter logger: gets a message when something is measured.
    public func precision(
        for settings: RunSettings, on device: Device, threads: Int, logger: Logger
    ) throws -> Precision {
        if let given = settings.training.precision { return given }
        guard device == .cpu else { return .bfloat16 }
        guard isWorthMeasuring else { return .float32 }
        let question = PrecisionQuestion(settings, threads: threads)
        if let known = file.times(for: question) { return known.best }
        let measured = try measure(settings)
        // What another process kept meanwhile holds for both.
        let times = file.times(for: question) ?? measured
        file.add(times, for: question)
        logger.info("training.precision auto: \(times.best.rawValue); a step takes \(times.words)")
        return times.best
    }
}

extension PrecisionTimes {
    /// Both times, for people.
    package var words: String {
        func milliseconds(_ seconds: Double) -> String { "\(Int((seconds * 1000).rounded())) ms" }
        return "\(milliseconds(float32)) in float32, \(milliseconds(bfloat16)) in bfloat16"
    }

    /// Times the step of some settings on the processor: about a second in each arithmetic, by turns, so that what else
    /// the machine does falls on both. A step that takes longer is timed once.
    public init(measuring settings: RunSettings) throws {
        let training = try BenchmarkedTraining(
            settings.model.architecture, size: settings.image.resolution, batch: settings.training.batchSize,
            precision: .float32, device: .cpu)
        func seconds(_ precision: Precision) throws -> Double {
            let start = ContinuousClock.now
            _ = try training.gradients(training.readyImages, in: precision)
            try training.update(measuresNorm: true)
            return (ContinuousClock.now - start) / .seconds(1)
        }
        // The first step of each makes kernels and memory ready. It counts only where another one would take too long.
        var times = [[try seconds(.float32)], [try seconds(.bfloat16)]]
        if times[0][0] < 2, times[1][0] < 2 {
            times = [[], []]
            while times.contains(where: { $0.count < 3 || ($0.reduce(0, +) < 1 && $0.count < 100) }) {
                for (index, precision) in [Precision.float32, .bfloat16].enumerated() {
                    times[index].append(try seconds(precision))
                }
            }
        }
        func median(_ times: [Double]) -> Double { times.sorted()[times.count / 2] }
        self.init(float32: median(times[0]), bfloat16: median(times[1]))
    }
}
