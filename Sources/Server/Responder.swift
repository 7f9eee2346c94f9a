import Basics
import Foundation
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes
import Serving

/// Answers one HTTP request after the other: who may ask, what for, the body, the answer.
final class Responder: Sendable {
    let admission: Admission
    private let service: ImageService
    private let access: AccessRules
    private let limits: ServiceLimits
    private let logger: Logger
    private let metrics: MetricsRecorder
    private let start = ProcessStart.own

    init(_ service: ImageService, access: AccessRules, limits: ServiceLimits, metrics: MetricsRecorder, logger: Logger)
    {
        self.service = service
        self.access = access
        self.limits = limits
        self.metrics = metrics
        self.logger = logger
        admission = Admission(limits)
    }

    /// Counts what was not HTTP.
    func refused(_ error: ServiceError) {
        metrics.record {
            $0.refused(error.reason)
            $0.answered(nil, status: error.status, seconds: 0)
        }
    }

    /// Answers a request.
    func respond(to request: Request, _ writer: consuming ResponseWriter) async throws {
        let begin = ContinuousClock.now
        let head = RequestHead(request.head)
        var route: Route?
        var response: ServiceResponse
        do {
            let found = try self.route(head)
            route = found
            if found.takesBody {
                try checkBody(head)
                let place = try admission.enter()
                if try head.header("expect")?.lowercased() == "100-continue" {
                    try await writer.writeInformationalHead(HTTPResponse(status: .continue))
                }
                let body = try await self.body(of: request, place)
                try place.beginAnswer()
                response = try await answer(found, head, body, place)
            } else {
                response = try plainAnswer(found)
            }
        } catch let error
            where error is IOError || error is ChannelError || error is NIOAsyncWriterError || Task.isCancelled
        {
            // The client has gone: nobody is left to answer, and nothing is wrong here.
            logger.debug("\(route?.label ?? "other"): the client left")
            throw error
        } catch {
            let refusal = ServiceError(parsing: error) ?? ServiceError(about: error, logger)
            metrics.record { $0.refused(refusal.reason) }
            logger.debug("\(route?.label ?? "other"): \(refusal.status), \(refusal.reason.rawValue)")
            response = refusal.response
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        metrics.record { $0.answered(route, status: response.status, seconds: seconds) }
        let (answer, body) = HTTPResponse.parts(of: response, isHead: head.method == "HEAD")
        try await writer.write(response: answer, body: ResponseBody(byteBuffer: body))
    }

    /// The route of a request that may be made.
    private func route(_ head: RequestHead) throws(ServiceError) -> Route {
        let found: Result<Route, ServiceError>
        do throws(ServiceError) { found = .success(try Route(head)) } catch { found = .failure(error) }
        // Strangers do not learn what there is.
        try access.check(head, isPublic: (try? found.get())?.isPublic ?? false)
        return try found.get()
    }

    /// What can be said of a body before it comes.
    private func checkBody(_ head: RequestHead) throws(ServiceError) {
        _ = try head.bodyLength(limit: limits.bodyBytes)
        try head.requirePlainBody()
    }

    private func body(of request: Request, _ place: Admission.Place) async throws -> Data {
        let late = ServiceError(.bodyTimeout, "the body did not arrive within \(Int(limits.bodySeconds)) seconds")
        let limit = limits.bodyBytes
        let deadline = Deadline(seconds: limits.bodySeconds, late: late) { [admission] in admission.end }
        return try await deadline.cancelling { [body = request.body] in
            var data = Data()
            for try await part in body {
                guard data.count + part.readableBytes <= limit else { throw RequestHead.tooLarge(limit) }
                try place.hold(part.readableBytes)
                data.append(contentsOf: part.readableBytesView)
            }
            try Task.checkCancellation()
            return data
        }
    }

    private func answer(
        _ route: Route, _ head: RequestHead, _ body: Data, _ place: Admission.Place
    ) async throws -> ServiceResponse {
        let late = ServiceError(.requestTimeout, "the answer took longer than \(Int(limits.requestSeconds)) seconds")
        let deadline = Deadline(seconds: limits.requestSeconds, late: late) { [admission] in admission.end }
        return try await deadline.leaving { [service, limits] in
            // What is begun when the time is over goes on, and counts until it ends.
            defer { place.leave() }
            switch route {
            case .infer(let reference): return try await service.infer(reference, head, body, limits)
            default: return try await service.predict(head, body, limits)
            }
        }
    }

    /// The answer to a request without a body.
    private func plainAnswer(_ route: Route) throws -> ServiceResponse {
        let isReady = admission.isOpen
        switch route {
        case .page(let file): return Page.response(file)
        case .openAPI: return Page.openAPI
        case .metrics:
            let text = metrics.current.text(
                service.catalog, isReady: isReady, inProgress: admission.inProgress, waiting: service.waiting,
                residentBytes: ProcessMemory.resident, start: start)
            return ServiceResponse(type: "text/plain; version=0.0.4; charset=utf-8", body: Data(text.utf8))
        case .models: return service.catalog.response
        case .server: return ServerStatus.metadata
        case .live: return ServerStatus.live
        case .ready: return ServerStatus.ready(isReady)
        case .model(let reference): return try service.catalog.model(reference).metadata
        case .modelReady(let reference): return try service.catalog.model(reference).readiness(isReady)
        case .predict, .infer: throw ServiceError(.fault, "this route needs a body")
        }
    }
}

extension RequestHead {
    /// A request as the transport has it.
    fileprivate init(_ head: HTTPRequest) {
        self.init(
            method: head.method.rawValue, target: head.path ?? "/", host: head.authority,
            headers: head.headerFields.map { ($0.name.canonicalName, $0.value) })
    }
}

/// Memory of this process.
private enum ProcessMemory {
    /// Resident bytes; 0 where the system does not say.
    static var resident: Int {
        let pages = SystemFile.text("/proc/self/statm").split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
