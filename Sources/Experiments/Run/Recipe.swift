import Basics
import Cohorts
import Foundation
import FundusImaging
import Models
import NN
import Sampling
import Torch
import Training

/// Turns settings into what trainer, store and network need; one place, so that plain models, teachers and students
/// differ only where they are meant to.
struct Recipe {
    let settings: RunSettings
    let preparation: Preparation
    let surroundings: Surroundings
    /// What networks begin with; nil for random weights.
    let weights: PretrainedWeights?

    var cohort: Cohort { preparation.data.cohort }
    var seed: UInt64 { UInt64(settings.seed) }

    /// Arithmetic of trainings and of frozen teachers; a run settles it before anything else.
    var precision: Precision { settings.training.precision(on: surroundings.device) }

    /// The model of some columns of the cohort.
    func description(columns: [Int]) -> ModelDescription {
        ModelDescription(
            architecture: settings.model.architecture, classes: columns.map { cohort.classes[$0] },
            labels: settings.data.labels, image: settings.image.imageSettings, dropout: settings.model.dropout,
            dropPath: settings.model.dropPath,
            trainingImages: columns.map { preparation.counts[$0] })
    }

    /// How plain models and students are trained; `name` seeds what is drawn.
    func plan(_ name: String) -> TrainingPlan {
        let training = settings.training
        var plan = TrainingPlan()
        plan.epochs = training.epochs
        plan.batchSize = training.batchSize
        plan.dropsLast = training.dropsLast
        plan.accumulation = training.accumulation
        plan.optimizer =
            training.optimizer == .adamw
            ? .adamW() : .sgd(momentum: training.momentum, nesterov: training.nesterov)
        plan.rate = training.rate
        plan.weightDecay = training.weightDecay
        plan.schedule = training.schedule
        plan.warmUpSteps = training.warmUpSteps
        plan.gradientLimit = training.gradientLimit
        plan.averageDecay = training.averageDecay
        plan.backboneRate = training.backboneRate
        plan.augmentation = settings.augmentation.ranges
        plan.views = settings.plainViews
        plan.mixing = settings.technique.mixer
        plan.precision = precision
        plan.seed = seed
        plan.loaderThreads = surroundings.loaderThreads
        return plan
    }

    /// The technique of the teachers.
    var teacherTechnique: TechniqueSettings { settings.teacherTechnique }

    /// How teachers are trained: shorter, gentler, and never without a step.
    func teacherPlan(_ name: String) -> TrainingPlan {
        let teachers = settings.distillation?.teachers ?? TeacherSettings()
        var plan = plan(name)
        plan.epochs = teachers.epochs
        plan.minimumSteps = teachers.minimumSteps
        plan.rate = teachers.rate
        plan.backboneRate = teachers.backboneRate ?? plan.backboneRate
        plan.dropsLast = false
        plan.views = nil
        plan.mixing = teacherTechnique.mixer
        // A teacher sees other views than the plain model it may start from.
        plan.seed = SeededRandom(seed: seed, SeededRandom.key(name)).state
        return plan
    }

    /// How the second stage after a training is trained: the head alone, from a warm-up on, on images as they are.
    ///
    /// Weights are not averaged: an average over so few steps would be mostly the head as it began.
    func secondPlan(after first: TrainingPlan, _ second: SecondStageSettings) -> TrainingPlan {
        var plan = first
        plan.epochs = second.epochs
        plan.rate = second.rate ?? first.rate
        plan.backboneRate = 0
        plan.averageDecay = nil
        plan.mixing = nil
        return plan
    }

    /// The sampler of a technique for some rows, with the classes of some columns.
    func sampler(
        _ technique: TechniqueSettings, rows: [Int], columns: [Int], epochs: Int, seed: UInt64
    ) throws -> any Sampler {
        if technique.sampler == .instance { return InstanceSampler(rows: rows, seed: seed) }
        let cohort = self.cohort
        let labels = cohort.photographs.indices.flatMap { row in columns.map { cohort.label(row, $0) } }
        let data = try LabelledRows(labels: labels, classCount: columns.count, rows: rows)
        return switch technique.sampler {
        case .instance: InstanceSampler(rows: rows, seed: seed)
        case .classAware: ClassAwareSampler(data, seed: seed)
        case .squareRoot: SquareRootSampler(data, seed: seed)
        case .progressive: ProgressiveSampler(data, epochs: epochs, seed: seed)
        case .repeatFactor: try RepeatFactorSampler(data, threshold: technique.repeatThreshold, seed: seed)
        }
    }

    /// Positives and known labels of columns among rows.
    func counts(rows: [Int], columns: [Int]) -> [(positives: Int, known: Int)] {
        columns.map { column in
            let labels = rows.map { cohort.label($0, column) }
            return (labels.count { $0 == 1 }, labels.count { $0 >= 0 })
        }
    }

    /// Hashes of the images' contents and of the labels of some rows.
    private func digests(rows: [Int], columns: [Int]) -> (images: String, labels: String) {
        let contents = rows.map { preparation.data.cache.contentHash($0) }
        let labels = rows.flatMap { row in columns.map { "\(cohort.label(row, $0))" } }
        return (Digest.sha256(contents.joined()), Digest.sha256(labels.joined()))
    }

    /// A text that holds everything which decides what a training comes to: the key of the stage store.
    ///
    /// Device and threads are not in it: what was finished elsewhere, or with more threads, is finished.
    func text(
        _ name: String, technique: TechniqueSettings, plan: TrainingPlan, rows: [Int], columns: [Int],
        and more: [String]
    ) -> String {
        var plan = plan
        plan.loaderThreads = 1
        let (images, labels) = digests(rows: rows, columns: columns)
        var lines = [
            "stage \(name)", "plan \(plan)", "technique \(technique)", settings.model.recipeLine,
            "image \(settings.image)", "labels \(settings.data.labels)",
            "classes \(columns.map { cohort.classes[$0] })",
            "images \(images) labels \(labels)",
            "engine \(Engine.version)",
        ]
        // Versions before weighed a batch that is not full as a whole one.
        if plan.accumulation > 1, !plan.dropsLast { lines.append("accumulation by images") }
        if settings.training.skipLimit > 0 { lines.append("skips \(settings.training.skipLimit) steps at most") }
        if let weights { lines.append("weights \(weights.sha256)") }
        // The validation curve is a part of what is kept.
        if settings.evaluation.every > 0 {
            let (images, labels) = digests(rows: preparation.split.validation, columns: columns)
            lines.append("measured every \(settings.evaluation.every) epochs on images \(images) labels \(labels)")
        }
        return (lines + more).joined(separator: "\n")
    }
}
