import Basics
import Cohorts
import ConfigurationFile
import Distillation
import Evaluation
import Execution
import Foundation
import FundusImaging
import Logging
import Models
import RunFiles
import Settings
import Torch
import Training

/// A run: from photographs and labels to an evaluated model, with teachers where distillation is configured.
public struct Run {
    private let settings: RunSettings
    private let written: RunSettings?
    private var context: ExecutionContext
    private var logger: Logger { context.logger }

    /// Prepares a run; nothing is read yet.
    ///
    /// - Parameter written: the settings as the configuration of a resumed run has them, with paths that count from
    ///   where it was made; nil where they are the same.
    public init(_ settings: RunSettings, _ context: ExecutionContext, written: RunSettings? = nil) {
        self.settings = settings
        self.written = written
        self.context = context
    }

    /// What would be made, what of it is stored already, and what the rest is expected to cost. Nothing is trained and no
    /// image is decoded; only a measured arithmetic is written, into the per-user cache.
    public func forecast() throws -> RunForecast {
        Engine.threads = context.threads
        // What is resumed may lie on a file system that is only read.
        try self.settings.checkFolders(isResuming: context.isResuming, areWritten: !context.isResuming)
        let divided = try self.settings.dividedCohort()
        let settings = try self.settings.settlingPrecision(context, logger: logger)
        let planner = RunPlanner(
            settings, cohort: divided.cohort, attributes: divided.attributes,
            split: try settings.expectedSplit(divided),
            contents: ContentHashes(known: divided.cohort, settings), weights: try PretrainedWeights(settings.model),
            device: context.device)
        return try RunForecast(planner.plan(), settings, divided.cohort, context)
    }

    /// Runs everything and returns the results.
    ///
    /// - Parameter configuration: the text of `config.yaml`, complete.
    public func execute(configuration: String) throws -> RunOutcome {
        let kept = LogFile(warning: logger)
        var run = self
        run.context.logger = logger.keeping(in: kept)
        do {
            let outcome = try run.execute(configuration: configuration, keeping: kept)
            kept.add(.info, "finished")
            return outcome
        } catch {
            kept.add(error)
            throw error
        }
    }

    private func execute(configuration: String, keeping kept: LogFile) throws -> RunOutcome {
        Engine.threads = context.threads
        let started = Date()
        try agree(configuration)
        try self.settings.checkFolders(isResuming: context.isResuming)
        if !context.isResuming { try RunFolder.refuseInUse(self.settings.output) }
        try RunFolder.requireOwn(self.settings.output, isResuming: context.isResuming)
        let divided = try self.settings.dividedCohort()
        let weights = try PretrainedWeights(self.settings.model)
        try RunCheck(
            settings: self.settings, cohort: divided.cohort, attributes: divided.attributes,
            split: try self.settings.expectedSplit(divided), weights: weights, device: context.device
        ).verify()
        let folder = try RunFolder(self.settings.output, isResuming: context.isResuming)
        let settings = try self.settings.settlingPrecision(context, logger: logger)
        let preparedData = try PreparedData(
            settings, divided, cacheFolder: settings.imageCacheFolder,
            threads: context.threads, shouldStop: context.shouldStop, logger: logger)
        for warning in preparedData.warnings { logger.warning("\(warning)") }
        // What was chosen is written down, so that a resumed run keeps it.
        var configuration = configuration
        if self.settings.training.precision == nil {
            var kept = written ?? settings
            kept.training.precision = settings.training.precision
            configuration = ConfigurationWriter.yaml(kept)
        }
        let store = StageStore(
            folder: settings.stageFolder, communicator: context.communicator, shouldStop: context.shouldStop,
            logger: logger)
        let isContinued = try context.isResuming && RegularFile.exists(folder.file(RunConfiguration.name))
        let haveImagesChanged = isContinued && warnOfChangedImages(preparedData, folder)
        let (sources, haveFilesChanged) = try sources(preparedData, weights, folder, isContinued: isContinued)
        // From here on the run is accepted.
        folder.removeLeftOver(store)
        try AtomicFile.write(configuration, to: folder.file(RunConfiguration.name))
        try folder.write(sources, to: RunSources.name)
        kept.open(folder.file(RunFolder.logName))
        let sessions = try RunSessions(folder, started: started, isResuming: context.isResuming)
        if let warning = sessions.warning { logger.warning("\(warning)") }
        do {
            let recorder = try HistoryRecorder(
                folder, sessions, logger, startsAgain: haveImagesChanged || haveFilesChanged)
            let planner = RunPlanner(settings, preparedData, context, weights)
            let runner = StageRunner(
                settings, preparedData, context, planner, store, recorder, folder, weights)
            let plan = try makeStages(runner)
            let outcome = try RunOutcome(RunMeasurements(plan, runner), plan, runner)
            try RunReporting(
                outcome: outcome, runner: runner, recorder: recorder, folder: folder, sessions: sessions,
                labels: LabelHashes((written ?? settings).data, divided.cohort, divided.attributes),
                configuration: Digest.sha256(configuration)
            ).write()
            return outcome
        } catch {
            // The first error is the one to report.
            try? sessions.write()
            throw error
        }
    }

    /// Takes part, as any but the first of several processes, in what that one executes: trains the same steps on other
    /// images, measures what comes of it, and writes nothing.
    ///
    /// - Parameter configuration: as for `execute`.
    public func assist(configuration: String) throws {
        Engine.threads = context.threads
        try agree(configuration)
        let divided = try self.settings.dividedCohort()
        let weights = try PretrainedWeights(self.settings.model)
        let settings = try self.settings.settlingPrecision(context, logger: logger)
        let preparedData = try PreparedData(
            settings, divided, cacheFolder: settings.imageCacheFolder, threads: context.threads,
            shouldStop: context.shouldStop, logger: logger)
        let store = StageStore(
            folder: settings.stageFolder, communicator: context.communicator, shouldStop: context.shouldStop,
            logger: logger)
        let runner = StageRunner(
            settings, preparedData, context, RunPlanner(settings, preparedData, context, weights), store, nil,
            RunFolder(heldByOther: settings.output), weights)
        _ = try RunMeasurements(makeStages(runner), runner)
    }

    /// Verifies that all processes have the same configuration, and that each has images to train on.
    private func agree(_ configuration: String) throws {
        let communicator = context.communicator
        let size = communicator.size
        guard size <= settings.training.batchSize else {
            throw FoveaError(
                .configuration,
                "training.batch_size is \(settings.training.batchSize), the images of a step of all \(size) processes",
                remedy: "Give it at least \(size), or start fewer processes.")
        }
        try communicator.requireEqual(Digest.sha256(configuration), "the hash of the configuration is")
    }

    /// Makes all stages of the run.
    private func makeStages(_ runner: StageRunner) throws -> RunPlan {
        let (preparedData, planner) = (runner.preparedData, runner.planner)
        logger.info(
            "\(runner.cohort.source): \(preparedData.split.training.count) training and "
                + "\(preparedData.split.validation.count) validation images, \(runner.cohort.classes.count) classes, "
                + "\(planner.precision.rawValue) on \(context.device) with \(context.threads) threads")
        var plan = try planner.plan()
        if let clusters = try clusters(plan, runner) { plan = try planner.plan(clusters: clusters) }
        if let choice = try candidateChoice(plan, runner) {
            plan = try planner.plan(candidate: choice.best)
            plan.choice = choice
        }
        if let grouping = plan.subsets?.grouping {
            for note in grouping.notes { logger.info("grouping \(grouping.name): \(note)") }
        }
        let keys = plan.stages.map(\.digest).joined(separator: "\n")
        try context.communicator.requireEqual(Digest.sha256(keys), "the hash of images, labels and settings is")
        for stage in plan.stages {
            if stage.id == plan.teachers.first?.first { try runner.makeTeachers(of: plan) }
            try runner.make(stage)
        }
        return plan
    }

    /// How the candidates rank the inner split; nil where there are none.
    private func candidateChoice(_ plan: RunPlan, _ runner: StageRunner) throws -> RunPlan.CandidateChoice? {
        guard let inner = plan.inner else { return nil }
        for stage in plan.candidates.flatMap(plan.stages(of:)) { try runner.make(stage) }
        let columns = Array(runner.cohort.classes.indices)
        let counts = runner.cohort.classCounts(rows: inner.training)
        let means = try plan.candidates.enumerated().map { index, model in
            let summary = try runner.measurement.summary(
                runner.network(model.final).bundle.classifier, name: model.final, rows: inner.validation,
                columns: columns)
            let mean = summary.meanAveragePrecision(over: columns.filter { counts[$0] > 0 }).mean
            let words = settings.training.candidates[index].words
            logger.info("candidate \(index + 1), \(words): mAP \(NumberFormat.fixed(mean)) on the inner split")
            return mean
        }
        let choice = RunPlan.CandidateChoice(means: means)
        if means.allSatisfy({ $0 == nil }) {
            logger.warning(
                "no candidate of training.candidates can be ranked, so the first is taken: no class has a positive image in "
                    + "the inner split (\(Pluralization.count(inner.validation.count, "image"))) and one among those trained on"
            )
        }
        logger.info("candidate \(choice.best + 1) is taken: \(settings.training.candidates[choice.best].words)")
        return choice
    }

    /// The clusters of the grouping term `learned`, by what the plain model sees in the training images; nil where the
    /// grouping does not have it.
    private func clusters(_ plan: RunPlan, _ runner: StageRunner) throws -> ClassClusters? {
        guard let distillation = settings.distillation, let plain = plan[plan.plain.first],
            try Grouping.learnedTerms(distillation.grouping, attributes: runner.preparedData.attributes) > 0
        else { return nil }
        try runner.make(plain)
        let rows = runner.preparedData.split.training
        let cohort = runner.cohort
        let features = try runner.measurement.features(
            runner.network(plain.id).bundle.classifier, name: "plain", rows: rows)
        let counts = cohort.classCounts(rows: rows)
        return ClassClusters(
            averageLinkage: ClassSimilarity.mixture(
                ClassSimilarity.cosine(ClassSimilarity.embeddings(features, of: cohort, rows: rows)),
                ClassSimilarity.jaccard(in: cohort, rows: rows), share: distillation.learnedCooccurrence),
            of: counts.indices.filter { counts[$0] > 0 }, count: distillation.learnedSubsets)
    }

    /// Says which photographs are not those that the results in the folder were made of: the results will be replaced.
    /// Whether there are any.
    private func warnOfChangedImages(_ preparedData: PreparedData, _ folder: RunFolder) -> Bool {
        // A damaged one is written again.
        guard let earlier = try? RunSplit(path: folder.file(RunSplit.name)) else { return false }
        let now = RunSplit(preparedData.data.cohort, preparedData.data.cache, preparedData.split)
        let changed = now.changedImages(since: earlier)
        guard !changed.isEmpty else { return false }
        let are = changed.count == 1 ? "is not the one" : "are not those"
        logger.warning(
            "\(Pluralization.count(changed.count, "image")) \(are) that the results in \(folder.path) were made of, so the "
                + "stages that use them are trained again and the results replaced: \(Pluralization.listing(changed))")
        return true
    }

    /// What the run was made of, and where that lies; and whether a file of a continued run has changed.
    private func sources(
        _ preparedData: PreparedData, _ weights: PretrainedWeights?, _ folder: RunFolder, isContinued: Bool
    ) throws -> (RunSources, haveChanged: Bool) {
        var hashes = DataSettings.hashes(
            preparedData.data.cohort, preparedData.attributes, severalTables: !settings.data.tables.isEmpty)
        hashes["model.weights"] = weights?.sha256
        let earlier = isContinued ? try RunSources.read(folder.path) : nil
        let changes = earlier?.changes(since: hashes, at: settings.paths) ?? []
        for change in changes { logger.warning("\(change)") }
        if isContinued, earlier == nil { logger.warning("\(RunSources.missing(in: folder.path))") }
        let sources =
            if let earlier, let written {
                earlier.continued(written: written, used: settings, folder: folder.path, hashes: hashes)
            } else {
                RunSources(
                    written: written ?? settings, used: settings, folder: folder.path,
                    madeIn: FileManager.default.currentDirectoryPath, hashes: hashes)
            }
        return (sources, !changes.isEmpty)
    }
}
