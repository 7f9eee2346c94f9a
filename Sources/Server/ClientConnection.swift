import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Serving

/// A connection: HTTP/1.1 with the limits of `HTTPLimits` and a `ConnectionGate`. What is done for a client ends when it goes.
struct ClientConnection: ServerChildChannel {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    private let limits: ServiceLimits
    private let responder: Responder

    init(_ responder: Responder, limits: ServiceLimits) { (self.responder, self.limits) = (responder, limits) }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            var decoder = NIOHTTPDecoderLimitConfiguration()
            decoder.maxHeaderFieldSize = HTTPLimits.headerBytes
            decoder.maxHeaderListSize = HTTPLimits.headerBytes
            decoder.maxHeaderFieldCount = HTTPLimits.headerCount
            let pipeline = channel.pipeline.syncOperations
            // Hummingbird reads one request after the other, and names of headers were checked when they were made.
            try pipeline.configureHTTPServerPipeline(
                withPipeliningAssistance: false, withErrorHandling: false, withOutboundHeaderValidation: false,
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: decoder)
            try pipeline.addHandler(ConnectionGate(limits: limits) { [responder] in responder.refused($0) })
            try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            return try NIOAsyncChannel(
                wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value connection: Value, logger: Logger) async {
        let http = HTTP1Channel { [responder] request, writer, _ in
            try await responder.respond(to: request, writer)
        }
        await withTaskCancellationHandler {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await http.handle(value: connection, logger: logger) }
                group.addTask { try? await connection.channel.closeFuture.get() }
                _ = await group.next()
                group.cancelAll()
            }
        } onCancel: {
            connection.channel.close(promise: nil)
        }
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
        fields[.date] = HTTPDate.text(time(nil))
        fields[.contentLength] = "\(response.body.count)"
        fields[.xContentTypeOptions] = "nosniff"
        fields[.cacheControl] = "no-store"
        let head = HTTPResponse(status: .init(code: response.status), headerFields: fields)
        return (head, isHead ? ByteBuffer() : ByteBuffer(bytes: response.body))
    }
}
