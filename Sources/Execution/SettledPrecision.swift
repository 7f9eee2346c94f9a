import Logging
import Settings
import Torch

extension RunSettings {
    /// The same with the arithmetic chosen, where it was left open.
    package func settlingPrecision(_ context: ExecutionContext, logger: Logger) throws -> RunSettings {
        guard training.precision == .auto else { return self }
        let chosen = try context.precision.precision(
            for: self, on: context.device, threads: context.threads, logger: logger)
        return with(chosen == .float32 ? .float32 : .bfloat16)
    }

    /// The same in another arithmetic.
    package func with(_ precision: TrainingSettings.PrecisionName) -> RunSettings {
        var settings = self
        settings.training.precision = precision
        return settings
    }
}

extension TrainingSettings {
    /// What a finished run with these settings was computed in; one that has `auto` is of a version that chose by
    /// device.
    package var settledPrecision: PrecisionName {
        precision(on: .best) == .float32 ? .float32 : .bfloat16
    }

    /// The arithmetic that a setting comes to on a device where nothing is trained.
    package func precision(on device: Device) -> Precision {
        switch precision {
        case .auto: Engine.bestPrecision(on: device)
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}
