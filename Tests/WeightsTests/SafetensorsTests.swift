import Basics
import Foundation
import Testing
import Weights

@Suite struct SafetensorsTests {
    @Test func readsWhatThePythonLibraryWrote() throws {
        let file = try WeightFile.open(Golden.path("small.safetensors"))
        #expect(file.format == .safetensors)
        #expect(file.metadata == ["format": "pt \"quoted\""])
        #expect(Set(file.tensors.map(\.type)) == Set(ElementType.allCases))
        try Golden.check(file, is: Golden.expected("small.safetensors"))
    }

    @Test func writesTheSameBytesAsThePythonLibraryFromAnyOrder() throws {
        let golden = try WeightFile.open(Golden.path("small.safetensors"))
        let original = try Data(contentsOf: URL(fileURLWithPath: golden.path))
        var random = SeededRandom(seed: 1)
        for _ in 0..<5 {
            let sources = golden.tensors.shuffled(using: &random).map { tensor in
                TensorSource(tensor) { body in try golden.withBytes(of: tensor.name, body) }
            }
            try withTemporaryPath { path in
                try SafetensorsWriter.write(sources, metadata: golden.metadata, to: path)
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == original)
            }
        }
    }

    @Test func roundTripKeepsNamesMetadataAndAlignment() throws {
        let names = ["b", "a\u{0}\u{1F}\"\\/\n", "ä👁", "", "z.weight"]
        let metadata = ["key": "value\r\t\u{8}\u{C}", "": "", "é": "x"]
        try withTemporaryPath { path in
            var sources: [TensorSource] = []
            for (i, type) in ElementType.allCases.enumerated() {
                for name in names {
                    let tensor = try StoredTensor(name: "\(i)\(name)", type: type, shape: [1, 3])
                    sources.append(TensorSource(tensor, data: Data(repeating: UInt8(i), count: tensor.byteCount)))
                }
            }
            try SafetensorsWriter.write(sources, metadata: metadata, to: path)
            let file = try WeightFile.open(path)
            #expect(file.metadata == metadata)
            #expect(file.tensors.count == sources.count)
            for source in sources {
                #expect(file.tensor(named: source.tensor.name) == source.tensor)
                try file.withBytes(of: source.tensor.name) { bytes in
                    let address = try #require(bytes.baseAddress)
                    #expect(Int(bitPattern: address) % source.tensor.type.byteWidth == 0)
                    try source.withBytes { #expect($0.elementsEqual(bytes)) }
                }
            }
        }
    }

    @Test func aFailedWriteLeavesTheOldFile() throws {
        try withTemporaryPath { path in
            let tensor = try StoredTensor(name: "x", type: .float32, shape: [2])
            let good = TensorSource(tensor, data: Data(count: 8))
            try SafetensorsWriter.write([good], to: path)
            let old = try Data(contentsOf: URL(fileURLWithPath: path))
            let reserved = try StoredTensor(name: "__metadata__", type: .uint8, shape: [])
            for bad in [
                [TensorSource(tensor, data: Data(count: 7))], [TensorSource(tensor, data: Data(count: 9))],
                [good, good], [TensorSource(reserved, data: Data(count: 1))],
                [TensorSource(tensor) { _ in throw FoveaError(.engine, "lost") }],
            ] {
                #expect(throws: FoveaError.self) { try SafetensorsWriter.write(bad, to: path) }
                #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == old)
                let folder = (path as NSString).deletingLastPathComponent
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
            }
        }
    }

    @Test func aFileLargerThanMemoryIsReadInParts() throws {
        try withTemporaryPath { path in
            let elements = 1 << 36
            let header = #"{"x":{"dtype":"F32","shape":[\#(elements)],"data_offsets":[0,\#(elements * 4)]}}"#
            let start = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
            try start.write(to: URL(fileURLWithPath: path))
            #expect(truncate(path, off_t(start.count + elements * 4)) == 0)  // sparse: takes no space on the disk
            let file = try WeightFile.open(path)
            #expect(try file.bytes(elements * 4 - 2..<elements * 4, of: "x") == [0, 0])
            let error = #expect(throws: FoveaError.self) { try file.withBytes(of: "x") { _ in } }
            #expect(error?.kind == .environment)
            #expect(error?.message.contains("takes \(elements * 4) bytes of memory") == true)
        }
    }

    @Test func aMissingTensorIsNamed() throws {
        let file = try WeightFile.open(Golden.path("small.safetensors"))
        let error = #expect(throws: FoveaError.self) { try file.withBytes(of: "head.weight") { _ in } }
        #expect(error?.message.contains("has no tensor \"head.weight\"; it holds 16") == true)
        #expect(file.tensor(named: "head.weight") == nil)
    }

    @Test func aSafetensorsFileHasNoStateDicts() throws {
        #expect(throws: FoveaError.self) { try WeightFile.open(Golden.path("small.safetensors"), stateDict: "teacher") }
    }

    static let imagenet = Golden.folder.appendingPathComponent(
        "../../../../shared/weights/mobilenetv1_100_imagenet.safetensors")

    @Test(.enabled(if: FileManager.default.fileExists(atPath: imagenet.path), "needs ../shared/weights"))
    func readsRealWeights() throws {
        let file = try WeightFile.open(Self.imagenet.path)
        #expect(file.tensors.count == 125)
        #expect(file.tensor(named: "conv_stem.weight")?.shape == [32, 3, 3, 3])
        try file.withBytes(of: "bn1.running_var") { bytes in
            for offset in stride(from: 0, to: bytes.count, by: 4) {
                #expect(bytes.loadUnaligned(fromByteOffset: offset, as: Float.self) >= 0)
            }
        }
    }
}
