import Foundation
import FundusImaging
import Settings

/// What is left of a comparison, as far as it decides by how many processes it is computed.
public struct OpenWork {
    /// How many units have cells that are not finished.
    public let units: Int
    /// About the most bytes that the training of one of these cells takes.
    let memory: Int

    package init(units: Int, memory: Int) { (self.units, self.memory) = (units, memory) }

    init(_ open: [ComparisonCell]) {
        let images = open.map { cell in
            let side = Double(cell.settings.image.resolution) / 224
            return Double(cell.settings.training.batchSize) * side * side
        }
        // The program, and a step of ResNet-50 in float32, which needs the most among common networks: 64 images of 224 pixels
        // take 9.7 GB together.
        self.init(units: Set(open.map(\.unit)).count, memory: Int(1e9 + 140e6 * (images.max() ?? 0)))
    }
}

/// How many processes `fovea compare --jobs auto` divides a comparison among, by what is known before anything is measured.
public enum JobRule {
    /// How many may be requested.
    public static let allowed = 1...64

    /// A training with k threads counts as k to this power times as fast as one with one thread. Above 1 it would say that
    /// one process makes better use of the processors than several.
    ///
    /// Measured on two cores, a MobileNet in float32: one process with two threads trains 79.2 images/s, two with one each 101.6
    /// (`benchmarks/shared_cores.sh`; the power is 1 + log(one / n processes) / log(n)).
    static let threadPower = 0.64

    /// The number that is expected to finish first; of several the lowest: at most one job per thread, per unit, and as memory
    /// allows; one on a GPU.
    ///
    /// - Parameters:
    ///   - threads: those of all jobs together, of which none waits for a processor.
    ///   - memory: bytes that are available; nil where that is not known.
    public static func jobs(for work: OpenWork, threads: Int, memory: Int?, onGPU: Bool) -> Int {
        let most = onGPU ? 1 : min(work.units, threads, allowed.upperBound, memory.map { $0 / work.memory } ?? .max)
        func rounds(_ jobs: Int) -> Int { (work.units + jobs - 1) / jobs }
        func time(_ jobs: Int) -> Double { Double(rounds(jobs)) / pow(Double(threads / jobs), threadPower) }
        return (1...max(1, most)).min { time($0) < time($1) } ?? 1
    }
}
