import Basics
import Foundation
import Testing

@Suite struct JSONFormatTests {
    private struct Value: Codable, Equatable {
        struct Part: Codable, Equatable { var batchSize: Int }

        var trainingImages: Int
        var rocAUC: Double?
        var byName: [String: Part]

        enum CodingKeys: String, CodingKey {
            case trainingImages, byName
            case rocAUC = "rocAuc"
        }
    }

    private static let value = Value(
        trainingImages: 3, rocAUC: 0.5,
        byName: ["Disc pallor": .init(batchSize: 1), "a/under_score": .init(batchSize: 2)])

    @Test func keysAreInSnakeCaseAndThoseOfDictionariesStay() throws {
        let text = String(decoding: try JSONFormat.encoded(Self.value, pretty: false), as: UTF8.self)
        #expect(
            text == #"{"by_name":{"Disc pallor":{"batch_size":1},"a/under_score":{"batch_size":2}},"#
                + #""roc_auc":0.5,"training_images":3}"#)
        let pretty = try JSONFormat.encoded(Self.value)
        #expect(pretty.last == UInt8(ascii: "\n"))
        #expect(try JSONFormat.decoded(Value.self, from: pretty) == Self.value)
    }

    @Test func keysOfEarlierVersionsAreRead() throws {
        let text = #"{"trainingImages": 3, "rocAuc": 0.5, "byName": {"Disc pallor": {"batchSize": 1}}}"#
        let value = try JSONFormat.decoded(Value.self, from: Data(text.utf8))
        #expect(
            value.trainingImages == 3 && value.rocAUC == 0.5 && value.byName == ["Disc pallor": .init(batchSize: 1)])
    }

    @Test(arguments: [
        (#"{"roc_auc": 1}"#, "the key training_images is missing"),
        (
            #"{"training_images": 1, "roc_auc": "x", "by_name": {}}"#,
            #"roc_auc: found the text "x"; a number is expected"#
        ),
        (#"{"training_images": 1.5, "by_name": {}}"#, "training_images: found the number 1.5"),
        (#"{"trainingImages": "x", "by_name": {}}"#, #"trainingImages: found the text "x""#),
        (
            #"{"training_images": 1, "by_name": {"Disc pallor": {"batch_size": null}}}"#,
            "by_name.Disc pallor.batch_size: found null"
        ),
    ]) func faultsAreNamedByTheKeyOfTheFile(_ text: String, _ words: String) throws {
        let data = Data(text.utf8)
        do {
            _ = try JSONFormat.decoded(Value.self, from: data)
            Issue.record("\(text) was read")
        } catch {
            let found = JSONFault.words(error, in: data, decoding: Value.self)
            #expect(found.contains(words), "\(found)")
        }
    }
}
