import Backbones
import Basics
import Foundation
import Torch
import Weights

private let inverse = Operator("aten::linalg_inv")

/// How far an image's features lie from those of the training images: Mahalanobis distance on features of unit length.
///
/// The covariance is shrunk to a multiple of the identity as Ledoit and Wolf do (J. Multivariate Analysis, 2004). A
/// distance is stated as the share of training images that lie farther; theirs are from five folds, each measured
/// by the others, as an image that decided mean and covariance lies too near.
public struct Familiarity: Sendable {
    /// The mean of the unit-length features, [C].
    private let mean: [Double]
    /// The inverse of the shrunk covariance, [C, C].
    private let precision: [Double]
    /// The training images' squared distances, ascending.
    let distances: [Double]

    private static let folds = 5

    /// Fits to the features of training images.
    ///
    /// - Parameter features: [count, C] row by row, pooled, as the network gives them.
    /// - Throws: `FoveaError` of kind `data` for fewer than ten images.
    public init(fitting features: [Float], count: Int) throws {
        guard count >= 2 * Self.folds, features.count % count == 0 else {
            throw FoveaError(
                .data, "familiarity needs features of at least \(2 * Self.folds) training images; there are \(count)")
        }
        let rows = Self.unitRows(features, count)
        var distances: [Double] = []
        for fold in 0..<Self.folds {
            let (others, own) = (
                rows.indices.filter { $0 % Self.folds != fold }, rows.indices.filter { $0 % Self.folds == fold }
            )
            let (mean, precision) = try Self.fit(others.map { rows[$0] })
            distances += try Self.distances(own.map { rows[$0] }, mean, precision)
        }
        (mean, precision) = try Self.fit(rows)
        self.distances = distances.sorted()
        guard self.distances.last ?? 0 > 0 else {
            throw FoveaError(.data, "familiarity needs training images that differ; to the model all are the same")
        }
    }

    /// The share of training images that lie farther than each of some images, [count].
    ///
    /// - Parameter features: [count, C] row by row.
    public func shares(_ features: [Float], count: Int) throws -> [Double] {
        guard count > 0 else { return [] }
        return try Self.distances(Self.unitRows(features, count), mean, precision).map { distance in
            // The first training image that lies farther.
            var (low, high) = (0, distances.count)
            while low < high {
                let middle = (low + high) / 2
                if distances[middle] > distance { high = middle } else { low = middle + 1 }
            }
            return Double(distances.count - low) / Double(distances.count)
        }
    }

    private static func unitRows(_ features: [Float], _ count: Int) -> [[Double]] {
        let length = features.count / count
        return (0..<count).map { row in
            let values = features[row * length..<(row + 1) * length].map(Double.init)
            let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return norm > 0 ? values.map { $0 / norm } : values
        }
    }

    /// Mean and inverse of the shrunk covariance.
    private static func fit(_ rows: [[Double]]) throws -> (mean: [Double], precision: [Double]) {
        let (n, p) = (Double(rows.count), Double(rows[0].count))
        let x = try Tensor(rows.flatMap { $0 }, shape: [rows.count, rows[0].count])
        let mean = try x.mean([0], keepingDimensions: true)
        let centered = try x - mean
        let covariance = try centered.transposed(0, 1).matmul(centered) / n
        let squares = try (centered * centered).sum([1])
        // Ledoit and Wolf's estimate of how much the covariance varies (beta) and how far it is from the target (delta).
        let level = try squares.sum().item() / n / p
        let total = try (covariance * covariance).sum().item()
        let delta = (total - 2 * level * level * p + level * level * p) / p
        let beta = min(delta, (try (squares * squares).sum().item() / n - total) / (n * p))
        let shrinkage = delta > 0 ? beta / delta : 1
        let identity = try Tensor(
            (0..<rows[0].count * rows[0].count).map { $0 % (rows[0].count + 1) == 0 ? 1.0 : 0 },
            shape: [rows[0].count, rows[0].count])
        // Features that never vary, such as dead channels, would have no inverse.
        let shrunk = try covariance * (1 - shrinkage) + identity * max(shrinkage * level, 1e-12)
        return (try mean.array(as: Double.self), try inverse(.tensor(shrunk)).array(as: Double.self))
    }

    private static func distances(_ rows: [[Double]], _ mean: [Double], _ precision: [Double]) throws -> [Double] {
        let centered = try Tensor(rows.flatMap { $0 }, shape: [rows.count, mean.count]) - Tensor(mean)
        return try (centered.matmul(Tensor(precision, shape: [mean.count, mean.count])) * centered).sum([1])
            .array(as: Double.self)
    }
}

extension Familiarity {
    /// The name of the file beside the weights that has a hash, so that an earlier one stays until the calibration names
    /// another; without a hash the name that earlier versions gave it.
    public static func fileName(_ sha256: String? = nil) -> String {
        "familiarity\(sha256.map { "-" + $0.prefix(16) } ?? "").safetensors"
    }

    /// Whether `fileName` gives a name.
    public static func isName(_ name: String) -> Bool {
        name.wholeMatch(of: /familiarity(-[0-9a-f]{16})?\.safetensors/) != nil
    }

    /// Writes it into the folder of a model.
    ///
    /// - Parameter weights: the hash of the model's weights.
    /// - Returns: the hash of the file.
    public func save(to folder: String, weights: String) throws -> String {
        // Its name is known when it is written; until then `PartialFile.removeLeftOver` knows whose it is.
        let made = PartialFile.path(for: PathName.joined(folder, Self.fileName()))
        try SafetensorsWriter.write(
            [
                Tensor(mean).source(named: "mean"),
                Tensor(precision, shape: [mean.count, mean.count]).source(named: "precision"),
                Tensor(distances).source(named: "distances"),
            ], metadata: ["weights_sha256": weights], to: made)
        let sha256 = try Digest.sha256(fileAt: made)
        let path = PathName.joined(folder, Self.fileName(sha256))
        guard rename(made, path) == 0 else {
            defer { unlink(made) }
            throw AtomicFile.failure("rename to its final name", made)
        }
        AtomicFile.flushFolder(of: path)
        return sha256
    }

    /// Removes those in the folder of a model but the one with a hash.
    public static func removeOthers(than sha256: String?, in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        where isName(name) && name != sha256.map({ fileName($0) }) && isOne(PathName.joined(folder, name)) {
            unlink(PathName.joined(folder, name))
        }
    }

    /// Whether a file is one that `save` wrote.
    public static func isOne(_ path: String) -> Bool {
        guard let file = try? WeightFile.open(path) else { return false }
        return file.metadata["weights_sha256"] != nil && file.tensor(named: "distances") != nil
    }

    /// Reads that of a model; nil where there is none.
    ///
    /// - Parameters:
    ///   - weights: the hash of the model's weights.
    ///   - sha256: the hash of the file as it was written; nil where that is not known, or none was.
    ///   - length: numbers of a feature.
    /// - Throws: `FoveaError` of kind `data` when it is missing, though its hash is known, damaged or belongs to other
    ///   weights.
    public static func read(
        from folder: String, weights: String, sha256: String? = nil, length: Int
    ) throws -> Familiarity? {
        let paths = (sha256 == nil ? [fileName()] : [fileName(sha256), fileName()]).map { PathName.joined(folder, $0) }
        guard let path = try paths.first(where: { try RegularFile.exists($0) }) else {
            guard sha256 != nil else { return nil }
            throw FoveaError(
                .data, about: paths[0], "is missing, though the calibration beside it was learnt with it",
                remedy: "Copy it there too, or make both again with `fovea calibrate`.")
        }
        let file = try WeightFile.open(path)
        let remedy = "Make it again with `fovea calibrate`."
        guard file.metadata["weights_sha256"] == weights else {
            throw FoveaError(.data, about: path, "belongs to other weights than those beside it", remedy: remedy)
        }
        func values(_ name: String, _ shape: [Int]?) throws -> [Double] {
            guard let stored = file.tensor(named: name), stored.type == .float64,
                shape.map({ $0 == stored.shape }) ?? true
            else {
                throw FoveaError(
                    .data, about: path,
                    "does not hold what `fovea calibrate` wrote: \(name) is missing or has another shape",
                    remedy: remedy)
            }
            let values = try file.withBytes(of: name) { try Tensor(bytes: $0, shape: stored.shape, dtype: .float64) }
                .array(as: Double.self)
            guard values.allSatisfy(\.isFinite) else {
                throw FoveaError(.data, about: path, "holds NaN or infinite numbers in \(name)", remedy: remedy)
            }
            return values
        }
        let read = Familiarity(
            mean: try values("mean", [length]), precision: try values("precision", [length, length]),
            distances: try values("distances", nil))
        if let fault = read.fault { throw FoveaError(.data, about: path, fault, remedy: remedy) }
        guard try sha256.map({ try $0 == file.sha256() }) ?? true else {
            throw FoveaError(.data, about: path, "is not the file that `fovea calibrate` wrote", remedy: remedy)
        }
        return read
    }

    /// What no fit gives; nil for nothing.
    private var fault: String? {
        let length = mean.count
        // The inverse of a covariance that is close to singular is symmetric up to rounding.
        let diagonal = (0..<length).map { precision[$0 * length + $0] }
        let tolerance = 1e-3 * (diagonal.max() ?? 0)
        let isSymmetric = (0..<length).allSatisfy { row in
            (0..<row).allSatisfy { abs(precision[row * length + $0] - precision[$0 * length + row]) <= tolerance }
        }
        guard isSymmetric, diagonal.allSatisfy({ $0 > 0 }) else {
            return
                "holds a precision that is not the inverse of a covariance: it must be symmetric, with numbers above 0 on "
                + "its diagonal"
        }
        let isAscending = zip(distances, distances.dropFirst()).allSatisfy { $0 <= $1 }
        guard distances.count >= 2 * Self.folds, isAscending, distances[0] >= 0, distances[distances.count - 1] > 0
        else {
            return
                "holds distances that no training images have: they must be \(2 * Self.folds) or more, ascending, not "
                + "negative and not all 0"
        }
        return nil
    }

    private init(mean: [Double], precision: [Double], distances: [Double]) {
        (self.mean, self.precision, self.distances) = (mean, precision, distances)
    }
}
