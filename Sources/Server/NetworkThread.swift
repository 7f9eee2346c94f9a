import Basics
import Foundation
import Models
import Prediction
import Serving
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
    /// The images of a caller, who continues when the last one is computed.
    private final class Request: Sendable {
        let images: [[UInt8]]
        /// For which classes maps are wanted; nil for none, whatever the answer.
        let mapClasses: MapClasses?
        let state: Mutex<State>

        struct State {
            var results: [ComputedImage?]
            var left: Int
            var continuation: CheckedContinuation<[ComputedImage], any Error>?
            /// Whether nobody waits any more.
            var isOver = false
        }

        init(_ images: [[UInt8]], mapClasses: MapClasses?) {
            self.images = images
            self.mapClasses = mapClasses
            state = Mutex(State(results: Array(repeating: nil, count: images.count), left: images.count))
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

    /// For which classes maps are wanted, once the answer is known.
    typealias MapClasses = @Sendable (ImageAnswer) -> [Int]

    /// What the thread alone touches.
    private struct Models: @unchecked Sendable {
        let all: [InferenceModel]
    }

    private let models: Models
    private let batchSize: Int
    private let threads: Int
    private let willCompute: @Sendable () -> Void
    private let computed: @Sendable (_ count: Int, _ model: Int, _ seconds: Double) -> Void
    private let queue = Mutex<(images: ImageQueue<Request>, isOpen: Bool)>((ImageQueue(), true))
    private let arrivals = DispatchSemaphore(value: 0)

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - models: nothing else may use them from now on.
    ///   - batchSize: how many images are computed at once, at most.
    ///   - threads: of the engine.
    ///   - willCompute: called before a batch is computed.
    ///   - computed: told of each batch that was computed, before its callers continue.
    init(
        _ models: [InferenceModel], batchSize: Int, threads: Int,
        willCompute: @escaping @Sendable () -> Void,
        computed: @escaping @Sendable (_ count: Int, _ model: Int, _ seconds: Double) -> Void
    ) throws {
        self.models = Models(all: models)
        self.batchSize = batchSize
        self.willCompute = willCompute
        self.computed = computed
        self.threads = threads
        try WorkerThreads.start(1) { [self] in run() }
    }

    /// Images that wait.
    var waiting: Int { queue.withLock(\.images.count) }

    /// Ends the thread, once all images are computed.
    func close() {
        queue.withLock { $0.isOpen = false }
        arrivals.signal()
    }

    /// What a model makes of images, in their order.
    ///
    /// - Parameters:
    ///   - images: square RGB images of the model's resolution.
    ///   - mapClasses: nil where no maps are wanted.
    /// - Throws: `CancellationError` when the task is cancelled: what is not computed by then will not be.
    func compute(model: Int, _ images: [[UInt8]], mapClasses: MapClasses?) async throws -> [ComputedImage] {
        guard !images.isEmpty else { return [] }
        let request = Request(images, mapClasses: mapClasses)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOver = request.state.withLock { state in
                    state.continuation = continuation
                    return state.isOver
                }
                guard !isOver else { return continuation.resume(throwing: CancellationError()) }
                queue.withLock { $0.images.append(request, model: model, count: images.count) }
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
            let (batch, isOpen) = queue.withLock { queue in
                queue.images.removeAll(where: \.isOver)
                return (queue.images.nextBatch(of: batchSize), queue.isOpen)
            }
            if let batch {
                willCompute()
                compute(batch.items, model: batch.model)
            } else if isOpen {
                arrivals.wait()
            } else {
                return
            }
        }
    }

    private func compute(_ items: [ImageQueue<Request>.Item], model number: Int) {
        let model = models.all[number]
        let start = ContinuousClock.now
        do {
            let answers = try model.answers(
                items.flatMap { $0.request.images[$0.number] }, count: items.count, withFeatures: true,
                withMaps: items.contains { $0.request.mapClasses != nil })
            computed(items.count, number, (ContinuousClock.now - start) / .seconds(1))
            for (item, answer) in zip(items, answers) { finish(item, answer, model) }
        } catch {
            for item in items { item.request.fail(error) }
        }
    }

    /// Adds the maps to an image's answer. Where they fail, only its request does.
    private func finish(_ item: ImageQueue<Request>.Item, _ answer: ImageAnswer, _ model: InferenceModel) {
        let request = item.request
        guard !request.isOver else { return }
        do {
            let classes = answer.isFinite ? request.mapClasses?(answer) ?? [] : []
            let maps =
                try classes.isEmpty
                ? nil : model.maps(request.images[item.number], classes: classes, of: answer) { request.isOver }
            var answer = answer
            // Those of all classes, also where others of the batch wanted them.
            answer.maps = nil
            request.finish(item.number, ComputedImage(answer: answer, maps: maps))
        } catch {
            request.fail(error)
        }
    }
}
