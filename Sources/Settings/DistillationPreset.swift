import Distillation

/// Named choices of the keys of `distillation`.
///
/// A preset says where the other keys of its section begin; a key that is given wins over it.
public enum DistillationPreset: String, Sendable, CaseIterable {
    /// The defaults.
    case none
    /// Learning from multiple experts (Xiang, Ding and Han, ECCV 2020): one teacher for each shot group, which sees the
    /// images of its group alone, and weights that fade for teachers that the student has caught up with (section 3.3).
    case lfme
    /// The cheapest form that keeps all negatives: teachers continue from the plain model for one epoch, and are
    /// evaluated on five views. With five subsets and ten epochs teachers, bank and student together cost about twice
    /// the plain model.
    case fast

    /// Sets the keys that the preset is about, and no other.
    func apply(to settings: inout DistillationSettings) {
        switch self {
        case .none: break
        case .lfme:
            settings.grouping = "shot"
            settings.weights = .selfPaced
            settings.student = .pretrained
            settings.teachers.initialization = .pretrained
            settings.teachers.negatives.rule = .drop
        case .fast:
            settings.views = 5
            settings.teachers.initialization = .plain
            settings.teachers.negatives.rule = .all
            settings.teachers.epochs = 1
            // On few images a minimum of steps would be many epochs.
            settings.teachers.minimumSteps = 0
        }
    }
}
