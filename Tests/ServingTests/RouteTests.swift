import Serving
import Testing

struct RouteTests {
    private func route(_ target: String, _ method: String = "GET") throws(ServiceError) -> Route {
        try Route(RequestHead(method: method, target: target, host: nil, headers: []))
    }

    @Test func everyPathHasItsRoute() throws {
        #expect(try route("/") == .page(.document))
        #expect(try route("/page.js?x=1") == .page(.script))
        #expect(try route("/v2/") == .server)
        #expect(try route("/v2/models/a%20b") == .model(.init("a b")))
        #expect(try route("/v2/models/run/ready") == .modelReady(.init("run")))
        #expect(try route("/v2/models/run/versions/1f/infer", "POST") == .infer(.init("run", version: "1f")))
        #expect(try route("/metrics", "HEAD") == .metrics)
        #expect(try route("/v1/predict?maps=all", "POST") == .predict)
    }

    @Test(arguments: [
        "", "/v2/models", "/v2/models/", "/v2/models/a/b", "/v2/models/a/versions", "/v2/models/a/infer/x",
        "/page.css/",
        "/../etc/passwd", "/v2/models/../../page.js", "//", "*", "http://host/v2",
    ])
    func otherPathsAreNotFound(_ path: String) {
        let error = #expect(throws: ServiceError.self) { try route(path) }
        #expect(error?.status == 404)
    }

    /// What is encoded in a name stays in it: it names no other path, and the catalog has no such model.
    @Test(arguments: ["../page.js", "..", "a/../../etc/passwd", "m\0", "\0", "é"])
    func anEncodedNameIsOnlyAName(_ name: String) throws {
        let encoded = name.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let found = try route("/v2/models/\(encoded)/infer", "POST")
        #expect(found == .infer(.init(name)))
        let error = #expect(throws: ServiceError.self) { try ModelCatalog([.small]).model(.init(name)) }
        #expect(error?.status == 404)
        let target = "/v1/predict?model=\(encoded)"
        #expect(throws: ServiceError.self) {
            try PredictOptions(
                RequestHead(method: "POST", target: target, host: nil, headers: []), ModelCatalog([.small]))
        }
        for path in ["/\(encoded)", "/v1%2fpredict", "/v2%2f"] {
            let error = #expect(throws: ServiceError.self) { try route(path) }
            #expect(error?.status == 404)
        }
    }

    @Test(arguments: ["/v2/models/%", "/v2/models/%4", "/v2/models/%zz", "/v2/models/%ff", "/v2/models/%C3%28"])
    func anAddressThatCannotBeDecodedIsRefused(_ path: String) {
        let error = #expect(throws: ServiceError.self) { try route(path) }
        #expect(error?.status == 400)
    }

    @Test(arguments: [("/v1/predict", "GET", "POST"), ("/v2", "POST", "GET, HEAD"), ("/", "DELETE", "GET, HEAD")])
    func anotherMethodIsRefused(_ path: String, _ method: String, _ allowed: String) {
        let error = #expect(throws: ServiceError.self) { try route(path, method) }
        #expect(error?.status == 405)
        #expect(error?.headers.first { $0.name == "allow" }?.value == allowed)
    }

    @Test func optionsAreDecoded() throws {
        let head = RequestHead(method: "POST", target: "/v1/predict?map=a+b%2B&map=&x", host: nil, headers: [])
        #expect(try head.options().map { "\($0.name)=\($0.value)" } == ["map=a b+", "map=", "x="])
    }

    @Test(arguments: [
        ("content-encoding", "identity", 0), ("content-encoding", "gzip", 415), ("transfer-encoding", "Chunked", 0),
        ("transfer-encoding", "gzip, chunked", 415), ("transfer-encoding", "gzip", 415), ("accept", "gzip", 0),
    ])
    func aCompressedBodyIsRefused(_ name: String, _ value: String, _ status: Int) {
        let head = RequestHead(method: "POST", target: "/", host: nil, headers: [(name, value)])
        do {
            try head.requirePlainBody()
            #expect(status == 0)
        } catch { #expect(error.status == status) }
    }

    @Test func aHeaderThatOccursTwiceIsRefused() throws {
        let head = RequestHead(
            method: "POST", target: "/", host: nil, headers: [("a", "1"), ("b", "2"), ("a", "1")])
        #expect(try head.header("b") == "2")
        #expect(throws: ServiceError.self) { try head.header("a") }
    }

    @Test(
        arguments: [
            ("10", 10, 0), ("11", nil, 413), ("99999999999999999999999", nil, 413), ("-1", nil, 400), ("1e3", nil, 400),
            ("", nil, 400), ("٣", nil, 400),
        ] as [(String, Int?, Int)])
    func theLengthOfABodyIsChecked(_ text: String, _ length: Int?, _ status: Int) throws {
        let head = RequestHead(method: "POST", target: "/", host: nil, headers: [("content-length", text)])
        do {
            #expect(try head.bodyLength(limit: 10) == length)
            #expect(status == 0)
        } catch { #expect(error.status == status) }
    }
}
