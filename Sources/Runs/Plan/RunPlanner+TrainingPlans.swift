import Basics
import Settings
import Training

/// How each kind of network is trained; in one place, so that plain models, teachers and students differ only where they
/// are meant to.
extension RunPlanner {
    /// How plain models and students are trained.
    func trainingPlan() -> TrainingPlan {
        var plan = TrainingPlan(settings.training)
        plan.augmentation = settings.augmentation
        plan.views = settings.plainViews
        plan.mixing = settings.technique.mixing
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
        plan.mixing = settings.teacherTechnique.mixing
        // A teacher sees other views than the plain model it may start from.
        plan.seed = SeededRandom(seed: seed, SeededRandom.key(name)).state
        return plan
    }

    /// How the second stage after a training is trained: the head alone, from a warm-up on, on unmixed images.
    ///
    /// Weights are not averaged: an average over so few steps would be mostly the head as it began.
    func secondPlan(after first: TrainingPlan, _ second: SecondStageSettings) -> TrainingPlan {
        var plan = first
        if second.isTrained { (plan.epochs, plan.rate) = (second.epochs, second.rate ?? first.rate) }
        plan.backboneRate = 0
        plan.averageDecay = nil
        plan.mixing = Mixing()
        return plan
    }
}
