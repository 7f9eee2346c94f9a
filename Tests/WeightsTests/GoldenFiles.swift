import Basics
import Foundation
import TestSupport
import Testing
import Weights

/// The files of `Golden/`, written by Python (`make_golden.py`), and what they should hold.
enum Golden {
    struct Tensor: Decodable {
        let type: String
        let shape: [Int]
        let bytes: String
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    static func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    static func expected(_ name: String) throws -> [String: Tensor] {
        let data = try Data(contentsOf: folder.appendingPathComponent("expected.json"))
        return try #require(JSONDecoder().decode([String: [String: Tensor]].self, from: data)[name])
    }

    /// Compares a whole file with its expectation, bit for bit.
    static func check(_ file: WeightFile, is expected: [String: Tensor]) throws {
        #expect(Set(file.tensors.map(\.name)) == Set(expected.keys))
        for (name, wanted) in expected {
            let found = try #require(file.tensor(named: name))
            #expect(found.type.rawValue == wanted.type, "\(name)")
            #expect(found.shape == wanted.shape, "\(name)")
            #expect(try file.withBytes(of: name, hexadecimal) == wanted.bytes, "\(name)")
        }
    }
}

func hexadecimal(_ bytes: UnsafeRawBufferPointer) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// Calls `body` with a path for a file of its own, which is removed afterwards.
func withTemporaryPath<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("weights-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.appendingPathComponent("file").path)
}

/// Opens a file with these bytes and reads every tensor in it.
@discardableResult
func readAll(_ bytes: [UInt8]) throws -> [String: [UInt8]] {
    try withTemporaryPath { try readAll(bytes, at: $0) }
}

/// The same, through a file at `path`.
@discardableResult
func readAll(_ bytes: [UInt8], at path: String) throws -> [String: [UInt8]] {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file = try WeightFile.open(path)
    var contents: [String: [UInt8]] = [:]
    for tensor in file.tensors { contents[tensor.name] = try file.withBytes(of: tensor.name) { Array($0) } }
    return contents
}

/// The error of reading a file of these bytes, with FILE for its path, which differs from run to run.
func refusal(of bytes: [UInt8], _ fault: String) throws -> FoveaError? {
    try withTemporaryPath { path in
        var error = foveaError { try readAll(bytes, at: path) }
        #expect(error?.kind == .data && error?.place?.path == path, "\(fault)")
        #expect(error?.message.utf8.count ?? 1000 < 1000, "\(fault)")
        #expect(error?.remedy?.isEmpty == false, "\(fault)")
        error?.message.replace(path, with: "FILE")
        return error
    }
}
