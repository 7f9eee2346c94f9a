import Basics
import Foundation
import TestSupport
import Testing
import Weights

@Suite struct PyTorchTests {
    @Test(arguments: [
        "state.pth", "protocol4.pth", "zip64.pth", "views.pth", "checkpoint.pth", "attack_outside.pth",
        "legacy.pth", "legacy_views.pth", "legacy_attack.pth",
    ])
    func readsWhatPyTorchWrote(_ name: String) throws {
        let file = try WeightFile.open(Golden.path(name))
        #expect(file.format == .pyTorch)
        #expect(file.metadata.isEmpty)
        try Golden.check(file, is: Golden.expected(name))
    }

    @Test func tensorsKeepTheOrderOfTheStateDict() throws {
        let names = try WeightFile.open(Golden.path("state.pth")).tensors.map(\.name)
        #expect(
            names == [
                "conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
                "bn.num_batches_tracked",
            ])
    }

    @Test func aStateDictCanBeChosen() throws {
        let path = Golden.path("checkpoint.pth")
        #expect(try WeightFile.open(path, stateDict: "student").tensors.map(\.name) == ["x"])
    }

    @Test func wording() throws {
        let files = ["module.pth", "compressed.pth", "expanded.pth", "attack_inside.pth"].map { name in
            (cause: name, error: foveaError { _ = try WeightFile.open(Golden.path(name)) })
        }
        #expect(files.allSatisfy { $0.error?.kind == .data })
        let stateDicts = ["ema", "optimizer"].map { name in
            let path = Golden.path("checkpoint.pth")
            return (cause: name, error: foveaError { _ = try WeightFile.open(path, stateDict: name) })
        }
        #expect(stateDicts[0].error?.kind == .configuration)
        #expect(
            try MessageSnapshot.differences("pytorch", files + stateDicts, leavingOut: Golden.folder.path + "/") == [])
    }

    /// A mapped file would end the process here.
    @Test func aFileThatIsShortenedWhileItIsOpenGivesAnError() throws {
        let found = try ["small.safetensors", "state.pth", "views.pth", "legacy_views.pth"].map { name in
            try withTemporaryPath { path in
                try FileManager.default.copyItem(atPath: Golden.path(name), toPath: path)
                let file = try WeightFile.open(path)
                #expect(truncate(path, 1) == 0)
                var error = foveaError {
                    for tensor in file.tensors { try file.withBytes(of: tensor.name) { _ = $0.reduce(0, &+) } }
                }
                #expect(error?.kind == .data)
                error?.message.replace(path, with: "FILE")
                return (cause: name, error: error)
            }
        }
        #expect(try MessageSnapshot.differences("shortened", found) == [])
    }

    @Test func partsOfATensorAreRead() throws {
        let file = try WeightFile.open(Golden.path("small.safetensors"))
        let whole = try file.withBytes(of: "every.F32") { Array($0) }
        #expect(try file.bytes(4..<12, of: "every.F32") == Array(whole[4..<12]))
        #expect(throws: FoveaError.self) { try file.bytes(4..<whole.count + 1, of: "every.F32") }
        #expect(throws: FoveaError.self) { try file.bytes(0..<4, of: "none") }
    }

    @Test func nothingInAFileIsExecuted() throws {
        _ = try? WeightFile.open(Golden.path("attack_inside.pth"))
        _ = try WeightFile.open(Golden.path("attack_outside.pth"))
        _ = try WeightFile.open(Golden.path("legacy_attack.pth"))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/fovea-was-attacked"))
    }

    /// Files of torch 2.13 in the form before 1.6, and what `torch.load` finds in them; run only where they are.
    @Test(.enabled(if: shared != nil, "skipped: there is no ../shared/weights beside the project"))
    func legacyFilesHoldWhatTorchFinds() throws {
        struct Document: Decodable {
            struct File: Decodable { let tensors: [String: Entry] }
            struct Entry: Decodable {
                let dtype: String
                let shape: [Int]
                let values: [Number]
            }
            /// A number, a truth value or the text of an infinity.
            struct Number: Decodable {
                let value: Double

                init(from decoder: any Decoder) throws {
                    let box = try decoder.singleValueContainer()
                    if let number = try? box.decode(Double.self) {
                        value = number
                    } else if let flag = try? box.decode(Bool.self) {
                        value = flag ? 1 : 0
                    } else {
                        value = Double(try box.decode(String.self)) ?? .nan
                    }
                }
            }
            let files: [String: File]
        }
        let folder = try #require(Self.shared)
        let document = try JSONDecoder().decode(
            Document.self, from: Data(contentsOf: URL(fileURLWithPath: folder + "/expected.json")))
        for (name, expected) in document.files {
            let file = try WeightFile.open(folder + "/" + name)
            #expect(Set(file.tensors.map(\.name)) == Set(expected.tensors.keys), "\(name)")
            for tensor in file.tensors {
                let wanted = try #require(expected.tensors[tensor.name])
                #expect(tensor.shape == wanted.shape)
                let values = try file.withBytes(of: tensor.name) { numbers($0, tensor.type) }
                #expect(values == wanted.values.map(\.value), "\(name) \(tensor.name)")
            }
        }
    }

    private static let shared: String? = {
        var folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<4 { folder.deleteLastPathComponent() }
        let path = folder.path + "/shared/weights/legacy"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    private func numbers(_ bytes: UnsafeRawBufferPointer, _ type: ElementType) -> [Double] {
        func all<T>(_ type: T.Type, _ number: (T) -> Double) -> [Double] {
            (0..<bytes.count / MemoryLayout<T>.size).map {
                number(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.size, as: type))
            }
        }
        return switch type {
        case .float32: all(Float.self, Double.init)
        case .float64: all(Double.self) { $0 }
        case .float16: all(UInt16.self, half)
        case .int32: all(Int32.self, Double.init)
        case .int64: all(Int64.self, Double.init)
        default: all(UInt8.self, Double.init)
        }
    }

    /// IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction.
    private func half(_ bits: UInt16) -> Double {
        let (exponent, fraction) = (Int(bits >> 10 & 31), Double(bits & 1023))
        let size: Double =
            switch exponent {
            case 0: fraction * 0x1p-24
            case 31: fraction == 0 ? .infinity : .nan
            default: Double(sign: .plus, exponent: exponent - 15, significand: 1 + fraction / 1024)
            }
        return bits >> 15 == 1 ? -size : size
    }
}
