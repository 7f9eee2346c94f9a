import Backbones
import Basics
import Configuration
import Experiments
import FundusImaging
import Phantoms
import Torch

/// A few phantoms and the settings of a main job on them that takes seconds.
struct SmallJob {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        Basics.Progress.isSilent = true
    }

    /// Draws the phantoms; `drawing` may change what is drawn, `changes` what is done with them.
    func settings(
        _ changes: (inout RunSettings) -> Void = { _ in }, drawing: (inout PhantomSettings) -> Void = { _ in }
    ) throws -> RunSettings {
        var phantoms = PhantomSettings()
        phantoms.trainingPatients = 20
        phantoms.validationPatients = 16
        phantoms.side = 64
        phantoms.minimumValidationPositives = 5
        phantoms.prevalence = [.drusen: 0.4, .enlargedCup: 0.3, .hardExudates: 0.1, .discPallor: 0.1]
        drawing(&phantoms)
        let dataset = try PhantomDataset(phantoms, folder: folder.path + "/phantoms")
        _ = try dataset.draw(threads: 1)
        var settings = RunSettings()
        settings.data.table = dataset.labels
        settings.data.images = dataset.images
        settings.data.attributes = dataset.attributes
        settings.data.split.method = .column
        settings.image.resolution = 32
        settings.image.crop = .none
        settings.model.architecture = .mobilenetv1Short
        settings.training.epochs = 1
        settings.training.batchSize = 16
        settings.evaluation.bootstrap = 50
        settings.evaluation.minimumPositivePatients = 2
        var distillation = DistillationSettings()
        distillation.views = 2
        distillation.teachers.epochs = 1
        distillation.teachers.minimumSteps = 1
        settings.distillation = distillation
        settings.output = folder.path + "/run"
        settings.cache = folder.path + "/cache"
        changes(&settings)
        return settings
    }

    /// Runs the job without a word.
    func execute(
        _ settings: RunSettings, isResuming: Bool = false, log: @escaping (String) -> Void = { _ in }
    ) throws -> RunOutcome {
        let surroundings = Surroundings(device: .cpu, threads: Engine.threads, isResuming: isResuming)
        return try Run(settings, surroundings, log: log).execute(configuration: ConfigurationWriter.yaml(settings))
    }
}
