import Logging
import Settings
import Torch

extension RunSettings {
    /// The same with the arithmetic chosen, where it was left open.
    package func settlingPrecision(_ context: ExecutionContext, logger: Logger) throws -> RunSettings {
        guard training.precision == nil else { return self }
        let chosen = try context.communicator.decided {
            try context.precision.precision(
                for: self, on: context.device, threads: context.threads, logger: logger
            ).rawValue
        }
        return with(Precision(rawValue: chosen) ?? .float32)
    }

    /// The same in another arithmetic.
    package func with(_ precision: Precision) -> RunSettings {
        var settings = self
        settings.training.precision = precision
        return settings
    }
}

extension TrainingSettings {
    /// The arithmetic that a setting comes to on a device where nothing is trained.
    package func precision(on device: Device) -> Precision { precision ?? Engine.bestPrecision(on: device) }
}
