import Foundation
import Serving
import Testing

extension ServedModel {
    /// Two classes, images of 2 x 2 pixels.
    static let small = ServedModel(
        name: "m", version: "1f", architecture: "resnet18", resolution: 2, labels: "multi", classes: ["a", "b"],
        enoughImages: 20, trainingImages: nil, precision: "float32", featureCount: 3, mapShape: [1, 2],
        mapsAreExact: true, operatingPoint: nil, calibration: nil, knowsFamiliarity: false)
}

/// The Open Inference Protocol.
struct InferRequestTests {
    private func read(_ json: String, _ bytes: [UInt8]? = nil) throws -> InferRequest {
        try InferRequest(
            Data(json.utf8) + Data(bytes ?? []), headerLength: bytes == nil ? nil : "\(json.utf8.count)", model: .small)
    }

    private func status(_ json: String, _ bytes: [UInt8]? = nil) -> Int {
        do {
            _ = try read(json, bytes)
            return 200
        } catch let error as ServiceError { return error.status } catch { return 0 }
    }

    private let flat = "0,1,2,3,4,5,6,7,8,9,10,255"

    @Test func pixelsAreReadFlatAndNested() throws {
        let expected = InferRequest.Images.pixels([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255], count: 1)
        for data in ["[\(flat)]", "[[[[0,1,2],[3,4,5]],[[6,7,8],[9,10,255]]]]"] {
            let request = try read(
                #"{"inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,2,2,3],"data":\#(data)}]}"#)
            #expect(request.images == expected)
            #expect(request.outputs.map(\.name) == ["logits", "probabilities", "features", "maps"])
            #expect(request.id == nil)
        }
    }

    @Test func pixelsAreReadAsBytes() throws {
        let json = #"""
            {"id":"7","inputs":[{"name":"pixels","datatype":"UINT8","shape":[1,2,2,3],"parameters":{"binary_data_size":12}}],
             "parameters":{"binary_data_output":true},"outputs":[{"name":"features"},
             {"name":"logits","parameters":{"binary_data":false}}]}
            """#
        let request = try read(json, Array(1...12))
        #expect(request.images == .pixels(Array(1...12), count: 1))
        #expect(request.outputs == [.init(name: "features", isBinary: true), .init(name: "logits", isBinary: false)])
        #expect(request.id == "7")
    }

    @Test(arguments: ["[2]", "[2,1]"])
    func filesAreReadAsBytesAndAsBase64(_ shape: String) throws {
        let start = #"{"inputs":[{"name":"images","datatype":"BYTES","shape":\#(shape),"#
        let binary = try read(start + #""parameters":{"binary_data_size":11}}]}"#, [3, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0])
        #expect(binary.images == .encoded([Data([1, 2, 3]), Data()]))
        let text = try read(start + #""data":["AQID",""]}]}"#)
        #expect(text.images == binary.images)
    }

    /// Each differs from a right request in one thing.
    @Test func whatTheProtocolDoesNotAllowIsRefused() {
        let pixels = #"{"name":"pixels","datatype":"UINT8","shape":[1,2,2,3],"data":[\#(flat)]}"#
        #expect(status(#"{"inputs":[\#(pixels)]}"#) == 200)
        for wrong in [
            "[]", "{}", #"{"inputs":[]}"#, #"{"inputs":[\#(pixels),\#(pixels)]}"#, #"{"inputs":[1]}"#,
            #"{"inputs":[\#(pixels)],"id":3}"#, #"{"inputs":[\#(pixels)],"outputs":[{"name":"x"}]}"#,
            #"{"inputs":[\#(pixels)],"outputs":[{"name":"logits"},{"name":"logits"}]}"#,
            #"{"inputs":[\#(pixels)],"outputs":3}"#,
            #"{"inputs":[\#(pixels)],"outputs":[{"name":"logits","parameters":{"classification":2}}]}"#,
            #"{"inputs":[\#(pixels)],"parameters":{"binary_data_output":1}}"#,
        ] { #expect(status(wrong) == 400, "\(wrong)") }
        for (right, wrong) in [
            ("pixels", "images"), ("UINT8", "FP32"), ("[1,2,2,3]", "[1,2,3]"), ("[1,2,2,3]", "[2,2,2,3]"),
            ("[1,2,2,3]", "[0,2,2,3]"), ("[1,2,2,3]", "[-1,2,2,3]"), ("[1,2,2,3]", "[1.5,2,2,3]"),
            ("[1,2,2,3]", "[1,2,2,1e30]"),
            ("[1,2,2,3]", "1"), ("255", "256"), ("255", "-1"), ("255", "1.5"), ("255", "\"x\""), (",255", ""),
            ("\"data\"", "\"x\""),
        ] { #expect(status(#"{"inputs":[\#(pixels)]}"#.replacing(right, with: wrong)) == 400, "\(wrong)") }
    }

    @Test func moreImagesThanAllowedAreRefused() {
        #expect(status(#"{"inputs":[{"name":"images","datatype":"BYTES","shape":[257],"data":[]}]}"#) == 413)
    }

    @Test func bytesMustBeWhatTheJSONSays() throws {
        let start = #"{"inputs":[{"name":"images","datatype":"BYTES","shape":[2],"#
        for (size, bytes) in [
            (4, [0, 0, 0, 0]), (5, [0, 0, 0, 0, 0]), (8, [0, 0, 0, 0, 1, 0, 0, 0]),
            (8, [0, 0, 0, 0, 255, 255, 255, 255]),
            (12, [UInt8](repeating: 0, count: 12)), (7, [UInt8](repeating: 0, count: 8)),
        ] as [(Int, [UInt8])] {
            #expect(status(start + #""parameters":{"binary_data_size":\#(size)}}]}"#, bytes) == 400)
        }
        #expect(status(start + #""data":["",""]}]}"#, [0]) == 400)
        #expect(
            status(start + #""data":["",""],"parameters":{"binary_data_size":8}}]}"#, [UInt8](repeating: 0, count: 8))
                == 400)
        for length in ["x", "-1", "99999999", ""] {
            #expect(throws: ServiceError.self) {
                try InferRequest(Data("{}".utf8), headerLength: length, model: .small)
            }
        }
    }

    @Test func answersAreJSONOrBytes() throws {
        let request = try read(
            #"""
            {"id":"q","inputs":[{"name":"images","datatype":"BYTES","shape":[1],"data":[""]}],
             "outputs":[{"name":"maps","parameters":{"binary_data":true}},{"name":"logits"}]}
            """#)
        let answer = InferAnswer(["maps": [1, 2, 3, 4], "logits": [0.1, -7]], count: 1)
        let response = answer.response(to: request, model: .small)
        let json = """
            {"id":"q","model_name":"m","model_version":"1f","outputs":[{"datatype":"FP32","name":"maps",\
            "parameters":{"binary_data_size":16},"shape":[1,2,1,2]},{"data":[0.1,-7],"datatype":"FP32","name":"logits",\
            "shape":[1,2]}]}
            """
        #expect(String(decoding: response.body.dropLast(16), as: UTF8.self) == json)
        #expect(Array(response.body.suffix(16)) == [0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 64, 64, 0, 0, 128, 64])
        #expect(response.headers.first { $0.name == "inference-header-content-length" }?.value == "\(json.utf8.count)")
    }
}
