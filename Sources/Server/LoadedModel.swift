import Backbones
import Basics
import Execution
import FundusImaging
import Models
import Prediction
import Serving
import Torch

/// A model that is served: what requests need of it, as values.
struct LoadedModel: Sendable {
    let description: ServedModel
    let image: ImageSettings
    /// What is seen of a photograph beside it.
    let otherImages: [ImageSettings]
    let policy: ImagePolicy
    let rule: DecisionRule
    let classes: [String]

    /// Describes a model after it has answered an image.
    ///
    /// - Throws: `FoveaError` of kind `engine` where its answers are not those that they must be.
    init(_ model: InferenceModel, name: String) throws {
        let facts = model.description
        let warmUp = try model.verified()
        let maps = try model.anyMap(warmUp)
        description = ServedModel(
            name: name, version: String(try ModelBundle.weightsHash(in: model.folder).prefix(12)),
            architecture: facts.architecture.rawValue, resolution: facts.image.resolution,
            takesPixels: facts.otherImages.isEmpty, labels: facts.labels.rawValue,
            classes: facts.classes, classLabels: facts.classLabels,
            normalClass: facts.normal.map { facts.classes[$0] }, enoughImages: ModelCalibration.enoughPositives,
            trainingImages: facts.trainingImages, precision: model.precision.rawValue,
            featureCount: model.featureCount, mapShape: maps.map { [$0.rows, $0.columns] },
            mapsAreExact: maps?.isExact ?? false, mapsAreCoarse: maps?.isCoarse ?? false,
            operatingPoint: model.rule.name,
            calibration: model.calibration.map {
                .init(images: $0.data.images, split: $0.data.split, positives: $0.positives)
            },
            knowsFamiliarity: model.familiarity != nil)
        (image, otherImages) = (facts.image, facts.otherImages)
        policy = model.imagePolicy
        rule = model.rule
        classes = facts.classes
    }
}

extension InferenceModel {
    /// Computes an image alone, in a batch and without what makes it faster, which also makes the engine's kernels ready.
    ///
    /// - Returns: the image.
    /// - Throws: `FoveaError` of kind `engine` where the answers differ, of kind `numerical` where they mean nothing.
    fileprivate func verified() throws -> [UInt8] {
        let pixelCount = description.pixelCount
        var random = SeededRandom(seed: 1)
        let images = (0..<2).map { _ in (0..<pixelCount).map { _ in UInt8(random.index(below: 256)) } }
        let alone = try answers(images[0], count: 1)[0]
        let batch = try answers(images.flatMap(\.self), count: 2)[0]
        guard alone.isFinite, batch.isFinite else {
            throw FoveaError.nonFiniteOutputs(for: ["a test image of noise"], of: 1)
        }
        // Rounding, as a share of the largest logit: of bfloat16 some hundredths, of folded batch norms less than of a fault.
        let isExact = precision == .float32
        for (other, logits, share) in [
            ("in a batch", batch.logits, isExact ? 1e-4 : 0.1 as Float),
            ("by the plain network of its file", try plainLogits(images[0]), isExact ? 1e-3 : 0.2),
        ] {
            let limit = share * max(1, logits.map(abs).max() ?? 0)
            guard zip(alone.logits, logits).allSatisfy({ abs($0 - $1) <= limit }) else {
                throw FoveaError(
                    .engine, "the model in \(folder) gives an image another answer than \(other)",
                    remedy:
                        "Start again where its files were changed meanwhile. Otherwise look at `fovea doctor`: the engine "
                        + "or the processor may be faulty.")
            }
        }
        return images[0]
    }

    /// The map of a class of an image; nil for a network without maps.
    fileprivate func anyMap(_ image: [UInt8]) throws -> ClassMaps? {
        do {
            return try maps(image, classes: [0])
        } catch let error as FoveaError where error.kind == .configuration {
            return nil
        }
    }
}
