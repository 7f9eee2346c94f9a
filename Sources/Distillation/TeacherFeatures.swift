import Backbones
import Basics
import Foundation
import Torch
import Weights

/// One teacher's pooled features on the views of its bank, in a file beside it: float16 [views, rows, features].
///
/// They are some hundred times as large as the logits, so they stay in the file and are read batch by batch.
public struct TeacherFeatures {
    /// The tensor in the file.
    static let name = "features"
    /// Views times rows.
    let count: Int
    /// Numbers a feature.
    public let length: Int
    private let file: WeightFile

    /// The path for the features of the teacher whose logits are at `bank`.
    public static func path(alongside bank: String) -> String {
        let ending = ".safetensors"
        return (bank.hasSuffix(ending) ? String(bank.dropLast(ending.count)) : bank) + "-features" + ending
    }

    /// Opens stored features; nil when there are none with this key at `path`, or they are damaged.
    ///
    /// - Parameter key: that of the bank.
    public static func stored(at path: String, key: String) -> TeacherFeatures? {
        guard FileManager.default.fileExists(atPath: path), let file = try? WeightFile.open(path),
            file.metadata["key"] == key, let entry = file.tensor(named: name), entry.type == .float16,
            entry.shape.count == 3
        else { return nil }
        return TeacherFeatures(count: entry.shape[0] * entry.shape[1], length: entry.shape[2], file: file)
    }

    /// The features at some places of the bank, float32 [places, length], on the CPU.
    func features(at places: [Int]) throws -> Tensor {
        let width = length * 2
        var bytes: [UInt8] = []
        bytes.reserveCapacity(places.count * width)
        for place in places {
            guard 0..<count ~= place else { throw FoveaError(.engine, "\(file.path) has no place \(place)") }
            bytes += try file.bytes(place * width..<(place + 1) * width, of: Self.name)
        }
        return try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: [places.count, length], dtype: .float16) }
            .to(dtype: .float32)
    }
}
