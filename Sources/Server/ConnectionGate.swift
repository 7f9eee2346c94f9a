import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Serving

/// Decides when a connection ends: after its last answer is taken, or when its client does nothing or does not take an answer
/// for too long. What is not HTTP gets an answer that says so.
///
/// A socket that is closed throws away what its client has not taken, and also what was sent where something is left to
/// read; so this end stops sending, reads for a while, and only then closes.
final class ConnectionGate: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How much is read after the last answer.
    private static let lingeringLimit = 16 << 20

    private let limits: ServiceLimits
    private let refused: @Sendable (ServiceError) -> Void
    /// Requests of which a head came.
    private var begun = 0
    /// Requests that came whole.
    private var received = 0
    private var answered = 0
    /// Answers that are not yet handed to the system, whole.
    private var untaken = 0
    private var isAnswering = false
    /// Whether the connection ends after the answer that is being written, or was.
    private var isLastAnswer = false
    /// The number of the request after whose answer the client wants the connection to end.
    private var lastRequest: Int?
    /// Whether the client does not know answers before the last one, such as 100.
    private var isOld = false
    private var isStopping = false
    /// What came after the requests and is not HTTP.
    private var refusal: ServiceError?
    private var isLingering = false
    private var lingeringBytes = 0
    private var idle: Scheduled<Void>?

    /// - Parameter refused: told of what is not HTTP.
    init(limits: ServiceLimits, refused: @escaping @Sendable (ServiceError) -> Void) {
        self.limits = limits
        self.refused = refused
    }

    func handlerAdded(context: ChannelHandlerContext) { awaitRequest(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var data = data
        let part = Self.unwrapInboundIn(data)
        if isLingering {
            if case .body(let bytes) = part { lingeringBytes += bytes.readableBytes }
            if lingeringBytes > Self.lingeringLimit { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(var head):
            idle?.cancel()
            isOld = head.version != .http1_1
            // Such a client need not name a host. No browser is one, so that no web page makes such requests.
            if head.version == .http1_0, !head.headers.contains(name: "host") {
                head.headers.add(name: "host", value: "localhost")
                data = Self.wrapInboundOut(.head(head))
            }
            if isOld || !head.isKeepAlive { lastRequest = lastRequest ?? begun }
            begun += 1
        case .body: break
        case .end: received += 1
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Nobody behind this handler asks for more.
        if isLingering { context.read() } else { context.fireChannelReadComplete() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isAnswering || !isLastAnswer else {
            promise?.fail(ChannelError.outputClosed)
            return
        }
        switch Self.unwrapOutboundIn(data) {
        case .head(let head) where head.status.code < 200:
            if isOld { promise?.succeed() } else { context.write(data, promise: promise) }
        case .head(var head):
            isAnswering = true
            untaken += 1
            isLastAnswer = received == answered || lastRequest == answered || isStopping && begun == answered + 1
            if isLastAnswer { head.headers.replaceOrAdd(name: "connection", value: "close") }
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .body: context.write(data, promise: promise)
        case .end:
            isAnswering = false
            answered += 1
            let done = promise ?? context.eventLoop.makePromise()
            let timeout = close(context, after: limits.requestSeconds)
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            done.futureResult.whenComplete { result in
                timeout.cancel()
                if case .success = result { bound.value.0.taken(bound.value.1) }
            }
            context.write(data, promise: done)
        }
    }

    /// Continues after an answer was handed over.
    private func taken(_ context: ChannelHandlerContext) {
        untaken -= 1
        if isLastAnswer {
            if untaken == 0 { linger(context) }
        } else {
            answerRefusal(context)
            if begun == answered { awaitRequest(context) }
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .output, untaken > 0 else { return context.close(mode: mode, promise: promise) }
        // With a client that sends no more, this would close at once, and throw away what it has not taken.
        isLastAnswer = true
        promise?.succeed()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            isStopping = true
            if begun == answered {
                isLastAnswer = true
                if untaken == 0, !isLingering { context.close(promise: nil) }
            }
        case ChannelEvent.inputClosed where received > answered && !isAnswering && !isLastAnswer && !isOld:
            // It may still wait for its answer, or have gone: only the system of one that has gone refuses this, which ends
            // the connection and so the work for it. All others must pass over it (RFC 9110, section 15.2).
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
        default: break
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        idle?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isLingering else { return }
        // Whoever reads the body learns of it, and answers.
        guard begun == received, let refusal = ServiceError(parsing: error) else {
            return context.fireErrorCaught(error)
        }
        refused(refusal)
        self.refusal = refusal
        answerRefusal(context)
    }

    /// Answers what is not HTTP, once the requests before it are answered; then the connection ends.
    private func answerRefusal(_ context: ChannelHandlerContext) {
        guard let refusal, received == answered else { return }
        self.refusal = nil
        let (head, body) = HTTPResponse.parts(of: refusal.response, isHead: false)
        write(context: context, data: Self.wrapOutboundOut(.head(HTTPResponseHead(head))), promise: nil)
        write(context: context, data: Self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        write(context: context, data: Self.wrapOutboundOut(.end(nil)), promise: nil)
        context.flush()
    }

    /// Ends the connection unless a request begins in time; bytes of one whose head is not whole do not count.
    private func awaitRequest(_ context: ChannelHandlerContext) {
        idle?.cancel()
        idle = close(context, after: limits.idleSeconds)
    }

    private func linger(_ context: ChannelHandlerContext) {
        guard !isLingering else { return }
        isLingering = true
        context.close(mode: .output, promise: nil)
        _ = close(context, after: limits.lingerSeconds)
        context.read()
    }

    private func close(_ context: ChannelHandlerContext, after seconds: Double) -> Scheduled<Void> {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: .milliseconds(Int64(seconds * 1000))) {
            bound.value.close(promise: nil)
        }
    }
}
