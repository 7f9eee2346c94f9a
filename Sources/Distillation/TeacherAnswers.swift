import FundusImaging
import Torch

/// Where a student's loss finds what its teachers say of a batch: a view bank, or the teachers themselves.
public protocol TeacherAnswers {
    /// Which teacher and class each column stands for.
    var columns: TeacherColumns { get }
    /// The teachers' logits, prior shifts subtracted, float32 [B, columns].
    ///
    /// - Parameters:
    ///   - images: as the student sees them, normalised, [B, 3, H, W].
    ///   - items: which photographs in which views they are, where they are not mixed.
    func logits(images: Tensor, items: [BatchItem]) throws -> Tensor
}

extension ViewBank: TeacherAnswers {
    /// Looked up by photograph and view; the images are not needed.
    public func logits(images: Tensor, items: [BatchItem]) throws -> Tensor { try logits(of: items) }
}
