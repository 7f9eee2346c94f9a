import Backbones
import Cohorts
import Distillation
import Evaluation
import FundusImaging
import Losses
import Models
import Torch

/// The student's loss: the technique's loss on the labels plus the weighted distillation of all teachers
/// (METHOD: section 4).
public final class DistillingObjective: Objective {
    private let label: any Loss
    private let distillation: DistillationLoss
    private let teachers: TeacherSource
    private let imageWeights: ImageWeights?
    private let selfPacing: SelfPacing?
    /// The weights of the columns in this epoch, where they follow the student's pace.
    public private(set) var epochState: [Double] = []

    /// Puts both together.
    public init(
        label: any Loss, distillation: DistillationLoss, teachers: TeacherSource, imageWeights: ImageWeights? = nil,
        selfPacing: SelfPacing? = nil
    ) {
        self.label = label
        self.distillation = distillation
        self.teachers = teachers
        self.imageWeights = imageWeights
        self.selfPacing = selfPacing
    }

    /// Measures the student where the weights follow its pace.
    public func beginEpoch(_ epoch: Int, network: Classifier) throws {
        guard let selfPacing else { return }
        epochState = try selfPacing.weights(of: network)
        try distillation.setWeights(epochState)
    }

    /// Takes over the weights that an earlier part of the epoch had.
    public func resumeEpoch(_ epoch: Int, state: [Double]) throws {
        guard selfPacing != nil else { return }
        epochState = state
        try distillation.setWeights(state)
    }

    /// The loss on the labels and the distillation.
    public func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        let teacherLogits = try teachers.logits(images: batch.images, items: batch.items)
        let weights = try imageWeights?.weights(items: batch.items, teachers: teacherLogits)
        let mixed = try batch.mixture.map { mixture in try weights.map { try mixture.mixed($0) } } ?? weights
        return [
            try batch.loss(label, outputs.logits),
            try distillation(logits: outputs.logits, teachers: teacherLogits, imageWeights: mixed),
        ]
    }
}

/// Measures the student on the inner split before each epoch, and reduces the weight of teachers that it has caught up
/// with.
public struct SelfPacing {
    private let columns: TeacherOutputs
    private let teachers: [Double?]
    private let a: Double
    private let measure: (Classifier) throws -> [Double?]

    /// - Parameters:
    ///   - teachers: mean average precision of each teacher over its subset on the inner split; nil where undefined.
    ///   - measure: the average precision of each class of the cohort on the inner split, for a network.
    public init(
        _ columns: TeacherOutputs, teachers: [Double?], a: Double = 0.3,
        measure: @escaping (Classifier) throws -> [Double?]
    ) {
        self.columns = columns
        self.teachers = teachers
        self.a = a
        self.measure = measure
    }

    /// The weight of each column; 1 where the inner split says nothing.
    func weights(of network: Classifier) throws -> [Double] {
        let precision = try measure(network)
        let ofTeacher = columns.subsets.indices.map { k -> Double in
            let defined = columns.subsets[k].classes.compactMap { precision[$0] }
            guard let teacher = teachers[k], !defined.isEmpty else { return 1 }
            return DistillationWeights.selfPaced(
                student: defined.reduce(0, +) / Double(defined.count), teacher: teacher, a: a)
        }
        return columns.teachers.map { ofTeacher[$0] }
    }
}

/// The student's loss on single-label data: softmax cross-entropy plus the teachers' softmax divergence.
public final class SoftmaxDistillingObjective: Objective {
    private let label: any Loss
    private let distillation: SoftmaxDistillationLoss
    private let teachers: TeacherSource
    private let cohort: Cohort
    private let onlySubsetImages: Bool

    /// Puts both together; with `onlySubsetImages` a teacher counts only on images whose class it knows.
    public init(
        label: any Loss, distillation: SoftmaxDistillationLoss, teachers: TeacherSource, cohort: Cohort,
        onlySubsetImages: Bool
    ) {
        self.label = label
        self.distillation = distillation
        self.teachers = teachers
        self.cohort = cohort
        self.onlySubsetImages = onlySubsetImages
    }

    /// Nothing to prepare.
    public func beginEpoch(_ epoch: Int, network: Classifier) throws {}

    /// The loss on the labels and the distillation.
    public func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        let subsets = teachers.columns.subsets
        let weights = batch.items.flatMap { item in
            subsets.map { subset -> Float in
                !onlySubsetImages || subset.classes.contains { cohort.label(item.row, $0) == 1 } ? 1 : 0
            }
        }
        let teacherWeights = try Tensor(weights, shape: [batch.items.count, subsets.count])
            .to(device: outputs.logits.device)
        return [
            try batch.loss(label, outputs.logits),
            try distillation(
                logits: outputs.logits, teachers: teachers.logits(images: batch.images, items: batch.items),
                teacherWeights: batch.mixture?.mixed(teacherWeights) ?? teacherWeights),
        ]
    }
}
