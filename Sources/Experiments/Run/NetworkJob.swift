import Backbones
import Losses
import Models
import Training

/// One network that is to be trained: what differs between plain model, teachers and student.
struct NetworkJob {
    /// Names its stages.
    var name: String
    /// What to call its first stage in messages and in the history, where that is another name.
    var title: String?
    /// Loss, sampler, second stage.
    var technique: TechniqueSettings
    /// How its first stage is trained.
    var plan: TrainingPlan
    /// The rows whose labels decide loss and sampler.
    var rows: [Int]
    /// The classes that it learns.
    var columns: [Int]
    /// What decides the outcome besides, in the words of the stage store.
    var key: [String] = []
    /// The rows of an epoch, where they change; nil: always `rows`.
    var seen: (@Sendable (Int) -> [Int])?
    /// The network as it begins.
    var start: (ModelDescription) throws -> Classifier
    /// What it minimises, for the loss on the labels and how a stage is trained; made anew for each stage.
    var objective: (any Loss, TrainingPlan) throws -> any Objective = { loss, _ in LabelObjective(loss) }
}
