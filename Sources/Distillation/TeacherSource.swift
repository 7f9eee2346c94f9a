import FundusImaging
import Torch

/// Where a student's loss finds what its teachers say of a batch.
public enum TeacherSource {
    /// Computed beforehand for all views of the training images, and looked up by image and view.
    case bank(ViewBank)
    /// The teachers themselves, for images that no bank can hold, such as mixed ones.
    case live(LiveTeachers)

    /// Which teacher and class each column stands for.
    public var columns: TeacherOutputs {
        switch self {
        case .bank(let bank): bank.columns
        case .live(let teachers): teachers.columns
        }
    }

    /// The teachers' logits, prior shifts subtracted, float32 [B, columns].
    ///
    /// - Parameters:
    ///   - images: as the student sees them, normalised, [B, 3, H, W].
    ///   - items: which images in which views they are, where they are not mixed.
    public func logits(images: Tensor, items: [BatchItem]) throws -> Tensor {
        switch self {
        case .bank(let bank): try bank.logits(of: items)
        case .live(let teachers): try teachers.logits(images: images)
        }
    }
}
