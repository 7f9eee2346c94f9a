import Foundation
import HTTPTypes
import NIOCore
import NIOHTTPTypes
import Serving

/// Ends connections that would otherwise stay: one whose request is answered before all of it came (its rest is not read
/// for ever), and one whose client does not take the answer. What is not HTTP gets an answer that says so.
final class ConnectionGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// How long and how much is read after the last answer, so that the client sees it: closing at once would make its
    /// system throw the answer away.
    private static let lingering = (time: TimeAmount.seconds(2), bytes: 16 << 20)

    private let takeTimeout: TimeAmount
    private let refused: @Sendable (ServiceError) -> Void
    private var isReceiving = false
    /// Requests that came whole.
    private var received = 0
    private var answered = 0
    /// Whether the connection ends after the answer that is being written.
    private var endsAfterAnswer = false
    /// The number of the request after whose answer the client wants the connection to end.
    private var lastRequest: Int?
    /// What came after the requests and is not HTTP.
    private var refusal: ServiceError?
    private var isLingering = false
    private var lingeringBytes = 0
    private var timeout: Scheduled<Void>?

    /// - Parameters:
    ///   - takeTimeout: how long a client may need to take an answer.
    ///   - refused: told of what is not HTTP.
    init(takeTimeout: TimeAmount, refused: @escaping @Sendable (ServiceError) -> Void) {
        self.takeTimeout = takeTimeout
        self.refused = refused
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isLingering {
            if case .body(let bytes) = part { lingeringBytes += bytes.readableBytes }
            if lingeringBytes > Self.lingering.bytes { context.close(promise: nil) }
            return
        }
        switch part {
        case .head(let head):
            isReceiving = true
            let options = (head.headerFields[.connection] ?? "").split(separator: ",")
            if options.contains(where: { $0.trimmingCharacters(in: .whitespaces).lowercased() == "close" }) {
                lastRequest = received
            }
        case .body: break
        case .end:
            isReceiving = false
            received += 1
        }
        context.fireChannelRead(data)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // Nobody behind this handler asks for more.
        if isLingering { context.read() } else { context.fireChannelReadComplete() }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            if received == answered || lastRequest == answered {
                endsAfterAnswer = true
                head.headerFields[.connection] = "close"
            }
            let channel = context.channel
            timeout = context.eventLoop.scheduleTask(in: takeTimeout) { channel.close(promise: nil) }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            answered += 1
            let done = promise ?? context.eventLoop.makePromise()
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            done.futureResult.whenComplete { _ in
                let (gate, context) = bound.value
                gate.timeout?.cancel()
                gate.timeout = nil
                if gate.endsAfterAnswer { gate.linger(context) } else { gate.answerRefusal(context) }
            }
            context.write(data, promise: done)
        default:
            context.write(data, promise: promise)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isLingering else { return }
        // Whoever reads the body learns of it, and answers.
        guard !isReceiving, let refusal = ServiceError(parsing: error) else { return context.fireErrorCaught(error) }
        refused(refusal)
        self.refusal = refusal
        answerRefusal(context)
    }

    /// Answers what is not HTTP, once the requests before it are answered; then the connection ends.
    private func answerRefusal(_ context: ChannelHandlerContext) {
        guard let refusal, received == answered else { return }
        self.refusal = nil
        let (head, body) = HTTPResponse.parts(of: refusal.response, isHead: false)
        write(context: context, data: wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        write(context: context, data: wrapOutboundOut(.end(nil)), promise: nil)
        context.flush()
    }

    private func linger(_ context: ChannelHandlerContext) {
        guard !isLingering else { return }
        isLingering = true
        context.close(mode: .output, promise: nil)
        let channel = context.channel
        context.eventLoop.scheduleTask(in: Self.lingering.time) { channel.close(promise: nil) }
        context.read()
    }
}

extension HTTPResponse {
    /// A response as the transport writes it.
    ///
    /// - Parameter isHead: whether the body is left out, as for HEAD.
    static func parts(of response: ServiceResponse, isHead: Bool) -> (head: HTTPResponse, body: ByteBuffer) {
        var fields = HTTPFields()
        for header in response.headers {
            if let name = HTTPField.Name(header.name) { fields[name] = header.value }
        }
        fields[.contentLength] = "\(response.body.count)"
        fields[.xContentTypeOptions] = "nosniff"
        fields[.cacheControl] = "no-store"
        let head = HTTPResponse(status: .init(code: response.status), headerFields: fields)
        return (head, isHead ? ByteBuffer() : ByteBuffer(bytes: response.body))
    }
}
