/// Where a training stands between two steps: everything but tensors and random numbers.
struct TrainingState: Codable, Equatable {
    /// The current epoch, counted from 0.
    var epoch = 0
    /// Batches of it that are done. All of them: what follows is the measurement after the epoch.
    var batch = 0
    /// Optimiser steps taken.
    var steps = 0
    /// What was summed up over the epoch so far.
    var sums = EpochSums()
    /// The records of the epochs before.
    var history: [EpochRecord] = []
    /// What the objective decided at the beginning of the epoch.
    var objective: [Double] = []

    /// Steps left out because a loss or gradient was not finite.
    var skippedSteps: Int { sums.skippedSteps + history.reduce(0) { $0 + ($1.skippedSteps ?? 0) } }

    /// Images seen.
    var images: Int { sums.images + history.reduce(0) { $0 + $1.images } }

    /// How well the network did that this state begins an epoch with; nil within an epoch and where it was not measured.
    var score: Double? { batch == 0 ? history.last?.validationMAP : nil }

    /// Names the place in time, with as many digits as it takes; `place(of:)` reads it.
    var name: String { "epoch-\(Self.digits(epoch, 5))-batch-\(Self.digits(batch, 7))" }

    /// The place in time that a name stands for; nil where it is not such a name.
    static func place(of name: String) -> (epoch: Int, batch: Int)? {
        guard let match = name.wholeMatch(of: /epoch-([0-9]{5,})-batch-([0-9]{7,})/), let epoch = Int(match.1),
            let batch = Int(match.2)
        else { return nil }
        return (epoch, batch)
    }

    /// Ends the epoch.
    mutating func finishEpoch(_ record: EpochRecord) {
        history.append(record)
        epoch += 1
        batch = 0
        sums = EpochSums()
        objective = []
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}

/// What is summed up over an epoch.
struct EpochSums: Codable, Equatable {
    private var parts: [Double] = []
    private var counted = 0
    private var norms = 0.0
    private var steps = 0
    /// Images seen, those of skipped steps included.
    private(set) var images = 0
    /// Steps left out because a loss or gradient was not finite.
    private(set) var skippedSteps = 0
    /// The learning rate of the last step.
    private(set) var rate = 0.0
    /// Seconds spent.
    var seconds = 0.0

    /// The mean of the whole loss.
    var totalLoss: Double { parts.indices.reduce(0) { $0 + (mean($1) ?? 0) } }

    /// The mean of a part of the loss; nil where the objective does not have it.
    private func mean(_ part: Int) -> Double? {
        parts.indices.contains(part) ? parts[part] / Double(max(1, counted)) : nil
    }

    /// Counts a batch; nil where its loss was not finite.
    mutating func add(_ values: [Double]?, images count: Int) {
        images += count
        guard let values else { return }
        if parts.isEmpty { parts = values.map { _ in 0 } }
        for (i, value) in values.enumerated() { parts[i] += value * Double(count) }
        counted += count
    }

    /// Counts a step.
    mutating func addStep(norm: Double, rate: Double) {
        norms += norm
        steps += 1
        self.rate = rate
    }

    /// Counts a step that was left out.
    mutating func addSkippedStep() { skippedSteps += 1 }

    /// The record of an epoch that has ended.
    func record(epoch: Int, steps total: Int) -> EpochRecord {
        EpochRecord(
            epoch: epoch, steps: total, loss: mean(0) ?? 0, distillation: mean(1), features: mean(2), rate: rate,
            gradientNorm: norms / Double(max(1, steps)), seconds: seconds, images: images, skippedSteps: skippedSteps)
    }
}
