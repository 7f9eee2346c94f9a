import Basics
import Losses

/// How much each teacher is listened to for each of its classes, and on which images: w_kc(x) (METHOD: section 4).
public enum WeightRule: String, Sendable, Codable, CaseIterable {
    /// 1.
    case uniform
    /// (1 - beta) / (1 - beta^n_c), beta 0.999 (Cui et al., CVPR 2019).
    case effectiveNumber = "effective_number"
    /// 1 + max(0, AP_teacher - AP_plain) / AP_plain, measured on an inner split of the training patients.
    case teacherQuality = "teacher_quality"
    /// Fades as the student catches up with a teacher (after LFME, Xiang, Ding and Han, ECCV 2020, section 3.3).
    case selfPaced = "self_paced"
    /// 1 - H(sigmoid(t / T)) / log 2: how sure the teacher is of this image.
    case confidence
    /// 1 + g on images that carry a positive of the teacher's subset, 1 elsewhere.
    case membership
}

/// The formulas of the weights, on plain numbers.
public enum DistillationWeights {
    /// Classes with fewer positives than this on the inner split say nothing about a teacher's quality.
    public static let minimumPositives = 5

    /// Divides by the mean over the classes taught, in which the teachers of a class have equal shares, so that lambda
    /// means the same for every rule; all ones where the mean is 0.
    public static func normalized(_ weights: [Double], _ columns: TeacherOutputs) -> [Double] {
        let sum = zip(weights, columns.shares).reduce(0) { $0 + $1.0 * $1.1 }
        let mean = sum / Double(max(1, Set(columns.classes).count))
        return mean > 0 ? weights.map { $0 / mean } : weights.map { _ in 1 }
    }

    /// The weight of each column by the effective number of its class, with mean 1 over the classes taught.
    public static func effectiveNumber(_ columns: TeacherOutputs, counts: [Int], beta: Double = 0.999) -> [Double] {
        let taught = Set(columns.classes).sorted()
        let weights = ClassWeights(beta: beta).weights(counts: taught.map { counts[$0] })
        let ofClass = Dictionary(uniqueKeysWithValues: zip(taught, weights))
        return columns.classes.map { ofClass[$0] ?? 0 }
    }

    /// The weight of each column by how much better than the plain model its teacher ranks its class.
    ///
    /// - Parameters:
    ///   - teacher: average precision of each column on the inner split; nil where undefined.
    ///   - plain: average precision of the plain model for each column's class.
    ///   - positives: positives of each column's class on the inner split.
    public static func teacherQuality(
        _ columns: TeacherOutputs, teacher: [Double?], plain: [Double?], positives: [Int]
    ) -> [Double] {
        let raw = zip(zip(teacher, plain), positives).map { pair, positives in
            guard positives >= minimumPositives, let t = pair.0, let p = pair.1, p > 0 else { return 1.0 }
            return 1 + max(0, t - p) / p
        }
        return normalized(raw, columns)
    }

    /// The weight of one teacher from mean average precisions over its subset on the inner split, once per epoch:
    /// 1 while s < a t, then (t - s) / ((1 - a) t), never below 0. Not normalised, since it is meant to fade.
    public static func selfPaced(student s: Double, teacher t: Double, a: Double = 0.3) -> Double {
        guard t > 0 else { return 0 }
        return s < a * t ? 1 : max(0, (t - s) / ((1 - a) * t))
    }
}
