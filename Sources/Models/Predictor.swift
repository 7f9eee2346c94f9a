import Backbones
import Basics
import FundusImaging
import NN
import Torch

/// Runs a model over photographs, without recording anything for differentiation.
public final class Predictor {
    private let classifier: Classifier
    private let input: PixelInput
    private let device: Device
    private let precision: Precision
    /// The further networks of a committee. The pixels of their images follow those of the first one's, photograph by
    /// photograph.
    var members: [ReadyMember] = []

    /// Prepares a network for prediction: evaluation mode on `device`; batch norms folded when `folding`, which
    /// changes the network permanently; what follows a convolution computed with it when `fusing`, in float32 on the
    /// processor.
    public init(
        _ classifier: Classifier, _ normalization: Normalization, device: Device, precision: Precision,
        folding: Bool = false, fusing: Bool = false
    ) throws {
        self.classifier = classifier
        self.device = device
        self.precision = precision
        input = try PixelInput(normalization, device: device)
        try classifier.move(to: device)
        if folding {
            try classifier.backbone.foldBatchNorms(fusing: fusing && device == .cpu && precision == .float32)
        }
    }

    /// The raw logits of a batch of images, float32 on the CPU, [N, classes] row by row.
    public func logits(_ pixels: [UInt8], count: Int, resolution: Int) throws -> [Float] {
        try outputs(pixels, count: count, resolution: resolution, withFeatures: false).logits
    }

    /// The raw logits of a batch of images, and their pooled features and exact maps if requested: all of one pass.
    public func outputs(
        _ pixels: [UInt8], count: Int, resolution: Int, withFeatures: Bool, withMaps: Bool = false
    ) throws -> PredictedOutputs {
        guard members.isEmpty else {
            let parts = try split(pixels, count: count, resolution)
            var outputs = try ownOutputs(parts[0], count: count, resolution: resolution, withFeatures: withFeatures)
            try outputs.average(with: members, Array(parts.dropFirst()), count: count)
            return outputs
        }
        return try ownOutputs(
            pixels, count: count, resolution: resolution, withFeatures: withFeatures, withMaps: withMaps)
    }

    /// The pixels of each network's images.
    private func split(_ pixels: [UInt8], count: Int, _ resolution: Int) throws -> [[UInt8]] {
        let sizes = [classifier.imageCount * resolution * resolution * 3] + members.map(\.pixelCount)
        let stride = sizes.reduce(0, +)
        guard pixels.count == count * stride else {
            throw FoveaError(.engine, "\(pixels.count) bytes for \(count) photographs of \(stride) bytes each")
        }
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return (0..<count).flatMap { pixels[$0 * stride + start..<$0 * stride + start + size] }
        }
    }

    private func ownOutputs(
        _ pixels: [UInt8], count: Int, resolution: Int, withFeatures: Bool, withMaps: Bool = false
    ) throws -> PredictedOutputs {
        classifier.setTraining(false)
        return try Autograd.inference {
            try Autocast.run(precision, on: device) {
                let x = try input(pixels, count: count * classifier.imageCount, resolution: resolution)
                let (features, map) =
                    withMaps && classifier.imageCount == 1
                    ? try classifier.backbone.featuresAndMap(x) : (try classifier.features(of: x), nil)
                return PredictedOutputs(
                    logits: try classifier.logits(of: features).array(),
                    features: withFeatures ? try features.to(dtype: .float32).array() : [],
                    maps: try map.map { map in
                        let maps = try classifier.maps(ofFeatures: map)
                        return try (0..<count).map { number in
                            let own = try maps.narrowed(0, from: number, length: 1)
                            return try ClassMaps(own.reshaped(Array(maps.shape.dropFirst())), isExact: true)
                        }
                    } ?? [])
            }
        }
    }

    /// What each place of one image adds to the logits of some classes; nil for a network without maps. Of a committee, what
    /// it adds to those of the network that sees all of the image.
    ///
    /// - Parameter shouldStop: consulted between classes where maps are gradients.
    /// - Throws: `CancellationError` when stopped.
    public func maps(
        _ pixels: [UInt8], resolution: Int, classes: [Int], shouldStop: () -> Bool = { false }
    ) throws -> ClassMaps? {
        classifier.setTraining(false)
        let pixels = members.isEmpty ? pixels : try split(pixels, count: 1, resolution)[0]
        let x = try Autograd.withoutGrad { try input(pixels, count: classifier.imageCount, resolution: resolution) }
        return try classifier.maps(of: x, classes: classes, shouldStop: shouldStop).map {
            try ClassMaps($0.maps, isExact: $0.isExact && members.isEmpty)
        }
    }

    /// The raw logits of some images of a cache, one row for each item, in order.
    ///
    /// - Parameter progress: called with how many images are done.
    public func logits(
        cache: ImageCache, items: [BatchItem], augmentation: AugmentationSettings = .none, seed: UInt64 = 0,
        batchSize: Int = 64, threads: Int = 1, communicator: any Communicator = SingleProcess(),
        shouldStop: () -> Bool = { false }, progress: (Int) -> Void = { _ in }
    ) throws -> [Float] {
        var all: [Float] = []
        try forEachBatch(
            cache: cache, items: items, augmentation: augmentation, seed: seed, batchSize: batchSize, threads: threads,
            communicator: communicator, shouldStop: shouldStop
        ) { outputs, done in
            all += outputs.logits
            progress(done)
        }
        return all
    }

    /// Hands over what the network makes of some images of a cache, batch by batch, in order.
    ///
    /// - Parameters:
    ///   - withFeatures: whether pooled features are requested too.
    ///   - communicator: processes that compute the batches by turns; each gets the outputs of all.
    ///   - body: called with the outputs of a batch, of one of each process, and how many images are done with them.
    public func forEachBatch(
        cache: ImageCache, items: [BatchItem], augmentation: AugmentationSettings = .none, seed: UInt64 = 0,
        withFeatures: Bool = false, batchSize: Int = 64, threads: Int = 1,
        communicator: any Communicator = SingleProcess(), shouldStop: () -> Bool = { false },
        _ body: (_ outputs: PredictedOutputs, _ done: Int) throws -> Void
    ) throws {
        let batching = Batching(size: batchSize)
        let batches = batching.slices(of: items)
        let turns = stride(from: 0, to: batches.count, by: communicator.size)
        let loader = try BatchLoader(
            cache: cache, batches: turns.compactMap { batches.dropFirst($0 + communicator.rank).first },
            augmentation: augmentation, seed: seed, threads: threads)
        for turn in turns {
            let batch = try loader.next()
            if shouldStop() { throw CancellationError() }
            var outputs =
                try batch.map {
                    try self.outputs(
                        $0.pixels, count: $0.items.count, resolution: $0.resolution, withFeatures: withFeatures)
                } ?? PredictedOutputs()
            if communicator.size > 1 {
                outputs.logits = try communicator.all(outputs.logits).flatMap { $0 }
                outputs.features = try communicator.all(outputs.features).flatMap { $0 }
            }
            try body(
                outputs, batching.range(min(turn + communicator.size, batches.count) - 1, of: items.count).upperBound)
        }
    }
}

/// What a network makes of some images, row by row.
public struct PredictedOutputs: Sendable, Equatable {
    /// Raw logits, [N, classes].
    public var logits: [Float]
    /// Pooled features, [N, featureCount]; empty where they were not requested.
    public var features: [Float]
    /// Exact maps of all classes, image by image; empty where they were not requested or the network has none.
    public var maps: [ClassMaps]

    /// Puts outputs together; none by default.
    public init(logits: [Float] = [], features: [Float] = [], maps: [ClassMaps] = []) {
        self.logits = logits
        self.features = features
        self.maps = maps
    }
}

/// What each place of an image adds to the logits of some classes.
public struct ClassMaps: Sendable, Equatable {
    /// Places from top to bottom.
    public let rows: Int
    /// Places from left to right.
    public let columns: Int
    /// [classes, rows, columns].
    public let values: [Float]
    /// Whether the mean of a map plus the head's bias is the logit; otherwise the map is an approximation by gradients.
    public let isExact: Bool

    /// The fewest cells from one side of the field to the other with which a map shows a place: of three, the one in the
    /// middle has all others beside it, and a peak is one cell off at times.
    private static let leastCells = 4

    /// Whether its cells are too few to show a place.
    public var isCoarse: Bool { min(rows, columns) < Self.leastCells }

    private init(rows: Int, columns: Int, values: [Float], isExact: Bool) {
        self.rows = rows
        self.columns = columns
        self.values = values
        self.isExact = isExact
    }

    /// Reads a tensor, [classes, rows, columns].
    fileprivate init(_ maps: Tensor, isExact: Bool) throws {
        self.init(
            rows: maps.shape[1], columns: maps.shape[2],
            values: try maps.to(device: .cpu, dtype: .float32).contiguous().array(), isExact: isExact)
    }

    /// The map of a class, by its position among those asked for, [rows, columns].
    public func map(_ index: Int) -> [Float] { Array(values[index * rows * columns..<(index + 1) * rows * columns]) }

    /// Those of some classes, by their positions, in that order.
    public func selecting(_ classes: [Int]) -> ClassMaps {
        ClassMaps(rows: rows, columns: columns, values: classes.flatMap(map), isExact: isExact)
    }
}

extension FoveaError {
    /// Outputs of a finished model that mean nothing.
    ///
    /// - Parameters:
    ///   - images: the names of those that have such outputs.
    ///   - total: how many images were predicted.
    public static func nonFiniteOutputs(for images: [String], of total: Int) -> FoveaError {
        FoveaError(
            .numerical,
            "the model's outputs are NaN or infinite for \(images.count) of \(Pluralization.count(total, "image")): "
                + Pluralization.listing(images),
            remedy: "The training that made it has diverged, or its weights are damaged: use another model.")
    }
}

extension ModelDescription {
    /// The rows of raw logits, [N, classes], that hold a value which is NaN or infinite.
    public func nonFiniteRows(_ logits: [Float]) -> [Int] {
        (0..<logits.count / classes.count).filter { row in
            logits[row * classes.count..<(row + 1) * classes.count].contains { !$0.isFinite }
        }
    }

    /// Probabilities from raw logits, [N, classes] row by row.
    ///
    /// For single-label data a class without training images has probability 0: its logit was never trained.
    public func probabilities(_ logits: [Float]) throws -> [Float] {
        guard !logits.isEmpty else { return [] }
        return try probabilities(Tensor(logits, shape: [logits.count / classes.count, classes.count])).array()
    }

    /// The same of a tensor, [N, classes].
    public func probabilities(_ logits: Tensor) throws -> Tensor {
        switch labels {
        case .multi: return try logits.sigmoid()
        case .single:
            let excluded = classes.indices.map { c -> Float in (trainingImages?[c] ?? 1) > 0 ? 0 : -1e30 }
            return try (logits + Tensor(excluded)).logSoftmax(1).exp()
        }
    }
}
