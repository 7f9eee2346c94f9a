import Backbones
import Basics
import Cohorts
import Models
import NN
import Torch

/// Teachers that are queried about each batch as it is seen, for images that no bank can hold, such as mixed ones.
///
/// They are frozen as for a bank: evaluation mode, batch norms folded, nothing recorded, the run's precision.
public final class LiveTeachers {
    /// Which teacher and class each column stands for.
    public let columns: TeacherOutputs
    private let teachers: [Classifier]
    private let shift: Tensor
    private let device: Device
    private let precision: Precision

    /// Freezes the teachers.
    ///
    /// - Parameters:
    ///   - teachers: one for each subset of `columns`, in order. Folding changes their networks permanently.
    ///   - priorShifts: what is subtracted from each column (`SubsetTask.priorShift`).
    public init(
        _ columns: TeacherOutputs, teachers: [ModelBundle], priorShifts: [Double], device: Device, precision: Precision
    ) throws {
        guard teachers.map({ $0.description.classes.count }) == columns.subsets.map(\.classes.count),
            priorShifts.count == columns.count
        else {
            throw FoveaError(
                .engine,
                "\(teachers.count) teachers and \(priorShifts.count) shifts for \(columns.count) teacher columns")
        }
        self.columns = columns
        self.device = device
        self.precision = precision
        self.teachers = try teachers.map { teacher in
            let network = teacher.classifier
            try network.move(to: device)
            try network.backbone.foldBatchNorms(fusing: false)
            network.setTraining(false)
            return network
        }
        shift = try Tensor(priorShifts.map(Float.init)).to(device: device)
    }

    /// The corrected logits of all teachers about some images, float32 [B, columns].
    ///
    /// - Throws: `FoveaError` of kind `numerical` where an output is not finite.
    public func logits(images: Tensor) throws -> Tensor {
        // Not inference mode: what is made there cannot enter the student's loss, which is differentiated.
        try Autograd.withoutGrad {
            let logits = try Autocast.run(precision, on: device) {
                try teachers.map { try $0(images).to(dtype: .float32) }
            }
            for (subset, answer) in zip(columns.subsets, logits) where try !answer.isAllFinite() {
                throw FoveaError(
                    .numerical,
                    "teacher \(subset.name): outputs of the teacher are not finite: its training has diverged",
                    remedy: "Lower distillation.teachers.rate, or set training.gradient_limit.")
            }
            return try Tensor.concatenated(logits, in: 1) - shift
        }
    }
}
