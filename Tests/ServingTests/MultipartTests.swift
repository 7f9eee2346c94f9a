import Foundation
import Serving
import Testing

/// Bodies of `/v1/predict`.
struct MultipartTests {
    private func files(_ body: String, type: String = "multipart/form-data; boundary=xx") throws -> [String] {
        try PredictBody(Data(body.utf8), contentType: type).files.map { String(decoding: $0, as: UTF8.self) }
    }

    private func part(_ content: String, _ disposition: String = "form-data; name=\"a\"; filename=\"../../x\"")
        -> String
    {
        "--xx\r\nContent-Disposition: \(disposition)\r\nContent-Type: image/png\r\n\r\n\(content)\r\n"
    }

    @Test func filesAreReadInTheirOrder() throws {
        #expect(
            try files(part("one") + part("") + part("t\r\nwo--xx\r\n--x") + "--xx--\r\n") == [
                "one", "", "t\r\nwo--xx\r\n--x",
            ])
        #expect(
            try files("preamble\r\n" + part("one") + "--xx--", type: "Multipart/Form-Data; x=y; Boundary=\"xx\"") == [
                "one"
            ])
    }

    /// A line that only begins with the boundary is content; one with white space behind it is the boundary.
    @Test func theBoundaryIsAWholeLine() throws {
        #expect(
            try files(part("one\r\n--xxY\r\n--xx-\r\n--xx--Y\r\n") + "--xx--") == [
                "one\r\n--xxY\r\n--xx-\r\n--xx--Y\r\n"
            ])
        let padded = part("one").replacing("--xx\r\n", with: "--xx \t\r\n") + part("two") + "--xx-- \r\nepilogue"
        #expect(try files(padded) == ["one", "two"])
    }

    /// Quadratic time would be hours.
    @Test(arguments: ["\r\n--x", "\r\n--xxY", "\r\n--xx y", "\r\n--xx-", "\r\n\r\n-"])
    func nearBoundariesTakeLinearTime(_ near: String) throws {
        let content = String(repeating: near, count: 200_000)
        let start = ContinuousClock.now
        #expect(try files(part(content) + "--xx--") == [content])
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test(arguments: [
        "", "--xx--", "--xx\r\n", "--xx\r\nContent-Disposition: form-data; filename=a\r\n\r\nabc", "--yy\r\n\r\n--yy--",
        "--xx\r\nno headers", "--xx\r\n\r\nno disposition\r\n--xx--",
        "--xx\r\nContent-Disposition: form-data; name=maps\r\n\r\nall\r\n--xx--",
        "--xx\r\nA: \(String(repeating: "x", count: 9000))\r\n\r\n\r\n--xx--",
    ])
    func whatIsNotMultipartIsRefused(_ body: String) {
        let error = #expect(throws: ServiceError.self) { try files(body) }
        #expect(error?.status == 400)
    }

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
        "multipart/form-data; boundary=\(String(repeating: "x", count: 71))",
    ])
    func aBoundaryIsNeeded(_ type: String) {
        let error = #expect(throws: ServiceError.self) { try files(part("one") + "--xx--", type: type) }
        #expect(error?.status == 400)
    }

    @Test func moreThanSixteenFilesAreRefused() throws {
        let parts = (0..<16).map { part("\($0)") }.joined()
        #expect(try files(parts + "--xx--").count == 16)
        let error = #expect(throws: ServiceError.self) { try files(parts + part("16") + "--xx--") }
        #expect(error?.status == 413)
    }

    @Test(arguments: [
        "image/jpeg", "IMAGE/png; x=y", "application/octet-stream", "application/x-www-form-urlencoded", nil,
    ])
    func anImageMayBeTheWholeBody(_ type: String?) throws {
        let body = try PredictBody(Data([1, 2]), contentType: type)
        #expect(body.isSingle)
        #expect(body.files == [Data([1, 2])])
        #expect(throws: ServiceError.self) { try PredictBody(Data(), contentType: type) }
    }

    @Test(arguments: ["application/json", "text/plain", "multipart/mixed; boundary=xx"])
    func otherKindsOfContentAreRefused(_ type: String) {
        let error = #expect(throws: ServiceError.self) { try PredictBody(Data([1]), contentType: type) }
        #expect(error?.status == 415)
    }
}
