import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Synchronization
import Torch

/// Predicts photographs batch by batch in their order: while the network computes one batch, the next is decoded, and no
/// more than these two are in memory. Several processes compute the batches by turns, and all have the answers to all.
struct PredictionStream {
    /// What came of one photograph.
    enum Answer: Sendable, Codable {
        case row(ModelPrediction.Row)
        /// It cannot be used.
        case failure(ModelPrediction.Failure)
        /// The model's outputs for it are NaN or infinite.
        case nonFinite(image: String)
    }

    /// Images per batch, unless a caller says otherwise.
    static let batchSize = 32

    let inference: InferenceModel
    let images: [NamedImage]
    var batchSize = Self.batchSize
    /// Whether rows have features.
    var withFeatures = false
    /// Where to write what the model looked at; nil for nowhere.
    var maps: MapFolder?
    let context: ExecutionContext

    /// Hands over the answers of one batch after the other.
    ///
    /// - Parameters:
    ///   - start: the number of the first image; of several processes the first one decides.
    ///   - body: called with the number of the batch's first image and an answer for each.
    /// - Throws: `FoveaError` when the machine lacks something; `CancellationError` when stopped.
    func forEachBatch(from start: Int = 0, _ body: (_ first: Int, _ answers: [Answer]) throws -> Void) throws {
        let communicator = context.communicator
        try inference.agree(on: images.map(\.name))
        let start = Int(try communicator.decided { "\(start)" }) ?? start
        let batches = Array(stride(from: start, to: images.count, by: batchSize))
        let turns = stride(from: 0, to: batches.count, by: communicator.size)
        func own(_ turn: Int) -> Int? { batches.dropFirst(turn + communicator.rank).first }
        var next = try own(0).map(decoding)
        for turn in turns {
            let decoded = try next?.value() ?? []
            next = try own(turn + communicator.size).map(decoding)
            let found = try own(turn).map { try answers(decoded, from: $0) } ?? []
            for (first, answers) in zip(batches[turn...], try gathered(found)) { try body(first, answers) }
        }
    }

    /// The answers of each process, in their order.
    private func gathered(_ own: [Answer]) throws -> [[Answer]] {
        guard context.communicator.size > 1 else { return [own] }
        let encoder = PropertyListEncoder()
        encoder.outputFormat = .binary
        let decoder = PropertyListDecoder()
        return try context.communicator.all(Array(encoder.encode(own))).map {
            try decoder.decode([Answer].self, from: Data($0))
        }
    }

    private func decoding(from first: Int) throws -> Prefetched<[Result<PreparedImage, any Error>]> {
        let batch = Array(images[first..<min(first + batchSize, images.count)])
        let (policy, model, context) = (inference.imagePolicy, inference.description, context)
        return try Prefetched { try policy.prepared(batch, for: model, context) }
    }

    private func answers(_ decoded: [Result<PreparedImage, any Error>], from first: Int) throws -> [Answer] {
        let ready = decoded.compactMap { try? $0.get() }
        var answers = try inference.answers(
            ready.flatMap(\.bytes), count: ready.count, withFeatures: withFeatures, withMaps: maps != nil)[...]
        return try zip(images[first...], decoded).map { image, result in
            switch result {
            case .success(let prepared):
                guard let answer = answers.popFirst(), answer.isFinite else { return .nonFinite(image: image.name) }
                let row = ModelPrediction.Row(
                    image: image.name, answer, withFeatures: withFeatures, quality: prepared.quality,
                    limits: inference.imagePolicy.limits)
                if let maps {
                    let classes = inference.rule.findings(row)
                    try maps.add(
                        row, from: image.path, prepared, classes: classes,
                        inference.maps(prepared.bytes, classes: classes, of: answer), inference.description)
                }
                return .row(row)
            case .failure(let error): return .failure(try ModelPrediction.Failure(image: image.name, error))
            }
        }
    }
}

/// An image that was read and is not a colour fundus photograph.
package struct NotFundus: Error {
    /// Its name, and what it is.
    package var reason: String
}

extension ImagePolicy {
    /// The image, unless it is to be refused; without a fault where training images had one too.
    ///
    /// - Throws: `NotFundus`.
    package func judged(_ prepared: PreparedImage, name: String) throws -> PreparedImage {
        var prepared = prepared
        if !limits.refusesOthers { prepared.quality?.fault = nil }
        guard !takesAnyImage, let fault = prepared.quality?.fault else { return prepared }
        throw NotFundus(reason: "\(name) is not a colour fundus photograph: \(fault)")
    }
}

/// A value that a thread of its own computes.
private final class Prefetched<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    /// Begins to compute.
    ///
    /// - Throws: `FoveaError` of kind `environment` where the system gives no thread.
    init(_ body: @escaping @Sendable () throws -> Value) throws {
        try WorkerThreads.start(1) { [self] in
            let found = Result { try body() }
            result.withLock { $0 = found }
            done.signal()
        }
    }

    /// The value, once it is there; to be asked for once.
    func value() throws -> Value {
        done.wait()
        return try result.withLock { $0 }.map { try $0.get() } ?? { throw CancellationError() }()
    }
}
