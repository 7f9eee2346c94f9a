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
    private let written: RunSettings?
    private let surroundings: Surroundings
    private let log: (String) -> Void

    /// Prepares a run; nothing is read yet.
    ///
    /// - Parameter written: the settings as the configuration of a resumed run has them, with paths that count from
    ///   where it was made; nil where they are the same.
    public init(
        _ settings: RunSettings, _ surroundings: Surroundings, written: RunSettings? = nil,
        log: @escaping (String) -> Void
    ) {
        self.settings = settings
        self.written = written
        self.surroundings = surroundings
        self.log = log
    }

    /// Does everything and gives what came out.
    ///
    /// - Parameter configuration: the text of `config.yaml`, complete.
    public func execute(configuration: String) throws -> RunOutcome {
        Engine.threads = surroundings.threads
        let started = Date()
        try self.settings.checkFolders()
        if !surroundings.isResuming {
            try RunFolder.refuseInUse(self.settings.output)
            try RunFolder.refuseUsed(self.settings.output)
        }
        let divided = try Preparation.divided(self.settings)
        try RunCheck(
            settings: self.settings, cohort: divided.cohort, attributes: divided.attributes, split: divided.split
        ).verify()
        let weights = try PretrainedWeights(self.settings.model)
        let folder = try RunFolder(self.settings.output, isResuming: surroundings.isResuming)
        let settings = try self.settings.settlingPrecision(surroundings, log: log)
        let preparation = try Preparation(
            settings, divided, cacheFolder: settings.cache ?? Surroundings.userCache + "/images",
            threads: surroundings.threads, shouldStop: surroundings.shouldStop)
        for warning in preparation.warnings { log("warning: " + warning) }
        // What was chosen is written down, so that a resumed run keeps it.
        var configuration = configuration
        if self.settings.training.precision == .auto {
            var kept = written ?? settings
            kept.training.precision = settings.training.precision
            configuration = ConfigurationWriter.yaml(kept)
        }
        let store = StageStore(
            folder: settings.stages ?? folder.file("stages"), shouldStop: surroundings.shouldStop, log: log)
        let recipe = Recipe(
            settings: settings, preparation: preparation, surroundings: surroundings, weights: weights)
        // From here on the run is accepted.
        folder.removeLeftOver(store)
        try AtomicFile.write(configuration, to: folder.file(RunConfiguration.name))
        try folder.write(try sources(recipe, folder), to: RunSources.name)
        let sessions = try RunSessions(folder, started: started, isResuming: surroundings.isResuming)
        do {
            let journal = try Journal(folder, sessions, log: log)
            let outcome = try outcome(recipe, store, journal, folder)
            try RunReporting(
                outcome: outcome, recipe: recipe, journal: journal, folder: folder, sessions: sessions,
                labels: LabelHashes((written ?? settings).data, divided.cohort, divided.attributes),
                configuration: Digest.sha256(configuration)
            ).write()
            return outcome
        } catch {
            // The first error is the one to tell.
            try? sessions.write()
            throw error
        }
    }

    private func outcome(
        _ recipe: Recipe, _ store: StageStore, _ journal: Journal, _ folder: RunFolder
    ) throws -> RunOutcome {
        let preparation = recipe.preparation
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
        return outcome
    }

    /// What the run was made of, and where that lies.
    private func sources(_ recipe: Recipe, _ folder: RunFolder) throws -> RunSources {
        var hashes = DataSettings.hashes(
            recipe.cohort, recipe.preparation.attributes, severalTables: !settings.data.tables.isEmpty)
        hashes["model.weights"] = recipe.weights?.sha256
        if let written, let earlier = try RunSources.read(folder.path) {
            for change in earlier.changes(since: hashes, at: settings.paths) { log("warning: " + change) }
            return earlier.continued(written: written, used: settings, folder: folder.path, hashes: hashes)
        }
        if surroundings.isResuming { log("warning: " + RunSources.missing(in: folder.path)) }
        return RunSources(
            written: written ?? settings, used: settings, folder: folder.path,
            madeIn: FileManager.default.currentDirectoryPath, hashes: hashes)
    }
}
