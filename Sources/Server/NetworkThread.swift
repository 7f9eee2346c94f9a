import Basics
import Foundation
import Models
import Prediction
import Synchronization
import Torch

/// What the network makes of one image of a request.
struct ComputedImage: Sendable {
    var answer: ImageAnswer
    /// Nil where none was wanted.
    var maps: ClassMaps?
}

/// The one thread that computes: images wait in a queue, and those that wait are computed together, without waiting for more.
final class NetworkThread: Sendable {
    /// One image that waits.
    private struct Item: Sendable {
        let request: Request
        let number: Int
        let pixels: [UInt8]
    }

    /// The images of a caller, who continues when the last one is computed.
    private final class Request: Sendable {
        let model: Int
        /// For which classes maps are wanted.
        let mapClasses: @Sendable (ImageAnswer) -> [Int]
        let state: Mutex<State>

        struct State {
            var results: [ComputedImage?]
            var left: Int
            var continuation: CheckedContinuation<[ComputedImage], any Error>?
            /// Whether nobody waits any more.
            var isOver = false
        }

        init(model: Int, count: Int, mapClasses: @escaping @Sendable (ImageAnswer) -> [Int]) {
            self.model = model
            self.mapClasses = mapClasses
            state = Mutex(State(results: Array(repeating: nil, count: count), left: count))
        }

        var isOver: Bool { state.withLock(\.isOver) }

        func finish(_ number: Int, _ image: ComputedImage) {
            let done = state.withLock { state -> CheckedContinuation<[ComputedImage], any Error>? in
                state.results[number] = image
                state.left -= 1
                guard state.left == 0, !state.isOver else { return nil }
                state.isOver = true
                return state.continuation
            }
            done?.resume(returning: state.withLock { $0.results.compactMap(\.self) })
        }

        func fail(_ error: any Error) {
            let waiting = state.withLock { state -> CheckedContinuation<[ComputedImage], any Error>? in
                defer { state.isOver = true }
                return state.isOver ? nil : state.continuation
            }
            waiting?.resume(throwing: error)
        }
    }

    /// What the thread alone touches.
    private struct Models: @unchecked Sendable {
        let all: [InferenceModel]
    }

    private let models: Models
    private let batchSize: Int
    private let threads: Int
    private let computed: @Sendable (_ count: Int, _ model: Int, _ seconds: Double) -> Void
    private let queue = Mutex<(items: [Item], isOpen: Bool)>(([], true))
    private let arrivals = DispatchSemaphore(value: 0)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - models: nothing else may use them from now on.
    ///   - batchSize: how many images are computed at once, at most.
    ///   - threads: of the engine.
    ///   - computed: told of each batch.
    init(
        _ models: [InferenceModel], batchSize: Int, threads: Int,
        computed: @escaping @Sendable (_ count: Int, _ model: Int, _ seconds: Double) -> Void
    ) throws {
        self.models = Models(all: models)
        self.batchSize = batchSize
        self.threads = threads
        self.computed = computed
        try WorkerThreads.start(1) { [self] in run() }
    }

    /// Images that wait.
    var waiting: Int { queue.withLock { $0.items.count } }

    /// Ends the thread, once all images are computed.
    func close() {
        queue.withLock { $0.isOpen = false }
        arrivals.signal()
    }

    /// What a model makes of images, in their order.
    ///
    /// - Parameters:
    ///   - images: square RGB images of the model's resolution.
    ///   - mapClasses: for which classes maps are wanted, once the answer is known.
    /// - Throws: `CancellationError` when the task is cancelled: what is not computed by then will not be.
    func compute(
        model: Int, _ images: [[UInt8]], mapClasses: @escaping @Sendable (ImageAnswer) -> [Int]
    ) async throws -> [ComputedImage] {
        guard !images.isEmpty else { return [] }
        let request = Request(model: model, count: images.count, mapClasses: mapClasses)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = request.state.withLock { state in
                    state.continuation = continuation
                    return state.isOver
                }
                guard !isOver else { return continuation.resume(throwing: CancellationError()) }
                queue.withLock { queue in
                    queue.items += images.enumerated().map { Item(request: request, number: $0, pixels: $1) }
                }
                arrivals.signal()
            }
        } onCancel: {
            request.fail(CancellationError())
        }
    }

    private func run() {
        // Each thread has its own number of threads for operators.
        Engine.threads = threads
        while true {
            let batch = nextBatch()
            if !batch.isEmpty {
                compute(batch)
                continue
            }
            guard queue.withLock({ $0.isOpen || !$0.items.isEmpty }) else { return }
            arrivals.wait()
        }
    }

    /// The images that have waited longest and are for one model.
    private func nextBatch() -> [Item] {
        queue.withLock { queue in
            queue.items.removeAll(where: \.request.isOver)
            guard let model = queue.items.first?.request.model else { return [] }
            var batch: [Item] = []
            var rest: [Item] = []
            for item in queue.items {
                if batch.count < batchSize, item.request.model == model {
                    batch.append(item)
                } else {
                    rest.append(item)
                }
            }
            queue.items = rest
            return batch
        }
    }

    private func compute(_ batch: [Item]) {
        let number = batch[0].request.model
        let model = models.all[number]
        let start = ContinuousClock.now
        do {
            let answers = try model.answers(batch.flatMap(\.pixels), count: batch.count, withFeatures: true)
            for (item, answer) in zip(batch, answers) {
                let classes = answer.isFinite ? item.request.mapClasses(answer) : []
                let maps = classes.isEmpty ? nil : try model.maps(item.pixels, classes: classes)
                item.request.finish(item.number, ComputedImage(answer: answer, maps: maps))
            }
        } catch {
            for item in batch { item.request.fail(error) }
        }
        computed(batch.count, number, (ContinuousClock.now - start) / .seconds(1))
    }
}
