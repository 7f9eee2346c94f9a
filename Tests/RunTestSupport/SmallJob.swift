import Backbones
import Basics
import Comparisons
import ConfigurationFile
import Distillation
import Execution
import Foundation
import FundusImaging
import Phantoms
import Runs
import Settings
import TestSupport
import Torch

/// The main job on a few small phantoms.
package struct SmallJob {
    package var settings = RunSettings()

    /// Draws the phantoms in a folder, unless they are there, and describes a run in it; `drawing` changes what is drawn.
    package init(in folder: String, drawing: (inout PhantomSettings) -> Void = { _ in }) throws {
        ProgressReporter.isSilent = true
        var phantoms = PhantomSettings.few()
        drawing(&phantoms)
        let dataset = try PhantomDataset(phantoms, folder: folder + "/phantoms")
        if !FileManager.default.fileExists(atPath: dataset.labels) { _ = try dataset.draw(threads: 1) }
        settings.data.table = dataset.labels
        settings.data.images = dataset.images
        settings.data.attributes = dataset.attributes
        settings.data.split.method = .column
        settings.image.resolution = 32
        settings.image.crop = .none
        settings.model.architecture = .mobilenetv1Short
        settings.training.epochs = 1
        settings.training.batchSize = 16
        // Measuring which arithmetic is faster would make results depend on the machine's load.
        settings.training.precision = .float32
        settings.evaluation.bootstrap = 50
        settings.evaluation.minimumPositivePatients = 2
        var distillation = DistillationSettings()
        distillation.views = 2
        distillation.teachers.epochs = 1
        distillation.teachers.minimumSteps = 1
        settings.distillation = distillation
        settings.output = folder + "/run"
        settings.cache = folder + "/cache"
    }

    /// The same with other settings.
    package init(_ settings: RunSettings) { self.settings = settings }

    /// Runs it.
    @discardableResult
    package func execute(
        isResuming: Bool = false, shouldStop: @escaping @Sendable () -> Bool = { false },
        log: @escaping (String) -> Void = { _ in }
    ) throws -> RunOutcome {
        let context = ExecutionContext(
            device: .cpu, threads: Engine.threads, isResuming: isResuming, shouldStop: shouldStop,
            logger: .telling(log))
        return try Run(settings, context).execute(configuration: ConfigurationWriter.yaml(settings))
    }

    /// A row of the cost table in `metrics.json`.
    package struct Cost: Decodable {
        package var stage: String
        package var images: Int
        package var views: Int
        package var reused: Bool
    }

    /// What each stage of the run cost.
    package func costs() throws -> [Cost] {
        struct Metrics: Decodable { var cost: [Cost] }
        return try JSONDecoder().decode(Metrics.self, from: file("metrics.json")).cost
    }

    /// What a file of the run folder holds.
    package func file(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: settings.output + "/" + name))
    }
}

extension ComparisonSettings {
    /// A comparison of one cell, the plain model of some settings, described in a folder.
    package init(ofOneCell run: RunSettings, in folder: TemporaryFolder, output: String) throws {
        self.init()
        var dataset = ComparedDataset()
        dataset.name = "phantoms"
        dataset.configuration = try folder.write(ConfigurationWriter.yaml(run), to: "run.yaml")
        datasets = [dataset]
        var technique = ComparedTechnique()
        technique.name = "bce"
        techniques = [technique]
        arms = [.plain]
        bootstrap = 0
        self.output = folder.path + "/" + output
    }
}

extension PhantomSettings {
    /// Few small phantoms, of four findings.
    package static func few(trainingPatients: Int = 20, side: Int = 64) -> PhantomSettings {
        var phantoms = PhantomSettings()
        phantoms.trainingPatients = trainingPatients
        phantoms.validationPatients = 16
        phantoms.side = side
        phantoms.minimumValidationPositives = 5
        phantoms.prevalence = [.drusen: 0.4, .enlargedCup: 0.3, .hardExudates: 0.1, .discPallor: 0.1]
        return phantoms
    }
}
