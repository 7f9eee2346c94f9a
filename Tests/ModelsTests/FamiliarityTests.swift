import Basics
import Foundation
import Models
import TestSupport
import Testing
import Weights

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
        let sha256 = try fitted.save(to: folder.path, weights: "abc")
        let features = file.new.flatMap { $0 }
        func message(_ weights: String, _ length: Int) -> String {
            foveaError {
                _ = try Familiarity.read(from: folder.path, weights: weights, sha256: sha256, length: length)
            }?.message ?? "none"
        }
        func sharesAreThose(_ sha256: String?) throws {
            let read = try #require(
                try Familiarity.read(from: folder.path, weights: "abc", sha256: sha256, length: 12))
            #expect(try read.shares(features, count: 10) == fitted.shares(features, count: 10))
        }
        try sharesAreThose(sha256)
        #expect(message("other", 12).hasSuffix("belongs to other weights than those beside it"))
        #expect(message("abc", 13).contains("mean is missing or has another shape"))
        // As earlier versions called it, with and without its hash in the calibration.
        let (path, earlier) = (
            folder.path + "/familiarity-\(sha256.prefix(16)).safetensors", folder.path + "/familiarity.safetensors"
        )
        #expect(rename(path, earlier) == 0)
        try sharesAreThose(sha256)
        try sharesAreThose(nil)
        unlink(earlier)
        #expect(message("abc", 12) == "\(path) is missing, though the calibration beside it was learnt with it")
        #expect(try Familiarity.read(from: folder.path, weights: "abc", length: 12) == nil)
        #expect(foveaError { _ = try Familiarity(fitting: [1, 2, 3], count: 3) }?.kind == .data)
    }

    /// Numbers with which every image would be familiar, or none.
    @Test func whatNoFitGivesIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/" + Familiarity.fileName()
        let name = try Familiarity.fileName(fitted().save(to: folder.path, weights: "abc"))
        #expect(rename(folder.path + "/" + name, path) == 0)
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        let header = try WeightFile.open(path)
        let written = try Dictionary(
            uniqueKeysWithValues: header.tensors.map { tensor in
                (tensor.name, try header.withBytes(of: tensor.name) { Array($0.bindMemory(to: Double.self)) })
            })
        func refusal(_ name: String, sha256: String? = nil, _ change: (inout [Double]) -> Void) throws -> FoveaError? {
            var values = try #require(written[name])
            let bytes = values.withUnsafeBytes { Data($0) }
            let place = try #require(whole.range(of: bytes))
            change(&values)
            var other = whole
            other.replaceSubrange(place, with: values.withUnsafeBytes { Data($0) })
            try other.write(to: URL(fileURLWithPath: path))
            return foveaError {
                _ = try Familiarity.read(from: folder.path, weights: "abc", sha256: sha256, length: 12)
            }
        }
        for (name, change) in [
            ("mean", { $0[3] = .nan }), ("precision", { $0[5] = .infinity }), ("distances", { $0[0] = -.infinity }),
            ("precision", { $0 = $0.map { _ in 0 } }), ("precision", { $0[13] = -$0[13] }),
            ("precision", { $0[1] += 1e6 }), ("distances", { $0 = $0.map { _ in 0 } }),
            ("distances", { $0.reverse() }), ("distances", { $0[0] = -1 }),
        ] as [(String, (inout [Double]) -> Void)] {
            let error = try refusal(name, change)
            #expect(
                error?.kind == .data && error?.place?.path == path && error?.message.contains(name) == true, "\(name)")
        }
        // What could be, but was not written.
        let hash = Digest.sha256(whole)
        #expect(try refusal("mean", sha256: hash) { $0[0] += 0.001 }?.kind == .data)
        #expect(try refusal("mean") { $0[0] += 0.001 } == nil)
        #expect(try refusal("mean", sha256: hash) { _ in } == nil)
        let same = [Float](repeating: 1, count: 12 * 20)
        #expect(foveaError { _ = try Familiarity(fitting: same, count: 20) }?.kind == .data)
    }

    /// Channels that never vary, and fewer images than channels.
    @Test func deadChannelsDoNotMatter() throws {
        let features = (0..<20).flatMap { row in [Float(row % 7), Float(row % 3), 1] + [Float](repeating: 0, count: 40)
        }
        let shares = try Familiarity(fitting: features, count: 20).shares(features, count: 20)
        #expect(shares.allSatisfy { 0...1 ~= $0 } && Set(shares).count > 3)
    }
}
