import Foundation
import Serving
import Testing

/// Models, options and metrics.
struct CatalogTests {
    private func other() -> ServedModel {
        ServedModel(
            name: "n", version: "2e", architecture: "vit_tiny_patch16_224", resolution: 2, takesPixels: false,
            labels: "single", classes: ["a", "b"], enoughImages: 20, trainingImages: [3, 0], precision: "float32",
            featureCount: 3, mapShape: nil,
            mapsAreExact: false,
            operatingPoint: "sensitivity=0.9", calibration: .init(images: 5, split: "validation", positives: [4, 0]),
            knowsFamiliarity: true)
    }

    @Test func aModelIsFoundByNameAndVersion() throws {
        let catalog = ModelCatalog([.small, other()])
        #expect(try catalog.model(.init("n", version: "2e")).name == "n")
        for (name, version) in [("n", "2"), ("x", nil), ("m", "")] as [(String, String?)] {
            let error = #expect(throws: ServiceError.self) { try catalog.model(.init(name, version: version)) }
            #expect(error?.status == 404)
        }
        #expect(throws: ServiceError.self) { try catalog.number(named: nil) }
        #expect(try ModelCatalog([.small]).number(named: nil) == 0)
        #expect(!other().outputs.contains { $0.name == "maps" })
    }

    /// One that sees several images of a photograph cannot be sent its pixels.
    @Test func onlyInputsThatAreTakenAreOffered() throws {
        #expect(ServedModel.small.inputs.map(\.name) == ["images", "pixels"])
        let model = other()
        #expect(model.inputs.map(\.name) == ["images"])
        #expect(!String(decoding: model.metadata.body, as: UTF8.self).contains("pixels"))
        let data = [Int](repeating: 0, count: 12)
        let pixels = #"{"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,2,2,3],"data":\#(data)}]}"#
        let error = #expect(throws: ServiceError.self) {
            try InferRequest(Data(pixels.utf8), headerLength: nil, model: model)
        }
        #expect(error?.status == 400 && error?.message.contains(#"must be "images""#) == true)
    }

    @Test func metadataSaysWhatTheOutputsMean() {
        let text = String(decoding: other().metadata.body, as: UTF8.self)
        #expect(text.contains(#""precision":"float32""#) && text.contains(#""classes":["a","b"]"#), "\(text)")
        #expect(text.contains(#""calibrated":true"#), "\(text)")
        let plain = String(decoding: ServedModel.small.metadata.body, as: UTF8.self)
        #expect(plain.contains(#""calibrated":false"#), "\(plain)")
    }

    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    ])
    func timesAreThoseOfHTTP(_ seconds: Int, _ text: String) { #expect(HTTPDate.text(seconds) == text) }

    private func options(_ query: String, _ catalog: ModelCatalog = ModelCatalog([.small])) throws -> PredictOptions {
        try PredictOptions(RequestHead(method: "POST", target: "/v1/predict?" + query, host: nil, headers: []), catalog)
    }

    @Test func optionsAreRead() throws {
        #expect(try options("").maps == .none)
        #expect(try options("maps=findings").maps == .findings)
        #expect(try options("map=b&map=a&map=b&model=m").maps == .classes([1, 0]))
        for wrong in ["maps=x", "map=c", "maps=all&maps=all", "maps=all&map=a", "x=1", "model=m&model=m"] {
            let error = #expect(throws: ServiceError.self) { try options(wrong) }
            #expect(error?.status == 400, "\(wrong)")
        }
        #expect(throws: ServiceError.self) { try options("maps=all", ModelCatalog([other()])) }
    }

    @Test(arguments: [
        ("run-1.b_c", true), ("", false), ("..", false), ("a/b", false), ("a b", false), ("é", false), ("a\"b", false),
    ])
    func namesCanStandInAddresses(_ name: String, _ expected: Bool) { #expect(ServedModel.isName(name) == expected) }

    @Test func metricsCount() {
        var metrics = ServiceMetrics()
        metrics.answered(.predict, status: 200, seconds: 0.03)
        metrics.answered(.predict, status: 200, seconds: 100)
        metrics.answered(nil, status: 404, seconds: 0)
        metrics.refused(.notFound)
        metrics.computed(3, model: "m", seconds: 0.5)
        let lines = metrics.text(
            ModelCatalog([.small]), isReady: true, inProgress: 2, waiting: 1, residentBytes: 7, start: 9
        ).split(separator: "\n")
        for line in [
            #"fovea_requests_total{route="predict",status="200"} 2"#,
            #"fovea_requests_total{route="other",status="404"} 1"#,
            #"fovea_request_seconds_bucket{route="predict",le="0.025"} 0"#,
            #"fovea_request_seconds_bucket{route="predict",le="0.05"} 1"#,
            #"fovea_request_seconds_bucket{route="predict",le="+Inf"} 2"#,
            #"fovea_request_seconds_count{route="predict"} 2"#,
            #"fovea_refusals_total{reason="not_found"} 1"#, #"fovea_batch_size_bucket{le="4.0"} 1"#,
            #"fovea_images_total{model="m"} 3"#, "fovea_compute_seconds_total 0.5", "fovea_requests_in_progress 2",
            "fovea_images_waiting 1", "process_resident_memory_bytes 7",
        ] { #expect(lines.contains { $0 == line }, "\(line)") }
    }
}
