import Basics
import Foundation
import FundusImaging
import Logging
import Models
import Prediction
import Serving
import Synchronization

/// Answers requests about images: reads them, decodes them, has them computed, and puts the answer together.
final class ImageService: Sendable {
    let catalog: ModelCatalog
    private let models: [LoadedModel]
    private let network: NetworkThread
    private let work: WorkQueue
    private let logger: Logger

    /// Takes over the models.
    ///
    /// - Parameters:
    ///   - threads: that decode images, beside those of the engine.
    ///   - willCompute: called before a batch is computed.
    init(
        _ models: [(name: String, model: InferenceModel)], batchSize: Int, threads: Int,
        willCompute: @escaping @Sendable () -> Void, metrics: MetricsRecorder, logger: Logger
    ) throws {
        self.models = try models.map { try LoadedModel($0.model, name: $0.name) }
        self.logger = logger
        let names = models.map(\.name)
        catalog = ModelCatalog(self.models.map(\.description))
        network = try NetworkThread(
            models.map(\.model), batchSize: batchSize, threads: threads, willCompute: willCompute
        ) { count, model, seconds in
            metrics.record { $0.computed(count, model: names[model], seconds: seconds) }
        }
        work = try WorkQueue(threads: threads)
    }

    /// Images that wait for the network.
    var waiting: Int { network.waiting }

    /// Ends its threads.
    func close() {
        network.close()
        work.close()
    }

    /// The answer to `/v1/predict`.
    func predict(_ head: RequestHead, _ body: Data, _ limits: ServiceLimits) async throws -> ServiceResponse {
        let options = try PredictOptions(head, catalog)
        let model = models[options.model]
        let contentType = try head.header("content-type")
        let content = try await work.run { try PredictBody(body, contentType: contentType, limits: limits) }
        let isSingle = content.isSingle
        var decoded: [Result<PreparedImage, any Error>] = []
        for file in content.files {
            decoded.append(try await work.run { Result { try model.prepared(file, name: "the image") } })
        }
        let photographs = decoded
        let ready = photographs.compactMap { try? $0.get() }
        let mapClasses: NetworkThread.MapClasses = { model.mapClasses(options.maps, $0) }
        let computed = try await network.compute(
            model: options.model, ready.map(\.bytes), mapClasses: options.maps == .none ? nil : mapClasses)
        return try await work.run { [logger] in
            var results = computed[...]
            let images = try photographs.enumerated().map { index, photograph in
                do {
                    return try model.answer(index, photograph.get(), results.removeFirst(), options.maps)
                } catch {
                    let refusal = ServiceError(about: error, logger)
                    // Of several images the others are answered nevertheless.
                    guard !isSingle, refusal.reason == .image else { throw refusal }
                    return PredictAnswer.Image(index: index, error: refusal.message)
                }
            }
            return ServiceResponse(json: PredictAnswer(model.description, images: images))
        }
    }

    /// The answer to `/v2/models/NAME/infer`.
    func infer(
        _ reference: Route.ModelReference, _ head: RequestHead, _ body: Data, _ limits: ServiceLimits
    ) async throws -> ServiceResponse {
        let number = try catalog.number(reference)
        let model = models[number]
        let length = try head.header("inference-header-content-length")
        let request = try await work.run {
            try InferRequest(body, headerLength: length, model: model.description, limits: limits)
        }
        let images = try await squares(request.images, model)
        let wantsMaps = request.outputs.contains { $0.name == "maps" }
        let all: NetworkThread.MapClasses = { _ in Array(model.classes.indices) }
        let computed = try await network.compute(model: number, images, mapClasses: wantsMaps ? all : nil)
        return try await work.run {
            guard computed.allSatisfy(\.answer.isFinite) else {
                throw ServiceError(.fault, "the model's outputs for an image are NaN or infinite")
            }
            let values = [
                "logits": computed.flatMap(\.answer.logits),
                "probabilities": computed.flatMap { $0.answer.calibrated ?? $0.answer.probabilities },
                "features": computed.flatMap(\.answer.features),
                "maps": computed.flatMap { $0.maps?.values ?? [] },
            ]
            return InferAnswer(values, count: images.count).response(to: request, model: model.description)
        }
    }

    /// The prepared pixels of the images of a request; file by file, so that callers with few files are not kept waiting,
    /// and none is decoded once nobody waits any more.
    private func squares(_ images: InferRequest.Images, _ model: LoadedModel) async throws -> [[UInt8]] {
        switch images {
        case .pixels(let bytes, let count):
            let size = bytes.count / count
            return (0..<count).map { Array(bytes[$0 * size..<($0 + 1) * size]) }
        case .encoded(let files):
            var squares: [[UInt8]] = []
            for (number, file) in files.enumerated() {
                squares.append(
                    try await work.run { try model.prepared(file, name: "images[\(number)]").bytes })
            }
            return squares
        }
    }
}

extension LoadedModel {
    /// The longer side of a map as it is sent, in pixels: maps have few places, so more would only be more bytes.
    private static let mapSide = 512

    /// Decodes a file.
    ///
    /// - Parameter name: what errors call it.
    fileprivate func prepared(_ bytes: Data, name: String) throws -> PreparedImage {
        try policy.judged(
            FundusReader.prepare(
                ImageFile(name: name, bytes: bytes), settings: image, others: otherImages, withQuality: true),
            name: name)
    }

    fileprivate func mapClasses(_ maps: PredictOptions.Maps, _ answer: ImageAnswer) -> [Int] {
        switch maps {
        case .none: []
        case .all: Array(classes.indices)
        case .classes(let classes): classes
        case .findings:
            rule.findings(ModelPrediction.Row(image: "", answer, quality: nil, limits: policy.limits))
        }
    }

    fileprivate func answer(
        _ index: Int, _ photograph: PreparedImage, _ computed: ComputedImage, _ maps: PredictOptions.Maps
    ) throws -> PredictAnswer.Image {
        guard computed.answer.isFinite else {
            throw ServiceError(.fault, "the model's outputs for an image are NaN or infinite")
        }
        let quality = photograph.quality
        let row = ModelPrediction.Row(image: "", computed.answer, quality: quality, limits: policy.limits)
        let mapped = mapClasses(maps, computed.answer)
        func finding(_ column: Int) throws -> PredictAnswer.Finding {
            PredictAnswer.Finding(
                name: classes[column], probability: row.probabilities[column], calibrated: row.calibrated?[column],
                threshold: rule.thresholds[column], isCalibrated: rule.isCalibrated,
                calibratedThreshold: rule.calibratedThresholds?[column], above: rule.isAbove(row, column),
                map: try mapped.firstIndex(of: column).flatMap { place in
                    try computed.maps.map { try map($0, place, of: photograph) }
                })
        }
        let (measures, place) = (quality?.measures, photograph.coverage)
        return PredictAnswer.Image(
            index: index, width: photograph.width, height: photograph.height,
            coverage: .init(left: place.left, top: place.top, width: place.width, height: place.height),
            quality: .init(
                warnings: row.shownWarnings, sharpness: measures?.sharpness, brightness: measures?.brightness,
                overexposed: measures?.overexposed, field: measures?.field, roundness: measures?.roundness),
            familiarity: row.familiarity,
            findings: try classes.indices.filter { $0 != rule.normal }.map(finding),
            normal: try rule.normal.map(finding))
    }

    private func map(_ maps: ClassMaps, _ place: Int, of photograph: PreparedImage) throws -> PredictAnswer.Map {
        let scale = min(1, Double(Self.mapSide) / Double(max(photograph.width, photograph.height)))
        func scaled(_ length: Int) -> Int { max(1, Int((Double(length) * scale).rounded())) }
        let overlay = MapOverlay(maps, place, of: photograph)
        return PredictAnswer.Map(
            png: try overlay.layer(width: scaled(photograph.width), height: scaled(photograph.height)),
            isExact: maps.isExact, isCoarse: maps.isCoarse, highest: maps.map(place).max() ?? 0,
            highestIsOutside: overlay.hasHiddenPeak)
    }
}

extension ServiceError {
    /// What an error means for the caller; what is not the caller's is logged.
    init(about error: any Error, _ logger: Logger) {
        switch error {
        case let error as ServiceError: self = error
        case let error as NotFundus: self.init(.image, error.reason)
        case let error as FoveaError where error.kind == .data: self.init(.image, Printable.line(error.message))
        case is CancellationError: self.init(.requestTimeout, "the answer took too long")
        default:
            logger.error("\(error.onOneLine)")
            self.init(.fault, "the server cannot answer because of a fault of its own; its log says more")
        }
    }
}
