import Backbones
import Basics
import Cohorts
import Distillation
import Models
import NN
import Torch

/// Finds before any image is decoded what would otherwise stop a run after hours: a grouping that does not exist, a
/// subset that cannot be learnt, weights that do not fit, a disk that is too small.
package struct RunCheck {
    let settings: RunSettings
    let cohort: Cohort
    let attributes: ClassAttributes?
    let split: Split

    package init(settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split) {
        self.settings = settings
        self.cohort = cohort
        self.attributes = attributes
        self.split = split
    }

    /// - Throws: `FoveaError` as the run itself would.
    func verify() throws {
        let features =
            settings.distillation?.featureLambda ?? 0 > 0
            ? " The teachers' features (distillation.feature_lambda) take most of a bank." : ""
        try DiskSpace.require(
            storedBytes(), in: settings.stages ?? settings.output, for: "models and view banks of this run",
            remedy:
                "Free some space, or choose another `output` or `stages` folder; fewer distillation.views take less."
                + features)
    }

    /// About how many bytes the models and view banks of the run take; everything else is checked on the way.
    package func storedBytes() throws -> Int {
        let description = ModelDescription(
            architecture: settings.model.architecture, classes: cohort.classes, image: settings.image.imageSettings)
        let network = try description.makeClassifier()
        _ = try settings.model.loadWeights(into: network)
        let modelBytes = network.namedParameters.reduce(0) { $0 + $1.parameter.value.count * 4 }
        func stages(_ technique: TechniqueSettings) -> Int { technique.second.name == .none ? 1 : 2 }
        let own = stages(settings.technique)
        guard let distillation = settings.distillation else { return modelBytes * own }
        let plan = try SubsetPlan.expected(
            distillation, settings, cohort: cohort, attributes: attributes, rows: split.training)
        // Teachers, the plain models that they begin at and are compared with, and the student.
        let taught = stages(settings.teacherTechnique) * (plan.tasks.count + 1 + (plan.inner == nil ? 0 : 1))
        let models = modelBytes * (taught + 2 * own)
        // Mixed images are in no bank: teachers are asked live.
        guard settings.technique.mixing == .none else { return models }
        let features = distillation.featureLambda > 0 ? plan.tasks.count * network.backbone.featureCount : 0
        let views = split.training.count * distillation.bankedViews(training: settings.training.epochs)
        // Banks are float16.
        return models + (plan.columns.count + features) * views * 2
    }
}

extension RunSettings {
    /// Refuses what is named for a folder and cannot be one, before any data are read.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    func checkFolders() throws {
        try Folder.check(output, named: "output")
        if let stages { try Folder.check(stages, named: "stages") }
        try Folder.check(cache ?? Surroundings.userCache, named: cache == nil ? "the cache" : "cache")
    }
}
