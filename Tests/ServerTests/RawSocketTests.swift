import Foundation
import FundusImaging
import Serving
import TestSupport
import Testing

/// What browsers and libraries never send, over real sockets: slow, endless, cut, pipelined, and what is not HTTP.
@Suite(.enabled(if: ServerTesting.isAlone, ServerTesting.reason)) struct RawSocketTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func limits(_ change: (inout ServiceLimits) -> Void) -> ServiceLimits {
        var limits = ServiceLimits()
        change(&limits)
        return limits
    }

    /// A connection that does nothing ends soon; only for those that do nothing, as a busy machine is slow.
    private var impatient: ServiceLimits {
        limits {
            $0.bodySeconds = 0.1
            $0.idleSeconds = 1
        }
    }

    /// Whatever is accepted is answered before it stops, however slow the machine.
    private var patient: ServiceLimits {
        limits { $0.drainSeconds = 60 }
    }

    /// A file that takes long to decode.
    private func slowImage() async throws -> Data {
        try await waiting { try PixelImage(width: 9990, height: 10_000, red: 200, green: 90, blue: 40).png() }
    }

    private func withServer(
        _ limits: ServiceLimits = ServiceLimits(), token: String? = nil, _ body: (RunningServer) async throws -> Void
    ) async throws {
        let server = try await RunningServer(in: folder, limits: limits, token: token)
        try await body(server)
        // Whatever came, it still answers; a busy machine may be too slow for its limits at first.
        var status: Int?
        for _ in 0..<10 where status == nil { status = try? await server.send("GET", "/v2/health/ready").status }
        #expect(status == 200)
        try await server.stop()
    }

    /// A request that is accepted, and whose body of three bytes is awaited.
    private func begun(on server: RunningServer) async throws -> RawSocket {
        let socket = try server.connect()
        try await socket.send(
            "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        #expect(try await socket.response().status == 100)
        return socket
    }

    /// Returns when the server is stopping: it has ended a connection without a request.
    private func stopBesideAnIdleConnection(_ server: RunningServer) async throws {
        let idle = try server.connect()
        try await idle.request("GET", "/v2")
        #expect(try await idle.response().status == 200)
        server.beginStop()
        #expect(try await idle.isEnded())
    }

    @Test func aConnectionThatSendsNothingEnds() async throws {
        try await withServer(impatient) { (server: RunningServer) async throws -> Void in
            #expect(try await server.connect().isEnded())
        }
    }

    @Test func aHeadThatNeverEndsIsCut() async throws {
        try await withServer(impatient) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("GET /v2 HTTP/1.1\r\nHost: localhost\r\nA:")
            #expect(try await socket.isEnded())
        }
    }

    /// Byte by byte: of each the same end comes, however often a byte does.
    @Test(arguments: [
        ("GET /v2 HTTP/1.1\r\nHost: localhost\r\nX: ", "x", 0), ("", "\r\n", 0),
        ("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n", "x", 408),
        ("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5;", "x", 408),
        ("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "x", 408),
    ])
    func whatDripsIsCut(_ start: String, _ drop: String, _ status: Int) async throws {
        try await withServer(
            limits {
                $0.bodySeconds = 1
                if status == 0 { $0.idleSeconds = 1 }
            }
        ) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send(start)
            let begin = ContinuousClock.now
            while try await !socket.hasAnswer(within: 0.05), ContinuousClock.now - begin < .seconds(20) {
                try await socket.send(drop)
            }
            #expect(ContinuousClock.now - begin < .seconds(20))
            if status != 0 { #expect(try await socket.response().status == status) }
            #expect(try await socket.isEnded())
        }
    }

    @Test func emptyLinesAreNoRequest() async throws {
        try await withServer(impatient) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("\r\n\r\n\r\n")
            #expect(try await socket.isEnded())
        }
    }

    @Test func aSlowBodyIsRefused() async throws {
        try await withServer(limits { $0.bodySeconds = 0.5 }) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc")
            let response = try await socket.response()
            #expect(response.status == 408)
            #expect(response.error != nil)
            #expect(response.headers["connection"] == "close")
            #expect(try await socket.isEnded())
        }
    }

    @Test func aClientThatWaitsToSendIsToldToContinue() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try await begun(on: server)
            try await socket.send("abc")
            #expect(try await socket.response().status == 422)
        }
    }

    @Test(arguments: [
        "Content-Length: 999999999", "Content-Length: 3\r\nContent-Encoding: gzip",
        "Content-Length: 3\r\nHost: localhost", "Transfer-Encoding: gzip, chunked",
    ])
    func aBodyThatWouldBeRefusedIsNotWaitedFor(_ headers: String) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send(
                "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\(headers)\r\n\r\n")
            let response = try await socket.response()
            #expect([413, 415, 400].contains(response.status))
            #expect(response.error != nil)
            #expect(try await socket.isEnded())
        }
    }

    /// To a path that is not there, to one without a body, and one above the limit.
    @Test(arguments: [("POST /nowhere", 404), ("GET /v2", 200), ("POST /v1/predict", 413)])
    func aBodyWithoutEndIsNotReadForEver(_ start: String, _ status: Int) async throws {
        try await withServer(
            limits {
                $0.bodyBytes = 1 << 20; $0.bodySeconds = 30
            }
        ) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("\(start) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Data("10000\r\n".utf8) + Data(repeating: 65, count: 1 << 16) + Data("\r\n".utf8)
            let sending = Task.detached {
                var count = 0
                while count < 10_000, try await socket.send(chunk) { count += 1 }
                return count
            }
            #expect(try await socket.response().status == status)
            #expect(try await socket.isEnded())
            // 625 MB were not taken.
            #expect(try await sending.value < 10_000)
        }
    }

    @Test func requestsThatFollowEachOtherAreAnsweredInOrder() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            let get = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n" }
            let post = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
            try await socket.send(
                get("/v2") + post + get("/nowhere") + get("/v2/health/live") + "what is not HTTP\r\n\r\n")
            var responses: [RawSocket.Response] = []
            for _ in 0..<5 { responses.append(try await socket.response()) }
            #expect(responses.map(\.status) == [200, 422, 404, 200, 400])
            #expect(responses[4].error != nil)
            #expect(try await socket.isEnded())
        }
    }

    @Test func aClientThatHasFinishedSendingGetsItsAnswer() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.request("POST", "/v1/predict", [:], Data([1, 2, 3]))
            socket.finishSending()
            #expect(try await socket.finalResponse().status == 422)
            #expect(try await socket.isEnded())
        }
    }

    @Test(arguments: [
        "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nA: \u{0}\r\n\r\n",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: -3\r\n\r\n",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: +3\r\n\r\nabc",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x3\r\n\r\nabc",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3, 3\r\n\r\nabc",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length : 3\r\n\r\nabc",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        "GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: b\r\n c\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: b\rc\r\n\r\n",
        "GET /v2 HTTP/1.1\r\nHost: localhost\r\nA: b\nB: c\r\n\r\n",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: identity, chunked, x\r\n\r\n",
    ])
    func whatIsNotHTTPIsRefusedAndTheConnectionEnds(_ text: String) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send(text)
            let response = try await socket.response()
            #expect(response.status == 400)
            #expect(response.error != nil)
            #expect(try await socket.isEnded())
        }
    }

    /// One server behind another must not take them for different requests.
    @Test func twoHostsAreRefused() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("GET /v2 HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
            #expect(try await socket.response().status == 400)
        }
    }

    /// What a page of another site makes a browser send; the server's own page is let in.
    @Test(arguments: [
        ("http://evil.example", 403), ("null", 403), ("http://localhost.evil.example", 403),
        ("http://localhost:1", 422),
        ("https://LOCALHOST", 422),
    ])
    func aPageOfAnotherSiteIsRefused(_ origin: String, _ status: Int) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            #expect(try await server.send("POST", "/v1/predict", ["Origin": origin], Data([1])).status == status)
        }
    }

    @Test(arguments: ["close", "Close", "x, CLOSE"])
    func aConnectionEndsWhereTheClientWantsIt(_ option: String) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.request("GET", "/v2", ["Connection": option])
            #expect(try await socket.response().status == 200)
            #expect(try await socket.isEnded())
        }
    }

    /// It does not know of answers before the answer, nor that a connection goes on.
    @Test(arguments: ["", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n"])
    func olderClientsAreAnsweredAsTheyExpect(_ header: String) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send(
                "POST /v1/predict HTTP/1.0\r\nHost: localhost\r\n\(header)Content-Length: 3\r\n\r\nabc")
            let response = try await socket.response()
            #expect(response.status == 422)
            #expect(response.headers["connection"] == "close")
            #expect(try await socket.isEnded())
        }
    }

    /// HTTP/1.0 has no Host header; what a browser sends has one.
    @Test(arguments: [
        ("HTTP/1.0\r\n", 200), ("HTTP/1.1\r\n", 400), ("HTTP/1.0\r\nHost: evil.example\r\n", 421),
        ("HTTP/1.0\r\nHost:\r\n", 421),
    ])
    func onlyOlderClientsNeedNoHost(_ head: String, _ status: Int) async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.send("GET /v2 \(head)\r\n")
            #expect(try await socket.response().status == status)
        }
    }

    @Test func answersHaveTheirTime() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            for path in ["/v2", "/nowhere"] {
                let date = try #require(try await server.send("GET", path).headers["date"])
                #expect(date.hasSuffix(" GMT") && date.count == 29, "\(date)")
            }
        }
    }

    @Test func longHeadersAreRefused() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            for headers in [
                "A: " + String(repeating: "x", count: 20_000), (0..<200).map { "A\($0): x" }.joined(separator: "\r\n"),
            ] {
                let socket = try server.connect()
                try await socket.send("GET /v2 HTTP/1.1\r\nHost: localhost\r\n\(headers)\r\n\r\n")
                #expect(try await socket.response().status == 431)
                #expect(try await socket.isEnded())
            }
        }
    }

    @Test func aClientThatDoesNotTakeItsAnswersIsCut() async throws {
        try await withServer(
            limits {
                $0.requestSeconds = 1; $0.bodySeconds = 30
            }
        ) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect(receiveBuffer: 4096)
            // The systems between take some megabytes of answers and of requests; then the one that is closed refuses more.
            let gets = String(repeating: "GET /page.js HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 2000)
            var count = 0
            while count < 1000, try await socket.send(gets) { count += 1 }
            #expect(count < 1000)
            #expect(try await socket.isEnded())
        }
    }

    /// Answers that were taken, many of them before the next one, leave no time limit behind.
    @Test func aClientThatTakesItsAnswersIsNotCut() async throws {
        try await withServer(limits { $0.requestSeconds = 5 }) { (server: RunningServer) async throws -> Void in
            let socket = try server.connect(receiveBuffer: 1 << 14)
            let (small, large) = (300, 20)
            let get = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n" }
            try await socket.send(
                String(repeating: get("/page.js"), count: large) + String(repeating: get("/v2"), count: small))
            try await Task.sleep(for: .milliseconds(500))
            for _ in 0..<small + large { #expect(try await socket.response().status == 200) }
            try await Task.sleep(for: .seconds(5.5))
            try await socket.request("GET", "/v2")
            #expect(try await socket.response().status == 200)
        }
    }

    @Test func moreConnectionsThanAllowedWait() async throws {
        try await withServer(limits { $0.connections = 2 }) { (server: RunningServer) async throws -> Void in
            let held = try (0..<2).map { _ in try server.connect() }
            for socket in held {
                try await socket.request("GET", "/v2")
                #expect(try await socket.response().status == 200)
            }
            let next = try server.connect()
            try await next.request("GET", "/v2")
            #expect(try await !next.hasAnswer(within: 1))
            held[0].leave(resetting: false)
            #expect(try await next.response().status == 200)
            held[1].leave(resetting: false)
        }
    }

    /// Whether they are closed or reset: what was begun for them ends.
    @Test(arguments: [true, false])
    func nothingIsComputedForClientsThatHaveLeft(_ resetting: Bool) async throws {
        let server = try await RunningServer(in: folder, batchSize: 1)
        let (headers, body) = RunningServer.tensor(images: 256)
        for round in 1...3 {
            server.gate.close()
            let socket = try server.connect()
            try await socket.request("POST", "/v2/models/m/infer", headers, body)
            try await server.waitUntil("fovea_images_waiting") { $0 == 255 }
            socket.leave(resetting: resetting)
            try await server.waitUntil("fovea_requests_in_progress") { $0 == 0 }
            server.gate.open()
            try await server.waitUntil(#"fovea_images_total{model="m"}"#) { $0 >= round }
            try await server.waitUntil("fovea_images_waiting") { $0 == 0 }
            #expect(try await server.metric(#"fovea_images_total{model="m"}"#) == round)
        }
        try await server.stop()
    }

    /// What is being decoded when its answer is late goes on, and counts until it ends.
    @Test func lateWorkHoldsItsPlace() async throws {
        let server = try await RunningServer(
            in: folder,
            limits: limits {
                $0.requestSeconds = 0.1; $0.queue = 1
            }, takesAnyImage: true)
        let image = try await slowImage()
        var isRefused = false
        // Where the test or the server is held up, the decoding may have ended before one looks.
        for _ in 0..<20 where !isRefused {
            let late = try await server.send("POST", "/v1/predict", [:], image)
            guard late.status == 504 else { continue }
            #expect(late.error != nil)
            isRefused = try await server.send("POST", "/v1/predict", [:], Data([1])).status == 503
            try await server.waitUntil("fovea_requests_in_progress") { $0 == 0 }
        }
        #expect(isRefused)
        #expect(try await server.send("POST", "/v1/predict", [:], Data([1])).status != 503)
        try await server.stop()
    }

    @Test func moreRequestsThanAllowedAreRefused() async throws {
        try await withServer(
            limits { $0.queue = 1 }
        ) { (server: RunningServer) async throws -> Void in
            let slow = try await begun(on: server)
            server.gate.close()
            let first = try server.connect()
            let (headers, body) = RunningServer.tensor(images: 17)
            try await first.request("POST", "/v2/models/m/infer", headers, body)
            try await server.waitUntil("fovea_images_waiting") { $0 == 1 }
            for _ in 0..<2 {
                let response = try await server.send("POST", "/v1/predict", [:], Data([1]))
                #expect(response.status == 503)
                #expect(response.headers["retry-after"] == "1")
            }
            // One that was let in before is refused as well, once its body is here.
            try await slow.send("abc")
            #expect(try await slow.response().status == 503)
            server.gate.open()
            #expect(try await first.response().status == 200)
            #expect(try await server.send("POST", "/v1/predict", [:], Data([1])).status == 422)
        }
    }

    /// More of them than may be answered at once.
    @Test func bodiesThatNeverComeKeepNobodyWaiting() async throws {
        try await withServer(limits { $0.queue = 2 }) { (server: RunningServer) async throws -> Void in
            var slow: [RawSocket] = []
            for _ in 0..<5 { slow.append(try await begun(on: server)) }
            #expect(try await server.metric("fovea_requests_in_progress") == 5)
            for _ in 0..<5 { #expect(try await server.send("POST", "/v1/predict", [:], Data([1])).status == 422) }
            for socket in slow {
                try await socket.send("abc")
                #expect(try await socket.response().status == 422)
            }
        }
    }

    @Test func moreBytesOfAllBodiesThanAllowedAreRefused() async throws {
        try await withServer(limits { $0.totalBytes = 1000 }) { (server: RunningServer) async throws -> Void in
            #expect(try await server.send("POST", "/v1/predict", [:], Data(count: 1001)).status == 503)
            #expect(try await server.send("POST", "/v1/predict", [:], Data(count: 1000)).status == 422)
        }
    }

    @Test func headIsGetWithoutTheBody() async throws {
        try await withServer { (server: RunningServer) async throws -> Void in
            let socket = try server.connect()
            try await socket.request("HEAD", "/v2")
            let head = try await socket.response(isHead: true)
            try await socket.request("GET", "/v2")
            let whole = try await socket.response()
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "\(whole.body.count)")
        }
    }

    @Test func aTokenIsNeededForAllButThePageAndHealth() async throws {
        let token = "0123456789abcdef"
        try await withServer(token: token) { (server: RunningServer) async throws -> Void in
            for path in ["/", "/page.css", "/page.js", "/v2/health/live", "/v2/health/ready"] {
                #expect(try await server.send("GET", path).status == 200, "\(path)")
            }
            for path in ["/v2", "/v1/models", "/metrics", "/openapi.yaml", "/v2/models/m", "/nowhere"] {
                let response = try await server.send("GET", path)
                #expect(response.status == 401, "\(path)")
                #expect(response.headers["www-authenticate"] == "Bearer")
                #expect(
                    try await server.send("GET", path, ["Authorization": "Bearer \(token)"]).status != 401, "\(path)")
            }
            #expect(try await server.send("POST", "/v1/predict", [:], Data([1])).status == 401)
        }
    }

    @Test func whatWasAcceptedIsAnsweredWhenItStops() async throws {
        let server = try await RunningServer(in: folder, limits: patient)
        let slow = try await begun(on: server)
        try await stopBesideAnIdleConnection(server)
        try await slow.send("abc")
        #expect(try await slow.response().status == 422)
        #expect(try await slow.isEnded())
        try await server.stop()
        #expect(throws: RawSocket.Failure.self) { try server.connect() }
    }

    /// An answer of megabytes, to a client that takes it only later; it stops before it is written, or while it is taken.
    @Test(arguments: [true, false])
    func whatIsNotTakenYetWhenItStopsIsNotCut(_ isComputing: Bool) async throws {
        let server = try await RunningServer(in: folder, limits: patient, batchSize: 1)
        let socket = try server.connect(receiveBuffer: 1 << 14)
        let (headers, body) = RunningServer.tensor(images: 256)
        if isComputing { server.gate.close() }
        try await socket.request("POST", "/v2/models/m/infer", headers, body)
        if isComputing {
            try await server.waitUntil("fovea_images_waiting") { $0 == 255 }
            try await stopBesideAnIdleConnection(server)
            server.gate.open()
        } else {
            #expect(try await socket.hasAnswer(within: 60))
            server.beginStop()
        }
        #expect(try await socket.hasAnswer(within: 60))
        try await Task.sleep(for: .milliseconds(500))
        let response = try await socket.response()
        #expect(response.status == 200)
        #expect(response.body.count > 2_000_000)
        #expect(response.headers["connection"] == (isComputing ? "close" : nil))
        #expect(try await socket.isEnded())
        try await server.stop()
    }

    /// One that came before it stopped, and behind it one whose body is not read.
    @Test func aRefusalIsNotCutWhenItStops() async throws {
        let server = try await RunningServer(in: folder, limits: patient)
        let socket = try await begun(on: server)
        try await stopBesideAnIdleConnection(server)
        let next = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
        try await socket.send("abc" + next + String(repeating: "x", count: 900_000))
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await socket.response().status == 422)
        let refusal = try await socket.response()
        #expect(refusal.status == 503)
        #expect(refusal.headers["connection"] == "close")
        #expect(try await socket.isEnded())
        try await server.stop()
    }

    @Test func itStopsThoughARequestIsNotFinished() async throws {
        let server = try await RunningServer(
            in: folder,
            limits: limits {
                $0.drainSeconds = 0.5; $0.lingerSeconds = 60; $0.bodySeconds = 300
            })
        let slow = try await begun(on: server)
        server.beginStop()
        let response = try await slow.response()
        #expect(response.status == 503 && response.headers["connection"] == "close")
        #expect(try await slow.isEnded())
        slow.leave(resetting: false)
        try await server.stop()
    }

    /// Four images, each of which takes longer to decode than there is time.
    @Test func whoseImagesAreDecodedTooLongIsToldThatItStops() async throws {
        let server = try await RunningServer(
            in: folder,
            limits: limits {
                $0.drainSeconds = 0; $0.lingerSeconds = 60
            }, takesAnyImage: true)
        let image = try await slowImage()
        let head = "--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f.png\"\r\n\r\n"
        let part = Data(head.utf8) + image + Data("\r\n".utf8)
        let socket = try server.connect()
        // On a busy machine they may be decoded before it stops.
        server.gate.close()
        try await socket.request(
            "POST", "/v1/predict", ["Content-Type": "multipart/form-data; boundary=xx"],
            part + part + part + part + Data("--xx--\r\n".utf8))
        try await server.waitUntil("fovea_requests_in_progress") { $0 > 0 }
        server.beginStop()
        let response = try await socket.response()
        #expect(response.status == 503 && response.error != nil, "\(response.text)")
        server.gate.open()
        #expect(try await socket.isEnded())
        socket.leave(resetting: false)
        try await server.stop()
    }
}
