import Cohorts
import Distillation
import Models

/// The stages of a run, in an order in which each finds what it needs: what executes a run, estimates its time and its
/// disk space, prints its costs and finds what runs share, all read this list.
package struct RunPlan: Sendable {
    /// A network with all that its technique needs.
    package struct Model: Sendable, Equatable {
        /// The training.
        package var first: StageSpec.ID
        /// What is done to the head afterwards; nil where the technique has no second stage.
        package var second: StageSpec.ID?
        /// What the technique comes to.
        package var final: StageSpec.ID { second ?? first }
    }

    /// Which of several trainings is taken.
    struct CandidateChoice: Sendable {
        /// The mean average precision of each on the inner split; nil where no class has one.
        let means: [Double?]
        /// The best, the first one of equals. One that cannot be ranked is never better.
        var best: Int { means.indices.reduce(0) { (means[$1] ?? -1) > (means[$0] ?? -1) ? $1 : $0 } }
    }

    package private(set) var stages: [StageSpec] = []
    /// Windows that plain model and student see beside the whole image.
    var regions: [ModelRegion] = []
    /// Trainings of which the best on `inner` is taken; empty where there is no choice.
    var candidates: [Model] = []
    /// The training patients divided again, to choose among candidates.
    var inner: Split?
    /// How the candidates rank `inner`; nil until all are trained.
    var choice: CandidateChoice?
    /// The model without distillation.
    package var plain = Model(first: "plain")
    /// What teachers learn from which images; nil without distillation.
    var subsets: SubsetPlan?
    /// In the order of the subsets.
    package var teachers: [Model] = []
    /// nil without distillation, and where the model is a committee.
    package var student: Model?

    /// Whether the run's model is the plain model and its teachers together.
    package var isCommittee: Bool { subsets != nil && student == nil }

    /// What the run's model is called beside the plain one.
    var studentName: String { isCommittee ? "committee" : "student" }

    /// The stages of a model, in order.
    func stages(of model: Model) -> [StageSpec] { [model.first, model.second].compactMap { $0.flatMap { self[$0] } } }

    package subscript(id: StageSpec.ID) -> StageSpec? { stages.first { $0.id == id } }

    /// Adds a stage, unless it is there already, be it under another name; gives the name that it has.
    mutating func append(_ stage: StageSpec) -> StageSpec.ID {
        if let same = stages.first(where: { $0.id == stage.id || $0.digest == stage.digest }) { return same.id }
        stages.append(stage)
        return stage.id
    }

    /// Everything, in images trained on.
    package var work: Double { stages.reduce(0) { $0 + $1.work.total } }

    /// Those stages that `made` does not have, which are added to it.
    package func stages(excluding made: inout Set<StageKey>) -> [StageSpec] {
        stages.filter { made.insert($0.key).inserted }
    }
}
