import Basics
import Execution
import Foundation
import HummingbirdCore
import Logging
import Models
import NIOCore
import NIOPosix
import Prediction
import Serving
import Synchronization

/// Where a server listens and whom it answers.
public struct ServerAddress: Sendable {
    /// A name or an address of this machine.
    public var host: String
    /// 0 for any that is free.
    public var port: Int
    /// Names that a Host header may have; nil for any.
    public var hosts: Set<String>?
    /// What callers must send; nil for nothing.
    public var token: String?

    /// Names a place.
    public init(
        host: String = "127.0.0.1", port: Int = 8080, hosts: Set<String>? = AccessRules.localHosts, token: String? = nil
    ) {
        self.host = host
        self.port = port
        self.hosts = hosts
        self.token = token
    }
}

extension ServerAddress {
    /// Why it cannot listen.
    fileprivate func failure(_ error: any Error) -> FoveaError {
        let port = "port \(port) of \(host)"
        let choice = "--port names another one, 0 picks a free one."
        guard let code = (error as? IOError)?.errnoCode else {
            return FoveaError(.environment, "cannot listen on \(port): \(error)", remedy: choice)
        }
        switch code {
        case EADDRINUSE:
            return FoveaError(.environment, "\(port) is in use by another program", remedy: choice)
        case EACCES:
            return FoveaError(
                .environment, "\(port) may only be used by root", remedy: "From 1024 on all may: " + choice)
        case EADDRNOTAVAIL:
            return FoveaError(
                .environment, "\(host) is not an address of this machine",
                remedy: "--host 0.0.0.0 listens on all that it has.")
        default:
            return FoveaError(
                .environment, "cannot listen on \(port): \(String(cString: strerror(code)))", remedy: choice)
        }
    }
}

/// Models behind HTTP, until it is told to stop.
public final class InferenceServer: Sendable {
    private let address: ServerAddress
    private let limits: ServiceLimits
    private let service: ImageService
    private let responder: Responder
    private let context: ExecutionContext

    /// Has each model answer an image, and compares the answer with that of the network in its file.
    ///
    /// - Parameters:
    ///   - models: with the names that requests use, which differ; nothing else may use them from now on.
    ///   - batchSize: how many images are computed at once, at most.
    ///   - willCompute: called before a batch is computed.
    /// - Throws: `FoveaError` of kind `engine` or `numerical` for a model whose answers mean nothing.
    public init(
        _ models: [(name: String, model: InferenceModel)], at address: ServerAddress, batchSize: Int = 16,
        limits: ServiceLimits = ServiceLimits(), willCompute: @escaping @Sendable () -> Void = {},
        _ context: ExecutionContext
    ) throws {
        let metrics = MetricsRecorder()
        service = try ImageService(
            models, batchSize: batchSize, threads: context.threads, willCompute: willCompute, metrics: metrics,
            logger: context.logger)
        responder = Responder(
            service, access: AccessRules(hosts: address.hosts, token: address.token), limits: limits, metrics: metrics,
            logger: context.logger)
        self.address = address
        self.limits = limits
        self.context = context
    }

    /// Listens and answers until `context.shouldStop` says true; then finishes what was asked before.
    ///
    /// - Parameter listening: called with the port once requests are answered.
    /// - Throws: `FoveaError` of kind `environment` where it cannot listen; what `listening` throws.
    public func run(listening: @escaping @Sendable (Int) throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        defer { service.close() }
        let failure = Mutex<(any Error)?>(nil)
        let server = Server(
            childChannelSetup: ClientConnection(responder, limits: limits), configuration: configuration,
            onServerRunning: { channel in
                do { try listening(channel.localAddress?.port ?? 0) } catch { failure.withLock { $0 = error } }
            }, eventLoopGroup: group, logger: .silent)
        do {
            try await serve(with: server) { [context] in context.shouldStop() || failure.withLock { $0 != nil } }
        } catch {
            failure.withLock { $0 = address.failure(error) }
        }
        try? await group.shutdownGracefully()
        if let error = failure.withLock(\.self) { throw error }
    }

    private func serve(with server: Server<ClientConnection>, until shouldStop: () -> Bool) async throws {
        let hasEnded = Mutex(false)
        let running = Task {
            defer { hasEnded.withLock { $0 = true } }
            try await server.run()
        }
        while !shouldStop(), !hasEnded.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(50)) }
        guard !hasEnded.withLock({ $0 }) else { return try await running.value }
        responder.admission.close()
        let stopping = Task { try await server.shutdownGracefully() }
        // What is not answered by then is told that it will not be, and then all connections are closed; until they are,
        // work for them needs the event loop.
        for (seconds, next) in [
            (limits.drainSeconds, responder.admission.finish), (limits.lingerSeconds, running.cancel),
        ] {
            let late = ServiceError(.unavailable, "the time to stop is over")
            try? await Deadline(seconds: seconds, late: late).leaving { try await running.value }
            next()
        }
        _ = await (running.result, stopping.result)
    }

    private var configuration: ServerConfiguration {
        ServerConfiguration(
            address: .hostname(address.host, port: address.port), backlog: ServiceLimits().connections,
            availableConnectionsDelegate: MaximumAvailableConnections(limits.connections, logger: .silent))
    }
}
