import Basics
import Cohorts
import FundusImaging
import Torch

/// A cohort with its cached images: what trainings and predictions draw from.
public struct TrainingData: Sendable {
    /// Photographs and labels.
    public let cohort: Cohort
    /// The images, row for row those of the cohort.
    public let cache: ImageCache

    /// Puts both together.
    public init(_ cohort: Cohort, _ cache: ImageCache) {
        self.cohort = cohort
        self.cache = cache
    }
}

/// Labels of a batch on a device: y, and 1 where a term of the loss counts.
public struct Targets {
    /// 0 or 1, float32 [B, C]; 0 where unknown.
    public let labels: Tensor
    /// 1 where the label is known and the class is trained, else 0; float32 [B, C].
    public let mask: Tensor

    package init(labels: Tensor, mask: Tensor) {
        self.labels = labels
        self.mask = mask
    }

    /// Gathers the labels of `rows` for the given columns of a cohort.
    ///
    /// - Parameter trained: whether each of `columns` has positives in the training split; others count nowhere.
    init(_ cohort: Cohort, rows: [Int], columns: [Int], trained: [Bool], device: Device) throws {
        var labels: [Float] = []
        var mask: [Float] = []
        labels.reserveCapacity(rows.count * columns.count)
        mask.reserveCapacity(rows.count * columns.count)
        for row in rows {
            for (column, isTrained) in zip(columns, trained) {
                let label = cohort.label(row, column)
                labels.append(label == 1 ? 1 : 0)
                mask.append(label >= 0 && isTrained ? 1 : 0)
            }
        }
        let shape = [rows.count, columns.count]
        self.labels = try Tensor(labels, shape: shape).to(device: device)
        self.mask = try Tensor(mask, shape: shape).to(device: device)
    }
}
