import Basics
import Foundation
import Models
import TestSupport
import Testing

/// Against scikit-learn's LedoitWolf; `Golden/familiarity.py` makes the file.
@Suite struct FamiliarityTests {
    private struct File: Decodable {
        var train: [[Float]]
        var new: [[Float]]
        var shares: [Double]
    }

    private let file: File

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/familiarity.json")
        file = try JSONDecoder().decode(File.self, from: Data(contentsOf: path))
    }

    private func fitted() throws -> Familiarity {
        try Familiarity(fitting: file.train.flatMap { $0 }, count: file.train.count)
    }

    @Test func sharesAreThoseOfScikitLearn() throws {
        let shares = try fitted().shares(file.new.flatMap { $0 }, count: file.new.count)
        #expect(shares == file.shares)
        #expect(shares.suffix(5).allSatisfy { $0 == 0 } && shares.prefix(5).contains { $0 > 0 })
    }

    @Test func itIsReadAsItWasWritten() throws {
        let folder = try TemporaryFolder()
        let fitted = try fitted()
        try fitted.save(to: folder.path, weights: "abc")
        let read = try #require(try Familiarity.read(from: folder.path, weights: "abc", length: 12))
        let features = file.new.flatMap { $0 }
        #expect(try read.shares(features, count: 10) == fitted.shares(features, count: 10))
        func message(_ weights: String, _ length: Int) -> String {
            foveaError { _ = try Familiarity.read(from: folder.path, weights: weights, length: length) }?.message
                ?? "none"
        }
        #expect(message("other", 12).hasSuffix("belongs to other weights than those beside it"))
        #expect(message("abc", 13).contains("mean is missing or has another shape"))
        #expect(try Familiarity.read(from: folder.path + "/none", weights: "abc", length: 12) == nil)
        #expect(foveaError { _ = try Familiarity(fitting: [1, 2, 3], count: 3) }?.kind == .data)
    }

    /// Channels that never vary, and fewer images than channels.
    @Test func deadChannelsDoNotMatter() throws {
        let features = (0..<20).flatMap { row in [Float(row % 7), Float(row % 3), 1] + [Float](repeating: 0, count: 40)
        }
        let shares = try Familiarity(fitting: features, count: 20).shares(features, count: 20)
        #expect(shares.allSatisfy { 0...1 ~= $0 } && Set(shares).count > 3)
    }
}
