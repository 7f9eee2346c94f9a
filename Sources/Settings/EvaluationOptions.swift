import Evaluation

extension EvaluationSettings {
    /// The same for the evaluator.
    package func options(threads: Int, shouldStop: @escaping @Sendable () -> Bool) throws -> EvaluationOptions {
        var options = EvaluationOptions()
        options.bounds = try bounds()
        options.threads = threads
        options.bootstrap = nil
        if bootstrap > 0 {
            var rounds = BootstrapOptions()
            rounds.rounds = bootstrap
            rounds.minimumPositivePatients = minimumPositivePatients
            rounds.shouldStop = shouldStop
            options.bootstrap = rounds
        }
        return options
    }
}
