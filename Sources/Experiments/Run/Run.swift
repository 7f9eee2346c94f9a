import Basics
import Cohorts
import Configuration
import Foundation
import FundusImaging
import Torch
import Training

/// The main job: from photographs and labels to an evaluated model, by way of teachers where distillation is asked for.
public struct Run {
    private let settings: RunSettings
    private let surroundings: Surroundings
    private let log: (String) -> Void

    /// Prepares a run; nothing is read yet.
    public init(_ settings: RunSettings, _ surroundings: Surroundings, log: @escaping (String) -> Void) {
        self.settings = settings
        self.surroundings = surroundings
        self.log = log
    }

    /// Does everything and gives what came out.
    ///
    /// - Parameter configuration: the text of `config.yaml`, complete.
    public func execute(configuration: String) throws -> RunOutcome {
        Engine.threads = surroundings.threads
        let started = Date()
        let divided = try Preparation.divided(self.settings)
        try RunCheck(
            settings: self.settings, cohort: divided.cohort, attributes: divided.attributes, split: divided.split
        ).verify()
        let folder = try RunFolder(self.settings.output, isResuming: surroundings.isResuming)
        let settings = try self.settings.settlingPrecision(surroundings, log: log)
        let preparation = try Preparation(
            settings, divided, cacheFolder: settings.cache ?? Surroundings.userCache + "/images",
            threads: surroundings.threads, shouldStop: surroundings.shouldStop)
        for warning in preparation.warnings { log("warning: " + warning) }
        // What was chosen is written down, so that a resumed run keeps it.
        let isOpen = self.settings.training.precision == .auto
        try AtomicFile.write(
            isOpen ? ConfigurationWriter.yaml(settings) : configuration, to: folder.file("config.yaml"))
        let recipe = Recipe(settings: settings, preparation: preparation, surroundings: surroundings)
        let journal = try Journal(folder, log: log)
        let store = StageStore(
            folder: settings.stages ?? folder.file("stages"), shouldStop: surroundings.shouldStop)
        let training = NetworkTraining(recipe: recipe, store: store, journal: journal, folder: folder)
        let rows = preparation.split.training
        log(
            "\(preparation.data.cohort.source): \(rows.count) training and \(preparation.split.validation.count) "
                + "validation images, \(preparation.data.cohort.classes.count) classes, "
                + "\(recipe.precision.rawValue) on \(surroundings.device) with \(surroundings.threads) threads")

        let plain = try training.plain(rows: rows)
        var outcome = try RunOutcome(settings, recipe, plain: plain, measurement: training.measurement)
        if let distillation = settings.distillation {
            let job = RelationalDistillation(
                settings: distillation, recipe: recipe, training: training, store: store, journal: journal)
            let result = try job.run(rows: rows, plain: plain)
            try outcome.add(result, recipe, training.measurement)
        }
        outcome.seconds = Date().timeIntervalSince(started)
        try RunReporting(outcome: outcome, recipe: recipe, journal: journal, folder: folder).write()
        return outcome
    }
}
