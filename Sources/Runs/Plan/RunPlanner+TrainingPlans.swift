import Basics
import NN
import Settings
import Training

/// How each kind of network is trained; in one place, so that plain models, teachers and students differ only where they
/// are meant to.
extension RunPlanner {
    /// How plain models and students are trained.
    func trainingPlan() -> TrainingPlan {
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
        plan.loaderThreads = loaderThreads
        return plan
    }

    /// How teachers are trained: for fewer epochs, at a lower rate, and always for some steps.
    func teacherPlan(_ name: String) -> TrainingPlan {
        let teachers = settings.distillation?.teachers ?? TeacherSettings()
        var plan = trainingPlan()
        plan.epochs = teachers.epochs
        plan.minimumSteps = teachers.minimumSteps
        plan.rate = teachers.rate
        plan.backboneRate = teachers.backboneRate ?? plan.backboneRate
        plan.dropsLast = false
        plan.views = nil
        plan.mixing = settings.teacherTechnique.mixer
        // A teacher sees other views than the plain model it may start from.
        plan.seed = SeededRandom(seed: seed, SeededRandom.key(name)).state
        return plan
    }

    /// How the second stage after a training is trained: the head alone, from a warm-up on, on unmixed images.
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
}
